/* Ancillary data: read from bytes that nobody vouches for, and built. libc's macros judge where
 * they say anything: what they find csock finds, too, and what csock builds they find. First byte:
 * which of the two. */
#include "fuzz.h"

#include "csock.h"
#include "sys/sys.h"

#include <errno.h>
#include <limits.h>

/* ---- the close of close_fds */

static int closed_fds[1024];
static size_t n_closed;

static int fake_close(int fd)
{
    CHECK(fd >= 0 && n_closed < COUNT(closed_fds));
    closed_fds[n_closed++] = fd;
    if (fd % 7 == 3) {
        errno = EBADF;
        return -1;
    }
    return 0;
}

/* ---- reading */

static const char *begin_of(const struct msghdr *msg)
{
    return msg->msg_control;
}

/* An item lies within the bytes there are, and its bytes may all be read. */
static void check_item(const struct msghdr *msg, size_t at, const struct csock_cmsg *item)
{
    const char *data = item->data;
    CHECK(data == begin_of(msg) + at + CMSG_LEN(0));
    CHECK(item->n <= msg->msg_controllen - at - CMSG_LEN(0));
    fuzz_read(data, item->n);
}

/* libc's walk is a beginning of csock's: older ones pass over a last item without padding. */
static void check_against_libc(struct msghdr *msg)
{
    size_t at = 0;
    struct csock_cmsg item;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_len < CMSG_LEN(0)) {
            CHECK(csock_cmsg_next(msg, &at, &item) == -EBADMSG);
            return;
        }
        CHECK((const char *)c == begin_of(msg) + at);
        CHECK(csock_cmsg_next(msg, &at, &item) == 1);
        CHECK(item.data == CMSG_DATA(c));
        CHECK(item.level == c->cmsg_level && item.type == c->cmsg_type);
        CHECK(item.cut || item.n == c->cmsg_len - CMSG_LEN(0));
        if (item.cut) /* a length beyond the end is for libc to stumble over */
            return;
    }
}

/* Every descriptor, once, in order. */
static void check_closing(const struct msghdr *msg)
{
    size_t at = 0, n = 0, closed = 0;
    struct csock_cmsg item;
    n_closed = 0;
    size_t said = csock_cmsg_close_fds(msg);
    while (csock_cmsg_next(msg, &at, &item) > 0)
        for (size_t i = 0; i + sizeof(int) <= item.n; i += sizeof(int)) {
            int fd;
            memcpy(&fd, (const char *)item.data + i, sizeof fd);
            if (item.level != SOL_SOCKET || (item.type != SCM_RIGHTS && item.type != 4) || fd < 0)
                continue;
            CHECK(n < n_closed && closed_fds[n] == fd);
            n++;
            closed += fd % 7 != 3;
        }
    CHECK(n == n_closed && said == closed);
}

static void walk(const struct msghdr *msg)
{
    size_t at = 0, before = 0, items = 0;
    struct csock_cmsg item;
    int r;
    memset(&item, PATTERN, sizeof item);
    while ((r = csock_cmsg_next(msg, &at, &item)) > 0) {
        check_item(msg, before, &item);
        CHECK(at > before);
        CHECK(!item.cut || at == msg->msg_controllen);
        before = at;
        items++;
        memset(&item, PATTERN, sizeof item);
    }
    CHECK(fuzz_untouched(&item, sizeof item) && at == before);
    CHECK(r == 0 || r == -EBADMSG);
    CHECK(items <= msg->msg_controllen / CMSG_LEN(0));
}

static void read_items(struct fuzz_input *in)
{
    size_t n, shift = fuzz_below(in, 4) == 3; /* an address that is aligned as nothing */
    char *given = fuzz_bytes(in, sizeof closed_fds, &n);
    char *control = fuzz_room(n + shift);
    if (n > 0)
        memcpy(control + shift, given, n);
    free(given);
    struct msghdr msg = {.msg_control = control + shift, .msg_controllen = n};
    walk(&msg);
    check_closing(&msg);
    if (shift == 0)
        check_against_libc(&msg);
    free(control);
}

/* ---- building */

/* Lengths beside every edge, and short ones. */
static size_t length(struct fuzz_input *in)
{
    static const size_t edges[] = {0, INT_MAX, UINT_MAX, SIZE_MAX, SIZE_MAX / 2};
    unsigned byte = fuzz_byte(in);
    return byte < 200 ? byte % 64 : edges[byte % COUNT(edges)] + fuzz_byte(in) % 64 - 32;
}

static void check_lengths(size_t n)
{
    ssize_t len = csock_cmsg_len(n), space = csock_cmsg_space(n);
    CHECK(len == -EMSGSIZE || (size_t)len == CMSG_LEN(n));
    CHECK(space == -EMSGSIZE || (size_t)space == CMSG_SPACE(n));
    CHECK((len == -EMSGSIZE) == (n > INT_MAX - CMSG_LEN(0)));
    CHECK(space <= INT_MAX && (space > 0 || n > INT_MAX - CMSG_SPACE(1)));
}

struct built {
    int level, type;
    size_t n;
    char data[64];
};

/* One item more, if it fits: `b` says what. What is behind it stays as it was. */
static bool add(struct msghdr *msg, size_t capacity, struct built *b, struct fuzz_input *in)
{
    size_t before = msg->msg_controllen;
    b->n = length(in);
    b->level = (int)fuzz_u32(in);
    b->type = fuzz_byte(in);
    for (size_t i = 0; i < sizeof b->data; i++)
        b->data[i] = (char)(b->type + (int)i);
    check_lengths(b->n);
    int r = csock_cmsg_add(msg, capacity, b->level, b->type, b->data, b->n);
    size_t used = msg->msg_controllen;
    if (b->n > INT_MAX - CMSG_SPACE(1))
        CHECK(r == -EMSGSIZE);
    else
        CHECK(r == (before + CMSG_SPACE(b->n) <= capacity ? 0 : -ENOBUFS));
    CHECK(used == (r == 0 ? before + CMSG_SPACE(b->n) : before));
    CHECK(fuzz_untouched((char *)msg->msg_control + used, capacity - used));
    return r == 0;
}

/* libc finds what was built, and zeros for padding. */
static void check_built(struct msghdr *msg, const struct built *b, size_t n)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    for (size_t i = 0; i < n; i++, c = CMSG_NXTHDR(msg, c)) {
        CHECK(c && c->cmsg_len == CMSG_LEN(b[i].n));
        CHECK(c->cmsg_level == b[i].level && c->cmsg_type == b[i].type);
        CHECK(!memcmp(CMSG_DATA(c), b[i].data, b[i].n));
        for (size_t j = CMSG_LEN(b[i].n); j < CMSG_SPACE(b[i].n); j++)
            CHECK(((char *)c)[j] == 0);
    }
    CHECK(!c);
    walk(msg);
    check_against_libc(msg);
}

static void build_items(struct fuzz_input *in)
{
    struct built built[16];
    size_t capacity = 2 * (size_t)fuzz_byte(in), n = 0;
    capacity += fuzz_byte(in);
    struct msghdr msg = {.msg_control = fuzz_room(capacity)};
    for (size_t tries = 0; in->left > 0 && n < COUNT(built) && tries < 64; tries++)
        n += add(&msg, capacity, &built[n], in);
    check_built(&msg, built, n);
    free(msg.msg_control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {.at = data, .left = n};
    struct csock_sys table = csock__sys_linux;
    table.close = fake_close;
    csock__sys = &table;
    if (fuzz_below(&in, 2))
        build_items(&in);
    else
        read_items(&in);
    csock__sys = &csock__sys_linux;
    return 0;
}
