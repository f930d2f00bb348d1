/* Files of CSOCK_PCAP: one for each socket, named by process, number and peer. Sits on
 * capture/file.h. */
#include "call/taps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call/users.h"

#define NAME_MAX_LEFT 120 /* of a peer's name */
#define TRIES 1000

/* Set once, before sockets are tapped. */
static struct csock__about about_program;
static const char *folder;
static uint32_t numbers; /* of files; atomic */
static int failure;      /* the first errno; atomic */
static bool told;

static int copy_text(const char **to, const char *text)
{
    size_t n = strlen(text ? text : "") + 1;
    char *copy = csock__sys->alloc(n);
    if (copy)
        memcpy(copy, text ? text : "", n);
    *to = copy;
    return copy ? 0 : -ENOMEM;
}

int csock__tap_folder(const char *path, const struct csock__about *texts)
{
    if (folder)
        return 0;
    if (copy_text(&about_program.hardware, texts->hardware) < 0 ||
        copy_text(&about_program.os, texts->os) < 0 ||
        copy_text(&about_program.application, texts->application) < 0)
        return -ENOMEM;
    return copy_text(&folder, path);
}

int csock__folder_failure(const char **ret_path)
{
    int err = __atomic_load_n(&failure, __ATOMIC_ACQUIRE);
    *ret_path = folder;
    return err && !__atomic_exchange_n(&told, true, __ATOMIC_ACQ_REL) ? err : 0;
}

/* As part of a file's name. */
static void peer_word(const struct csock__tap *tap, char *text, size_t size)
{
    const struct sockaddr *peer = &tap->peer.any;
    if (!tap->peer_len || csock_addr_format(peer, tap->peer_len, text, size) <= 0)
        snprintf(text, size, "unnamed");
    for (char *at = text; *at; at++)
        if (strchr("/\\ '\"", *at))
            *at = '_';
    if (strlen(text) > NAME_MAX_LEFT)
        text[NAME_MAX_LEFT] = '\0';
}

struct csock__pcap *csock__tap_open_file(const struct csock__tap *tap)
{
    char peer[CSOCK_ADDR_TEXT_MAX], path[4096 + 200];
    struct csock__pcap *pcap = NULL;
    int r = -EEXIST;
    if (!folder)
        return NULL;
    peer_word(tap, peer, sizeof peer);
    for (int i = 0; r == -EEXIST && i < TRIES; i++) {
        unsigned number = __atomic_add_fetch(&numbers, 1, __ATOMIC_RELAXED);
        int n = snprintf(path, sizeof path, "%s/%ld-%u-%s.pcapng", folder,
                         (long)csock__sys->getpid(), number, peer);
        r = (size_t)n < sizeof path
                ? csock__pcap_open(path, &about_program, 0, tap->generation, &pcap)
                : -ENAMETOOLONG;
    }
    if (r < 0)
        __atomic_store_n(&failure, -r, __ATOMIC_RELEASE);
    return pcap;
}
