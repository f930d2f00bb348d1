/* Look-ups, with a resolver that answers from the input: entries of any shape, buffers that are too
 * small any number of times, no memory, errors of every kind. What comes out is a copy that is
 * whole, and the caller's; what fails leaves its outputs alone and nothing behind. */
#include "fuzz.h"

#include "csock.h"
#include "sys/sys.h"

#include <arpa/inet.h>
#include <errno.h>

/* ---- the resolver */

static struct fuzz_input in;
static int live;
static unsigned refusals; /* so often the buffer is too small */

/* The entry that was given last. */
static struct {
    char *texts[8]; /* the name, and the aliases up to a NULL */
    char copies[8][32];
    char *addrs[8]; /* in blocks of their exact size, up to a NULL */
    int family, number;
} given;

static void *fake_alloc(size_t size)
{
    if (fuzz_byte(&in) % 16 == 1) {
        errno = ENOMEM;
        return NULL;
    }
    live++;
    return calloc(1, size);
}

static void fake_release(void *memory)
{
    live -= memory != NULL;
    free(memory);
}

/* Some text in the buffer, which goes when the buffer goes. */
static char *text_in(char **at, const char *end)
{
    char *begin = *at;
    size_t n = fuzz_byte(&in) % 32;
    for (size_t i = 0; i < n && *at < end - 1; i++)
        *(*at)++ = (char)(fuzz_byte(&in) | 1);
    *(*at)++ = '\0';
    return begin;
}

static void forget_given(void)
{
    for (size_t i = 0; given.addrs[i]; i++)
        free(given.addrs[i]);
    memset(&given, 0, sizeof given);
}

/* An errno in place of an entry, or 0. */
static int refuses(void)
{
    static const int errors[] = {ERANGE, ENOENT, EAGAIN, EINVAL, ENOMEM, EIO};
    unsigned how = fuzz_byte(&in);
    if (refusals > 0) {
        refusals--;
        return ERANGE;
    }
    return how < 60 ? errors[how % COUNT(errors)] : 0;
}

static char **fill_texts(char *buf, size_t size)
{
    size_t n = 1 + fuzz_byte(&in) % (COUNT(given.texts) - 1);
    for (size_t i = 0; i < n; i++) {
        given.texts[i] = text_in(&buf, buf + size / COUNT(given.texts));
        strcpy(given.copies[i], given.texts[i]);
    }
    return given.texts + 1;
}

static int host_entry(int family, struct hostent *ent, char *buf, size_t size,
                      struct hostent **ret_ent, int *ret_herr)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int err = refuses();
    forget_given();
    *ret_ent = NULL;
    *ret_herr = err == ERANGE ? -1 : 1 + (int)fuzz_below(&in, 4);
    if (err || fuzz_below(&in, 8) == 1)
        return err;
    given.family = fuzz_below(&in, 4) ? family : families[fuzz_below(&in, COUNT(families))];
    size_t n = fuzz_below(&in, COUNT(given.addrs)), each = given.family == AF_INET ? 4 : 16;
    for (size_t i = 0; i < n; i++) {
        given.addrs[i] = fuzz_room(each);
        given.addrs[i][0] = (char)fuzz_byte(&in);
    }
    *ent = (struct hostent){.h_aliases = fill_texts(buf, size),
                            .h_addrtype = given.family,
                            .h_length = (int)each,
                            .h_addr_list = given.addrs};
    ent->h_name = given.texts[0];
    *ret_ent = ent;
    return 0;
}

static int fake_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                        struct hostent **ret_ent, int *ret_herr)
{
    (void)name;
    return host_entry(family, ent, buf, size, ret_ent, ret_herr);
}

static int fake_by_addr(const void *addr, socklen_t len, int family, struct hostent *ent, char *buf,
                        size_t size, struct hostent **ret_ent, int *ret_herr)
{
    fuzz_read(addr, len);
    return host_entry(family, ent, buf, size, ret_ent, ret_herr);
}

static int fake_service(int port, const char *proto, struct servent *ent, char *buf, size_t size,
                        struct servent **ret_ent)
{
    int err = refuses();
    (void)port;
    (void)proto;
    forget_given();
    *ret_ent = NULL;
    if (err || fuzz_below(&in, 8) == 1)
        return err;
    *ent = (struct servent){.s_aliases = fill_texts(buf, size)};
    ent->s_name = given.texts[0];
    ent->s_port = given.number = (int)fuzz_u32(&in);
    *ret_ent = ent;
    return 0;
}

static int fake_service_name(const char *name, const char *proto, struct servent *ent, char *buf,
                             size_t size, struct servent **ret_ent)
{
    (void)name;
    return fake_service(0, proto, ent, buf, size, ret_ent);
}

/* Either may be filled before the other fails. */
static int fake_getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
                            socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    (void)flags;
    fuzz_read(addr, len);
    if (host && host_size)
        text_in(&host, host + host_size);
    if (fuzz_below(&in, 3) == 1)
        return EAI_OVERFLOW;
    if (service && service_size)
        text_in(&service, service + service_size);
    return fuzz_below(&in, 4) == 1 ? EAI_SYSTEM : 0;
}

/* Longer names need not have a NUL. */
static int fake_gethostname(char *name, size_t size)
{
    size_t n = fuzz_byte(&in) + (fuzz_byte(&in) % 4 == 1 ? size : 0);
    memset(name, 'h', n < size ? n : size);
    return 0;
}

/* ---- the calls */

static void check_host(const struct csock_host *host)
{
    size_t n = 0;
    CHECK(host->family == given.family && !strcmp(host->name, given.copies[0]));
    for (; given.texts[n + 1]; n++)
        CHECK(!strcmp(host->aliases[n], given.copies[n + 1]));
    CHECK(!host->aliases[n]);
    for (n = 0; given.addrs[n]; n++) {
        const union csock_addr *addr = &host->addrs[n];
        CHECK(addr->any.sa_family == host->family && addr->in.sin_port == 0);
        if (host->family == AF_INET)
            CHECK(!memcmp(&addr->in.sin_addr, given.addrs[n], 4));
        else
            CHECK(!memcmp(&addr->in6.sin6_addr, given.addrs[n], 16));
    }
    CHECK(host->n_addrs == n);
}

static void look_up_host(void)
{
    struct csock_host *host = NULL;
    int r, family = fuzz_below(&in, 2) ? AF_INET : AF_INET6;
    if (fuzz_below(&in, 2)) {
        r = csock_host_by_name("name", family, &host);
    } else {
        size_t n;
        struct sockaddr *addr = fuzz_bytes(&in, fuzz_byte(&in) % 40, &n);
        if (n >= sizeof addr->sa_family)
            addr->sa_family = (sa_family_t)family;
        r = csock_host_by_addr(addr, (socklen_t)n, &host);
        free(addr);
    }
    CHECK((r == 0) == (host != NULL) && r <= 0);
    if (r < 0)
        return;
    CHECK(live == 1);
    check_host(host);
    csock_host_free(host);
}

static void look_up_service(void)
{
    size_t size = fuzz_byte(&in) % 40;
    char *name = fuzz_room(size);
    int r = csock_service_by_port((int16_t)fuzz_u32(&in) * 3L, "tcp", name, size);
    if (r >= 0)
        CHECK((size_t)r < size && strlen(name) == (size_t)r && !strcmp(name, given.copies[0]));
    else
        CHECK(fuzz_untouched(name, size));
    free(name);
    r = csock_service_by_name("name", NULL);
    CHECK(r < 0 || r == ntohs((uint16_t)given.number));
}

static void look_up_names(void)
{
    size_t n, host_size = fuzz_byte(&in) * 8u, service_size = fuzz_byte(&in) % 40;
    char *host = fuzz_room(host_size), *service = fuzz_room(service_size);
    struct sockaddr *addr = fuzz_bytes(&in, fuzz_byte(&in) % 40, &n);
    int r = csock_resolve_reverse(addr, (socklen_t)n, host, host_size, service, service_size, 0);
    if (r < 0)
        CHECK(fuzz_untouched(host, host_size) && fuzz_untouched(service, service_size));
    else
        CHECK((!host_size || strlen(host) < host_size) &&
              (!service_size || strlen(service) < service_size));
    free(host);
    free(service);
    free(addr);
}

static void look_up_hostname(void)
{
    size_t size = fuzz_byte(&in) * 2u;
    char *name = fuzz_room(size);
    if (csock_hostname(name, size) == 0)
        CHECK(strlen(name) < size);
    else
        CHECK(fuzz_untouched(name, size));
    free(name);
}

/* The first wait of a thread makes its record, which stays: not from the input. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return csock_poll(NULL, 0, &(struct csock_wait){.deadline = CSOCK_NOWAIT}) == CSOCK_ETIMEOUT
               ? 0
               : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const calls[])(void) = {look_up_host, look_up_service, look_up_names,
                                          look_up_hostname};
    struct csock_sys table = csock__sys_linux;
    table.alloc = fake_alloc;
    table.release = fake_release;
    table.gethostbyname2_r = fake_by_name;
    table.gethostbyaddr_r = fake_by_addr;
    table.getservbyname_r = fake_service_name;
    table.getservbyport_r = fake_service;
    table.getnameinfo = fake_getnameinfo;
    table.gethostname = fake_gethostname;
    csock__sys = &table;
    in = (struct fuzz_input){.at = data, .left = n};
    for (int i = 0; i < 4 && in.left > 0; i++) {
        unsigned how = fuzz_byte(&in);
        refusals = how < 250 ? how % 3 : how % 16; /* large buffers take time */
        calls[fuzz_below(&in, COUNT(calls))]();
        CHECK(live == 0);
    }
    forget_given();
    csock__sys = &csock__sys_linux;
    return 0;
}
