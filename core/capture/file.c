/* The capture file: see file.h. Sits on the table. */
#include "capture/file.h"

#include <limits.h>
#include <string.h>

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

/* 0, or an errno. */
static int write_parts(struct csock__pcap *p, struct iovec *parts, int n)
{
    uint64_t at = p->stamp.size;
    while (n > 0) {
        off_t offset = (off_t)at;
        if (offset < 0 || (uint64_t)offset != at)
            return EFBIG;
        ssize_t r = csock__sys->file_write(p->fd, parts, n, offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return r < 0 ? errno : EIO;
        at += (uint64_t)r;
        skip(&parts, &n, (size_t)r);
    }
    p->stamp.size = at;
    return 0;
}

static bool ignores_limit(void)
{
    struct sigaction now;
    return csock__sys->sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* A file that RLIMIT_FSIZE bounds raises SIGXFSZ, which ends a program that has no handler; Python
 * ignores it. One that was pending before is the program's. setrlimit(2) */
static int write_shielded(struct csock__pcap *p, struct iovec *parts, int n)
{
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    if (ignores_limit() || csock__sys->thread_mask(SIG_BLOCK, &limit, &before) != 0)
        return write_parts(p, parts, n);
    bool theirs = sigismember(&before, SIGXFSZ) && csock__sys->signal_pending(SIGXFSZ) != 0;
    int err = write_parts(p, parts, n);
    if (err == EFBIG && !theirs)
        csock__sys->signal_take(SIGXFSZ);
    csock__sys->thread_mask(SIG_SETMASK, &before, NULL);
    return err;
}

/* All of it, or nothing. */
static void write_all(struct csock__pcap *p, struct iovec *parts, int n)
{
    if (p->fd < 0)
        return;
    int err = is_ours(p) ? write_shielded(p, parts, n) : EBADF;
    if (err == 0)
        return;
    if (err != EBADF)
        csock__sys->file_cut(p->fd, (off_t)p->stamp.size);
    fail(p, err);
}

static void flush(struct csock__batch *b)
{
    write_all((struct csock__pcap *)b, b->parts, 3 * b->n);
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
    write_all(p, &part, 1);
    return -p->err;
}

static void free_pcap(struct csock__pcap *p)
{
    csock__pcap_end(p);
    csock__sys->release(p->path);
    csock__sys->release(p);
}

int csock__pcap_open(const char *path, const struct csock__about *about, size_t keep,
                     uint32_t generation, struct csock__pcap **ret)
{
    struct csock__pcap *p = csock__sys->alloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    p->batch.flush = flush;
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
