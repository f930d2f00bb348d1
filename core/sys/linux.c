/* The system: the only file that enters the kernel or libc's resolver.
 *
 * Each entry is the plain call, or the shortest wrapper that gives it a fixed shape. No policy
 * here: retries, waiting and errors belong to the callers. */
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/sys.h"

/* A path descriptor is no socket for recv(2) and its like, and poll(2) says POLLNVAL: open(2),
 * O_PATH. Nothing here that a signal handler may not do. */
static int sys_put_placeholder(int fd)
{
    int path = open("/", O_PATH | O_CLOEXEC);
    if (path < 0)
        return -1;
    int r = dup3(path, fd, O_CLOEXEC);
    close(path);
    return r < 0 ? -1 : 0;
}

static int sys_dup_cloexec(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int sys_get_nonblock(int fd)
{
    int mode = fcntl(fd, F_GETFL);
    return mode < 0 ? -1 : (mode & O_NONBLOCK) != 0;
}

/* FIONBIO changes this one flag in one system call, where F_GETFL and F_SETFL take two. ioctl(2) */
static int sys_set_nonblock(int fd, int nonblock)
{
    return ioctl(fd, FIONBIO, &nonblock);
}

static int sys_clock(struct timespec *ret_now)
{
    return clock_gettime(CLOCK_MONOTONIC, ret_now);
}

static int sys_coarse_clock(struct timespec *ret_now)
{
    return clock_gettime(CLOCK_MONOTONIC_COARSE, ret_now);
}

static int sys_wall_clock(struct timespec *ret_now)
{
    return clock_gettime(CLOCK_REALTIME, ret_now);
}

static int sys_nanosleep(const struct timespec *span)
{
    return nanosleep(span, NULL);
}

static int sys_signal_pending(int sig)
{
    sigset_t set;
    return sigpending(&set) < 0 ? -1 : sigismember(&set, sig);
}

static int sys_signal_take(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return sigtimedwait(&set, NULL, &(struct timespec){0});
}

static int sys_tgkill(pid_t tid, int sig)
{
    return (int)syscall(SYS_tgkill, getpid(), tid, sig);
}

static pid_t sys_gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* Room for libc's resolver and what nsswitch.conf(5) may have it load, as little as a process on 32
 * bits can spare some dozens of times. pthread_attr_setstacksize(3) */
#define STACK_SIZE (1 << 20)

static int sys_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg)
{
    pthread_attr_t attr;
    int r = pthread_attr_init(&attr);
    if (r != 0)
        return r;
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    r = pthread_create(ret_thread, &attr, run, arg);
    pthread_attr_destroy(&attr);
    return r;
}

/* In the child of a fork(2) glibc gives a new thread the stack of one that only the parent has, and
 * what the resolver kept for that: were it in the middle of a look-up, a socket that the parent's
 * thread reads from, too. Its number may be another file's by now, so nothing is closed. musl keeps
 * nothing. */
static void sys_resolver_forget(void)
{
#ifdef __GLIBC__
    memset(&_res, 0, sizeof _res);
#endif
}

static int sys_thread_join(pthread_t thread)
{
    return pthread_join(thread, NULL);
}

/* The kernel's own timespec, whatever libc's time_t is. futex(2) */
#ifdef SYS_futex
#define FUTEX SYS_futex
#define FUTEX_TIME long
#else /* riscv32 and later ones */
#define FUTEX SYS_futex_time64
#define FUTEX_TIME long long
#endif

static int sys_futex_wait(const uint32_t *word, uint32_t value, const struct timespec *until)
{
    FUTEX_TIME moment[2] = {(FUTEX_TIME)until->tv_sec, (FUTEX_TIME)until->tv_nsec};
    return (int)syscall(FUTEX, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, moment, NULL,
                        FUTEX_BITSET_MATCH_ANY);
}

static int sys_futex_wake(const uint32_t *word, int most)
{
    return (int)syscall(FUTEX, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, NULL, NULL, 0);
}

static int sys_event_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int sys_event_set(int fd)
{
    return eventfd_write(fd, 1);
}

static int sys_event_clear(int fd)
{
    eventfd_t count;
    return eventfd_read(fd, &count);
}

/* namespaces(7): the links are followed, to one inode for each. */
static int sys_surroundings(uint64_t ret_ids[CSOCK__SURROUNDINGS])
{
    struct stat net, mounts, root;
    if (stat("/proc/thread-self/ns/net", &net) < 0 ||
        stat("/proc/thread-self/ns/mnt", &mounts) < 0 || stat("/", &root) < 0)
        return -1;
    ret_ids[0] = net.st_ino;
    ret_ids[1] = mounts.st_ino;
    ret_ids[2] = root.st_dev;
    ret_ids[3] = root.st_ino;
    return 0;
}

/* What is no file, but has the name of one, does not block it. open(2), O_NONBLOCK */
static ssize_t sys_read_file(const char *path, void *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, buf, size);
    close(fd);
    return n;
}

static int stamp_of(int r, const struct stat *st, struct csock__stamp *ret_stamp)
{
    if (r < 0)
        return -1;
    *ret_stamp = (struct csock__stamp){.device = st->st_dev,
                                       .inode = st->st_ino,
                                       .size = (uint64_t)st->st_size,
                                       .changed = (uint64_t)csock__ns(&st->st_ctim)};
    return 0;
}

static int sys_file_stamp(const char *path, struct csock__stamp *ret_stamp)
{
    struct stat st;
    return stamp_of(stat(path, &st), &st, ret_stamp);
}

static int sys_fd_stamp(int fd, struct csock__stamp *ret_stamp)
{
    struct stat st;
    return stamp_of(fstat(fd, &st), &st, ret_stamp);
}

static int sys_file_create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

static void *sys_alloc(size_t size)
{
    return calloc(1, size);
}

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* madvise(2) */
static void *sys_wiped_on_fork(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, size);
    return NULL;
}

/* By the socket, so that its network namespace is asked. netdevice(7) */
static int sys_iface_index(int fd, const char *name)
{
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? -1 : request.ifr_ifindex;
}

static int sys_iface_name(int fd, int index, char name[IF_NAMESIZE])
{
    struct ifreq request = {.ifr_ifindex = index};
    if (ioctl(fd, SIOCGIFNAME, &request) < 0)
        return -1;
    memcpy(name, request.ifr_name, IF_NAMESIZE);
    return 0;
}

#ifdef __GLIBC__
#define sys_getprotobyname_r getprotobyname_r
#else

/* Whether a line of protocols(5), "name number alias…", has this name; its number then. */
static bool protocol_line(char *line, const char *name, int *ret_number)
{
    char *rest, *number;
    line[strcspn(line, "#\n")] = '\0';
    char *word = strtok_r(line, " \t", &rest);
    if (!word || !(number = strtok_r(NULL, " \t", &rest)))
        return false;
    *ret_number = atoi(number);
    while (word && strcmp(word, name) != 0)
        word = strtok_r(NULL, " \t", &rest);
    return word != NULL;
}

/* Where libc has no reentrant one: the number, which is all that is asked for here. */
static int sys_getprotobyname_r(const char *name, struct protoent *ent, char *buf, size_t size,
                                struct protoent **ret_ent)
{
    FILE *file = fopen("/etc/protocols", "re");
    *ret_ent = NULL;
    if (!file)
        return errno;
    while (!*ret_ent && fgets(buf, (int)size, file))
        if (protocol_line(buf, name, &ent->p_proto))
            *ret_ent = ent;
    fclose(file);
    return 0;
}

#endif

const struct csock_sys csock__sys_linux = {
    .socket = socket,
    .socketpair = socketpair,
    .bind = bind,
    .listen = listen,
    .accept4 = accept4,
    .connect = connect,
    .shutdown = shutdown,
    .close = close,
    .put_placeholder = sys_put_placeholder,
    .dup_cloexec = sys_dup_cloexec,
    .getsockname = getsockname,
    .getpeername = getpeername,
    .getsockopt = getsockopt,
    .setsockopt = setsockopt,
    .get_nonblock = sys_get_nonblock,
    .set_nonblock = sys_set_nonblock,
    .recv = recv,
    .recvfrom = recvfrom,
    .recvmsg = recvmsg,
    .send = send,
    .sendto = sendto,
    .sendmsg = sendmsg,
    .sendfile = sendfile,
    .poll = poll,
    .clock = sys_clock,
    .coarse_clock = sys_coarse_clock,
    .wall_clock = sys_wall_clock,
    .nanosleep = sys_nanosleep,
    .sigaction = sigaction,
    .thread_mask = pthread_sigmask,
    .signal_pending = sys_signal_pending,
    .signal_take = sys_signal_take,
    .tgkill = sys_tgkill,
    .getpid = getpid,
    .gettid = sys_gettid,
    .yield = sched_yield,
    .thread_start = sys_thread_start,
    .thread_join = sys_thread_join,
    .thread_detach = pthread_detach,
    .futex_wait = sys_futex_wait,
    .futex_wake = sys_futex_wake,
    .event_open = sys_event_open,
    .event_set = sys_event_set,
    .event_clear = sys_event_clear,
    .surroundings = sys_surroundings,
    .read_file = sys_read_file,
    .file_stamp = sys_file_stamp,
    .file_create = sys_file_create,
    .fd_stamp = sys_fd_stamp,
    .file_write = pwritev,
    .file_cut = ftruncate,
    .alloc = sys_alloc,
    .wiped_on_fork = sys_wiped_on_fork,
    .release = free,
    .getaddrinfo = getaddrinfo,
    .freeaddrinfo = freeaddrinfo,
    .resolver_forget = sys_resolver_forget,
    .getnameinfo = getnameinfo,
    .gethostbyname2_r = gethostbyname2_r,
    .gethostbyaddr_r = gethostbyaddr_r,
    .getservbyname_r = getservbyname_r,
    .getservbyport_r = getservbyport_r,
    .getprotobyname_r = sys_getprotobyname_r,
    .gethostname = gethostname,
    .sethostname = sethostname,
    .iface_index = sys_iface_index,
    .iface_name = sys_iface_name,
    .if_nametoindex = if_nametoindex,
    .if_indextoname = if_indextoname,
    .if_nameindex = if_nameindex,
    .if_freenameindex = if_freenameindex,
};

const struct csock_sys *csock__sys = &csock__sys_linux;
