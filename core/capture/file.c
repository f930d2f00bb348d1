/* The capture file: see file.h. Sits on the table. */
#include "capture/file.h"

#include <limits.h>
#include <string.h>

#include "sys/mark.h"

#define FIRST_SEQ 100000

int64_t csock__pcap_now(void)
{
    struct timespec now = {0};
    csock__sys->wall_clock(&now);
    return csock__ns(&now);
}

/* Whether the descriptor is that of the file still. If not, it is somebody else's. */
static bool is_ours(const struct csock__pcap *p)
{
    struct csock__stamp now;
    return csock__sys->fd_stamp(p->fd, &now) == 0 && now.device == p->stamp.device &&
           now.inode == p->stamp.inode;
}

void csock__pcap_end(struct csock__pcap *p)
{
    csock__pcap_stop_collecting(p);
    if (p->fd >= 0 && is_ours(p))
        csock__sys->close(p->fd);
    p->fd = -1;
}

static void fail(struct csock__pcap *p, int err)
{
    if (p->err == 0)
        __atomic_store_n(&p->err, err, __ATOMIC_RELEASE);
    csock__pcap_end(p);
}

int csock__pcap_failure(struct csock__pcap *p)
{
    int err = __atomic_load_n(&p->err, __ATOMIC_ACQUIRE);
    return err && !__atomic_exchange_n(&p->told, true, __ATOMIC_ACQ_REL) ? err : 0;
}

/* What follows the first `done` bytes. */
static void skip(struct iovec **parts, int *n, size_t done)
{
    while (*n > 0 && done >= (*parts)->iov_len) {
        done -= (*parts)->iov_len;
        ++*parts;
        --*n;
    }
    if (*n > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + done;
        (*parts)->iov_len -= done;
    }
}

/* 0, or an errno; and how many bytes there are now, whole packets or not. */
static int write_parts(struct csock__pcap *p, struct iovec *parts, int n, size_t *ret_done)
{
    while (n > 0) {
        uint64_t at = p->stamp.size + *ret_done;
        off_t offset = (off_t)at;
        if (offset < 0 || (uint64_t)offset != at)
            return EFBIG;
        ssize_t r = csock__sys->file_write(p->fd, parts, n, offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? errno : EIO;
        *ret_done += (size_t)r;
        skip(&parts, &n, (size_t)r);
    }
    return 0;
}

static bool ignores_limit(void)
{
    struct sigaction now;
    return csock__sys->sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* A file that RLIMIT_FSIZE bounds raises SIGXFSZ, which ends a program that has no handler; Python
 * ignores it. One that was pending before is the program's. setrlimit(2) */
static int write_shielded(struct csock__pcap *p, struct iovec *parts, int n, size_t *ret_done)
{
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    if (ignores_limit() || csock__sys->thread_mask(SIG_BLOCK, &limit, &before) != 0)
        return write_parts(p, parts, n, ret_done);
    bool theirs = sigismember(&before, SIGXFSZ) && csock__sys->signal_pending(SIGXFSZ) != 0;
    int err = write_parts(p, parts, n, ret_done);
    if (err == EFBIG && !theirs)
        csock__sys->signal_take(SIGXFSZ);
    csock__sys->thread_mask(SIG_SETMASK, &before, NULL);
    return err;
}

/* Bytes of whole blocks among the first n: the second word of each is its length. */
static size_t whole_blocks(const uint8_t *blocks, size_t n)
{
    size_t whole = 0;
    uint32_t size;
    while (n - whole >= 2 * sizeof size) {
        memcpy(&size, blocks + whole + sizeof size, sizeof size);
        if (size > n - whole)
            break;
        whole += size;
    }
    return whole;
}

void csock__pcap_write(struct csock__pcap *p, struct iovec *parts, int n)
{
    const uint8_t *blocks = n == 1 ? parts->iov_base : NULL;
    size_t done = 0;
    if (p->fd < 0 || csock__known_generation() != p->generation)
        return; /* a child has its parent's packets, too: no failure of its own */
    int err = is_ours(p) ? write_shielded(p, parts, n, &done) : EBADF;
    if (err == 0 || blocks)
        p->stamp.size += err == 0 ? done : whole_blocks(blocks, done);
    if (err != 0 && err != EBADF)
        csock__sys->file_cut(p->fd, (off_t)p->stamp.size);
    if (err != 0)
        fail(p, err);
}

/* 0 or -errno. */
static int create(struct csock__pcap *p, const char *path, const struct csock__about *about)
{
    uint8_t head[CSOCK__FILE_HEAD_MAX];
    size_t n = strlen(path) + 1;
    if (!(p->path = csock__sys->alloc(n)))
        return -ENOMEM;
    memcpy(p->path, path, n);
    p->fd = csock__sys->file_create(path);
    if (p->fd < 0)
        return -errno;
    if (csock__sys->fd_stamp(p->fd, &p->stamp) < 0) {
        int err = errno;
        csock__sys->close(p->fd);
        p->fd = -1;
        return -err;
    }
    struct iovec part = {head, csock__file_head(head, about)};
    csock__pcap_write(p, &part, 1);
    return -p->err;
}

/* In a child the thread that goes through its parent's files, and may have any lock, is not there.
 */
static void free_pcap(struct csock__pcap *p)
{
    bool own = csock__known_generation() == p->generation;
    if (own)
        csock__lock(&p->lock);
    csock__pcap_end(p);
    if (own) {
        csock__unlock(&p->lock);
        csock__unwatch(p);
    }
    csock__sys->release(p->path);
    csock__sys->release(p);
}

int csock__pcap_open(const char *path, const struct csock__about *about, size_t keep,
                     uint32_t generation, struct csock__pcap **ret)
{
    struct csock__pcap *p = csock__sys->alloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    p->batch.flush = csock__pcap_take;
    p->fd = -1;
    p->users = 1;
    p->generation = generation;
    p->keep = keep;
    p->seq = FIRST_SEQ;
    int r = create(p, path, about);
    if (r < 0)
        free_pcap(p);
    else
        *ret = p;
    return r;
}

void csock__pcap_hold(struct csock__pcap *p)
{
    __atomic_add_fetch(&p->users, 1, __ATOMIC_RELAXED);
}

void csock__pcap_let_go(struct csock__pcap *p)
{
    if (__atomic_sub_fetch(&p->users, 1, __ATOMIC_ACQ_REL) == 0)
        free_pcap(p);
}
