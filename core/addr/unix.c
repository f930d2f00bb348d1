/* AF_UNIX addresses, unix(7): unnamed, abstract (the name starts with a NUL and is as long as the
 * address says), path. Sits on addr.h. Must not look at the file system. */
#include "addr/addr.h"

#include <assert.h>
#include <string.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)

/* Linux takes a path of 108 bytes without a NUL and hands it out with one: one byte more than
 * struct sockaddr_un has. Names are therefore read by offset, not through sun_path. */
enum {
    NAME_MAX_LEN = sizeof(((struct sockaddr_un *)0)->sun_path),
    LEN_MAX = HEAD + NAME_MAX_LEN + 1,
};

static_assert(LEN_MAX <= sizeof(union csock_addr), "the kernel's longest fits");
static_assert(4 * (NAME_MAX_LEN + 1) < CSOCK_ADDR_TEXT_MAX, "with every byte escaped, and a NUL");

int csock_addr_from_path(const void *path, size_t n, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool abstract = n > 0 && *(const char *)path == '\0';
    if (n > sizeof un.sun_path || (n == sizeof un.sun_path && !abstract))
        return CSOCK_EPATH;
    if (n > 0 && !abstract && memchr(path, '\0', n))
        return CSOCK_ENUL;
    if (n > 0)
        memcpy(un.sun_path, path, n);
    ret_addr->un = un;
    /* A path counts its NUL. Nothing else may: to the kernel it would be part of the name. */
    *ret_len = (socklen_t)(HEAD + n + (n > 0 && !abstract));
    return 0;
}

ssize_t csock_addr_path(const struct sockaddr *addr, socklen_t len, const char **ret_path)
{
    if (len < HEAD || len > LEN_MAX)
        return CSOCK_EADDRLEN;
    if (addr->sa_family != AF_UNIX)
        return CSOCK_EFAMILY;
    const char *path = (const char *)addr + HEAD;
    size_t n = len - HEAD;
    if (n > 0 && *path)
        n = strnlen(path, n);
    *ret_path = path;
    return (ssize_t)n;
}

static int unix_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    char name[NAME_MAX_LEN];
    size_t n = strnlen(text, sizeof name + 1);
    if (*text != '@')
        return csock_addr_from_path(text, n, ret_addr, ret_len);
    if (n > sizeof name)
        return CSOCK_EPATH;
    memcpy(name, text, n);
    name[0] = '\0';
    return csock_addr_from_path(name, n, ret_addr, ret_len);
}

/* One byte of a name as text. Returns how many characters it became. */
static size_t byte_format(unsigned char byte, char out[4])
{
    if (byte >= ' ' && byte <= '~') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = csock__hex_digit(byte >> 4);
    out[3] = csock__hex_digit(byte);
    return 4;
}

static int unix_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[CSOCK_ADDR_TEXT_MAX];
    const char *path;
    ssize_t n = csock_addr_path(&addr->any, len, &path);
    if (n < 0)
        return (int)n;
    size_t at = 0;
    ssize_t i = 0;
    if (n > 0 && !path[0]) {
        whole[at++] = '@';
        i = 1;
    } else if (n > 0 && path[0] == '@') {
        /* A file called @x is not the abstract name x: say ./@x, which is the same file. */
        whole[at++] = '.';
        whole[at++] = '/';
    }
    for (; i < n; i++)
        at += byte_format((unsigned char)path[i], whole + at);
    return csock__text_copy(whole, at, text, size);
}

const struct csock__family csock__family_unix = {
    .family = AF_UNIX,
    .min_len = HEAD,
    .parse = unix_parse,
    .format = unix_format,
};
