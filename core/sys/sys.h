/* Every way into the kernel and into libc's resolver, as one table.
 *
 * linux.c holds the real one and is the only file that makes these calls. A test replaces the
 * pointer with a table of its own to script EINTR, short writes, lack of memory or descriptors.
 * Results are the system's own: -1 and errno; callers fold them with csock__ret(). */
#ifndef CSOCK_CORE_SYS_H
#define CSOCK_CORE_SYS_H

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#define CSOCK__SURROUNDINGS 4

/* What tells a file from others, and from itself before a change: stat(2). */
struct csock__stamp {
    uint64_t device, inode, size, changed; /* ns */
};

struct csock_sys {
    /* sockets */
    int (*socket)(int family, int type, int proto);
    int (*socketpair)(int family, int type, int proto, int fds[2]);
    int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(int fd, int backlog);
    int (*accept4)(int fd, struct sockaddr *addr, socklen_t *len, int flags);
    int (*connect)(int fd, const struct sockaddr *addr, socklen_t len);
    int (*shutdown)(int fd, int how);
    int (*close)(int fd);
    /* Lets go of the socket and keeps the number, on which every call then gives EBADF. */
    int (*put_placeholder)(int fd);
    int (*dup_cloexec)(int fd);
    int (*getsockname)(int fd, struct sockaddr *addr, socklen_t *len);
    int (*getpeername)(int fd, struct sockaddr *addr, socklen_t *len);
    int (*getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
    int (*setsockopt)(int fd, int level, int name, const void *value, socklen_t len);
    int (*get_nonblock)(int fd);               /* 0, 1 or -1 */
    int (*set_nonblock)(int fd, int nonblock); /* 0 or -1; one system call */
    /* transfers */
    ssize_t (*recv)(int fd, void *buf, size_t n, int flags);
    ssize_t (*recvfrom)(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
                        socklen_t *len);
    ssize_t (*recvmsg)(int fd, struct msghdr *msg, int flags);
    ssize_t (*send)(int fd, const void *buf, size_t n, int flags);
    ssize_t (*sendto)(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
                      socklen_t len);
    ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
    ssize_t (*sendfile)(int fd, int file, off_t *offset, size_t n);
    /* waiting and time */
    int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
    int (*clock)(struct timespec *ret_now);        /* CLOCK_MONOTONIC */
    int (*coarse_clock)(struct timespec *ret_now); /* the same, of the newest tick */
    int (*wall_clock)(struct timespec *ret_now);   /* CLOCK_REALTIME */
    int (*nanosleep)(const struct timespec *span);
    /* signals and threads */
    int (*sigaction)(int sig, const struct sigaction *act, struct sigaction *ret_old);
    int (*thread_mask)(int how, const sigset_t *set, sigset_t *ret_old); /* 0 or an errno */
    int (*signal_pending)(int sig);    /* for this thread or the process: 0, 1 or -1 */
    int (*signal_take)(int sig);       /* one that is blocked and pending, the thread's own first */
    int (*tgkill)(pid_t tid, int sig); /* to a thread of this process */
    pid_t (*getpid)(void);
    pid_t (*gettid)(void);
    int (*yield)(void);
    int (*thread_start)(pthread_t *ret_thread, void *(*run)(void *arg), void *arg);
    int (*thread_join)(pthread_t thread); /* these three: 0 or an errno */
    int (*thread_detach)(pthread_t thread);
    /* Sleeps for as long as *word has this value, until a moment of CLOCK_MONOTONIC. */
    int (*futex_wait)(const uint32_t *word, uint32_t value, const struct timespec *until);
    int (*futex_wake)(const uint32_t *word, int most);
    int (*event_open)(void);  /* an eventfd that does not block */
    int (*event_set)(int fd); /* now poll(2) finds it readable */
    int (*event_clear)(int fd);
    /* What makes a name mean something else to this thread: its namespaces of networks and of
     * mounts, and its root. */
    int (*surroundings)(uint64_t ret_ids[CSOCK__SURROUNDINGS]);
    /* The beginning of a file, as far as it fits: how many bytes, or -1. */
    ssize_t (*read_file)(const char *path, void *buf, size_t size);
    int (*file_stamp)(const char *path, struct csock__stamp *ret_stamp);
    /* A file to write, of the user alone, where there was nothing, nor a link to anything. */
    int (*file_create)(const char *path);
    int (*fd_stamp)(int fd, struct csock__stamp *ret_stamp);
    ssize_t (*file_write)(int fd, const struct iovec *parts, int n, off_t offset);
    int (*file_cut)(int fd, off_t size);
    /* memory */
    void *(*alloc)(size_t size);  /* zeroed, or NULL */
    void *(*wiped_on_fork)(void); /* zeroed, and zeroed again in every child; for good. Or NULL */
    void (*release)(void *memory);
    /* names */
    int (*getaddrinfo)(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list);
    void (*freeaddrinfo)(struct addrinfo *list);
    /* What libc's resolver keeps for this thread is as for a new one: no sockets, for one. */
    void (*resolver_forget)(void);
    int (*getnameinfo)(const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_size,
                       char *service, socklen_t service_size, int flags);
    int (*gethostbyname2_r)(const char *name, int family, struct hostent *ent, char *buf,
                            size_t size, struct hostent **ret_ent, int *ret_herr);
    int (*gethostbyaddr_r)(const void *addr, socklen_t len, int family, struct hostent *ent,
                           char *buf, size_t size, struct hostent **ret_ent, int *ret_herr);
    int (*getservbyname_r)(const char *name, const char *proto, struct servent *ent, char *buf,
                           size_t size, struct servent **ret_ent);
    int (*getservbyport_r)(int port, const char *proto, struct servent *ent, char *buf, size_t size,
                           struct servent **ret_ent);
    int (*getprotobyname_r)(const char *name, struct protoent *ent, char *buf, size_t size,
                            struct protoent **ret_ent);
    int (*gethostname)(char *name, size_t size);
    int (*sethostname)(const char *name, size_t n);
    /* interfaces */
    int (*iface_index)(int fd, const char *name); /* of a name that fits; the number, or -1 */
    int (*iface_name)(int fd, int index, char name[IF_NAMESIZE]);
    unsigned (*if_nametoindex)(const char *name); /* 0 on failure */
    char *(*if_indextoname)(unsigned index, char *name);
    struct if_nameindex *(*if_nameindex)(void);
    void (*if_freenameindex)(struct if_nameindex *rows);
};

/* The table in force. Replace it before other threads use the library, restore it after. */
extern const struct csock_sys *csock__sys;
extern const struct csock_sys csock__sys_linux;

static inline int64_t csock__ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* An array that has room for n elements of this size and `more`: the same, or a larger one in its
 * place; `first` is what an empty one gets, `room` is kept. NULL: no memory, and nothing has
 * changed. */
void *csock__grown(void *list, size_t n, size_t more, size_t first, size_t size, size_t *room);

/* -1 and errno to -errno; all else as it is. */
static inline ssize_t csock__ret(ssize_t r)
{
    return r < 0 ? -(ssize_t)errno : r;
}

#endif
