/* Sending a part of a file. Sits on try.h, wait and sys. */
#include "sys/sys.h"
#include "call/try.h"
#include "call/wait.h"

struct file_part {
    struct csock__op op;
    int file;
    int64_t offset;
    size_t n;
    bool quiet; /* no SIGPIPE is to come of it */
};

static ssize_t send_part(int fd, const struct file_part *part)
{
    off_t offset = (off_t)part->offset;
    if (offset != part->offset)
        return -EOVERFLOW;
    return csock__ret(csock__sys->sendfile(fd, part->file, &offset, part->n));
}

/* sendfile(2) knows no MSG_NOSIGNAL. The SIGPIPE of a broken pipe is for the thread that writes, so
 * that it can be kept off and taken back by it, whatever other threads do: pthread_sigmask(3),
 * sigtimedwait(2). One that was pending before is the program's, and stays. */
static ssize_t send_quietly(int fd, const struct file_part *part)
{
    sigset_t pipe, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    int r = csock__sys->thread_mask(SIG_BLOCK, &pipe, &before);
    if (r)
        return -r;
    bool was_blocked = sigismember(&before, SIGPIPE);
    bool theirs = was_blocked && csock__sys->signal_pending(SIGPIPE) != 0;
    ssize_t sent = send_part(fd, part);
    bool broken =
        sent == -EPIPE || (sent > 0 && (size_t)sent < part->n); /* perhaps, in the middle */
    if (broken && !theirs)
        csock__sys->signal_take(SIGPIPE);
    if (!was_blocked)
        csock__sys->thread_mask(SIG_UNBLOCK, &pipe, NULL);
    return sent;
}

static ssize_t run_sendfile(int fd, const struct csock__op *op, int flags)
{
    const struct file_part *part = (const struct file_part *)op;
    (void)flags;
    return part->quiet ? send_quietly(fd, part) : send_part(fd, part);
}

static const struct csock__kind sendfile_kind = {.run = run_sendfile, .what = CSOCK__SENDFILE};

ssize_t csock_sendfile(struct csock *s, int file, int64_t offset, size_t n,
                       const struct csock_wait *w)
{
    struct csock__waiting wg;
    struct file_part part = {
        .op = {.kind = &sendfile_kind, .events = POLLOUT}, .file = file, .offset = offset, .n = n};
    ssize_t r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    part.quiet = !(csock_flags(s) & CSOCK_SIGPIPE) && csock__raises_sigpipe(s);
    r = csock__run(&wg, &part.op);
    csock__waiting_end(&wg);
    return r;
}
