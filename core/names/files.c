/* See files.h. */
#include "sys/sys.h"
#include "names/files.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { MOST = 16384, SLOTS = 64 };

#define HOSTS "/etc/hosts"
#define SOURCES "/etc/nsswitch.conf"

/* Where libc asks nscd(8) before it looks into the files. */
#define NSCD_SOCKET "/var/run/nscd/socket"

/* A line, or what is left of it. */
struct span {
    const char *at;
    size_t n;
};

/* The one around a place in the text, without its comment. */
static struct span line_around(const char *text, const char *place)
{
    while (place > text && place[-1] != '\n')
        place--;
    return (struct span){place, strcspn(place, "#\n")};
}

static struct span cut(struct span *from, size_t n)
{
    struct span head = {from->at, n};
    from->at += n;
    from->n -= n;
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Empty: there is none. */
static struct span take_word(struct span *line)
{
    size_t n = 0;
    while (line->n > 0 && is_blank(*line->at))
        cut(line, 1);
    while (n < line->n && !is_blank(line->at[n]))
        n++;
    return cut(line, n);
}

static bool is_address(struct span word, int family)
{
    unsigned char addr[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    if (word.n >= sizeof text)
        return false;
    memcpy(text, word.at, word.n);
    text[word.n] = '\0';
    return (family != AF_INET6 && inet_pton(AF_INET, text, addr) == 1) ||
           (family != AF_INET && inet_pton(AF_INET6, text, addr) == 1);
}

static bool line_has(struct span line, const char *host, int family)
{
    struct span addr = take_word(&line), name;
    size_t n = strlen(host);
    while ((name = take_word(&line)).n > 0)
        if (name.n == n && strncasecmp(name.at, host, n) == 0)
            return is_address(addr, family);
    return false;
}

/* Of the sources of a database: whether the files are asked before all others, which then are asked
 * for what is not there. */
static bool files_are_first(struct span sources)
{
    struct span first = take_word(&sources), then = take_word(&sources);
    return first.n == 5 && memcmp(first.at, "files", 5) == 0 && (then.n == 0 || *then.at != '[');
}

/* ---- the files */

/* 0 or -errno. One that does not fit has nothing to say. */
static int read_whole(const char *path, char room[MOST])
{
    ssize_t n = csock__ret(csock__sys->read_file(path, room, MOST));
    if (n < 0)
        return (int)n;
    room[n == MOST ? 0 : n] = '\0';
    return 0;
}

static int hosts_have(const char *host, int family, char text[MOST])
{
    int r = read_whole(HOSTS, text);
    if (r < 0)
        return r;
    for (const char *hit = text; (hit = strcasestr(hit, host)); hit += strcspn(hit, "\n"))
        if (line_has(line_around(text, hit), host, family))
            return 1;
    return 0;
}

static int files_come_first(char text[MOST])
{
    static const char name[] = "hosts:";
    int found = 0, r = read_whole(SOURCES, text);
    if (r < 0)
        return r;
    for (const char *hit = text; (hit = strstr(hit, name)); hit += strcspn(hit, "\n")) {
        struct span line = line_around(text, hit);
        if (hit >= line.at + line.n)
            continue;
        cut(&line, (size_t)(hit - line.at) + sizeof name - 1);
        if (!files_are_first(line))
            return 0;
        found = 1;
    }
    return found;
}

/* ---- what is remembered
 *
 * Both files are read once for a name, and again when one of them has changed: a word holds a hash
 * of the name and of what tells these files from others, with the answer in its lowest bit. */

static struct slot {
    CSOCK__WHOLE uint64_t word;
} slots[SLOTS];

/* FNV-1a */
static uint64_t hash_on(uint64_t hash, const void *bytes, size_t n)
{
    for (const unsigned char *at = bytes; n > 0; at++, n--)
        hash = (hash ^ *at) * UINT64_C(1099511628211);
    return hash;
}

static bool hash_all(const char *host, int family, uint64_t *ret_hash)
{
    struct csock__stamp hosts, sources;
    if (csock__sys->file_stamp(HOSTS, &hosts) < 0 || csock__sys->file_stamp(SOURCES, &sources) < 0)
        return false;
    uint64_t hash = hash_on(UINT64_C(14695981039346656037), &hosts, sizeof hosts);
    hash = hash_on(hash, &sources, sizeof sources);
    hash = hash_on(hash, &family, sizeof family);
    *ret_hash = hash_on(hash, host, strlen(host)) & ~UINT64_C(1);
    return true;
}

/* 1, 0, or -errno. */
static int look(const char *host, int family)
{
    char room[MOST];
    int r = hosts_have(host, family, room);
    return r > 0 ? files_come_first(room) : r;
}

static bool look_or_remember(const char *host, int family)
{
    uint64_t hash;
    if (!hash_all(host, family, &hash))
        return false;
    struct slot *slot = &slots[(hash ^ hash >> 32) / 2 % SLOTS];
    uint64_t was = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    if ((was & ~UINT64_C(1)) == hash)
        return was & 1;
    int r = look(host, family);
    if (r >= 0)
        __atomic_store_n(&slot->word, hash | (uint64_t)r, __ATOMIC_RELAXED);
    return r > 0;
}

static bool no_cache_is_asked(void)
{
    struct csock__stamp stamp;
    return csock__sys->file_stamp(NSCD_SOCKET, &stamp) < 0 && errno == ENOENT;
}

bool csock__in_hosts_file(const struct csock__question *q)
{
    bool by_name = q->what == CSOCK__ADDRESSES || q->what == CSOCK__HOST_BY_NAME;
    if (!by_name || !q->host || !*q->host || (q->flags & ~(AI_NUMERICSERV | AI_PASSIVE)) ||
        (q->service && q->service[strspn(q->service, "0123456789")]))
        return false;
    return look_or_remember(q->host, q->family) && no_cache_is_asked();
}
