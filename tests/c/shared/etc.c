/* See etc.h. */
#include "etc.h"
#include "fake.h"

#include <errno.h>
#include <string.h>

static const char *hosts_text, *sources_text;
static uint64_t hosts_edition, sources_edition;
static bool nscd;

static const char *text_of(const char *path)
{
    if (strcmp(path, "/etc/hosts") == 0)
        return hosts_text;
    if (strcmp(path, "/etc/nsswitch.conf") == 0)
        return sources_text;
    return nscd ? "" : NULL;
}

static ssize_t scripted_read(const char *path, void *buf, size_t size)
{
    const char *text = text_of(path);
    if (!text) {
        errno = ENOENT;
        return -1;
    }
    size_t n = strlen(text);
    n = n < size ? n : size;
    memcpy(buf, text, n);
    return (ssize_t)n;
}

static int scripted_stamp(const char *path, struct csock__stamp *ret_stamp)
{
    if (!text_of(path)) {
        errno = ENOENT;
        return -1;
    }
    bool is_hosts = text_of(path) == hosts_text;
    *ret_stamp = (struct csock__stamp){.changed = is_hosts ? hosts_edition : sources_edition};
    return 0;
}

void etc_script(const char *hosts, const char *sources)
{
    hosts_edition += hosts != hosts_text;
    sources_edition += sources != sources_text;
    hosts_text = hosts;
    sources_text = sources;
    fake_under()->read_file = scripted_read;
    fake_under()->file_stamp = scripted_stamp;
}

void etc_has_nscd(bool has)
{
    nscd = has;
}
