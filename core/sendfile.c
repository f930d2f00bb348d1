/* Sending a part of a file. Sits on wait and sys. */
#include "sys.h"
#include "wait.h"

struct file_part {
    struct csock__op op;
    int file;
    off_t offset;
    size_t n;
};

static ssize_t run_sendfile(int fd, const struct csock__op *op, int flags)
{
    const struct file_part *part = (const struct file_part *)op;
    off_t offset = part->offset;
    (void)flags;
    return csock__ret(csock__sys->sendfile(fd, part->file, &offset, part->n));
}

ssize_t csock_sendfile(struct csock *s, int file, off_t offset, size_t n,
                       const struct csock_wait *w)
{
    struct csock__waiting wg;
    struct file_part part = {
        .op = {.run = run_sendfile, .events = POLLOUT}, .file = file, .offset = offset, .n = n};
    ssize_t r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    r = csock__run(&wg, &part.op);
    csock__waiting_end(&wg);
    return r;
}
