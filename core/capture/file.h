/* A capture file: where packets of one or several sockets go, each of them whole. Sits on sys.
 *
 * It may be read at any time, but a reader in the middle of a write sees a part of its last packet:
 * the kernel lets a file grow page by page. What a full disk has cut is cut off, and then the file
 * is done. In a burst up to 512 KiB of it come some tens of ms late: burst.h. What has got the
 * file's descriptor since, in a program that closes all it finds, is neither written to nor closed;
 * nor does a child of fork(2) write to its parent's. */
#ifndef CSOCK_CORE_CAPTURE_FILE_H
#define CSOCK_CORE_CAPTURE_FILE_H

#include "capture/burst.h"
#include "capture/flow.h"
#include "capture/flusher.h"
#include "sys/lock.h"
#include "sys/sys.h"

struct csock__pcap {
    struct csock__batch batch; /* the first: its flush() gets this */
    struct csock__lock lock;   /* of what follows, and of the file */
    int fd;                    /* -1: done */
    int err;                   /* what it ended with: an errno, or 0 */
    bool told;                 /* that, to somebody */
    struct csock__stamp stamp; /* as it was made; its size is that of whole packets in it */
    struct csock__burst burst; /* and what is not in it yet */
    uint32_t users, flows;     /* users: atomic */
    uint32_t generation;       /* of forks, that made it */
    size_t keep;               /* as csock__flow.keep */
    uint32_t seq;              /* with which streams begin */
    struct csock__tap *first;  /* of those that write to it: call/taps.h */
    char *path;
    struct csock__watched watched; /* not of the lock */
};

/* A new file, and its first user. keep: see csock__flow. 0, or -errno. */
int csock__pcap_open(const char *path, const struct csock__about *about, size_t keep,
                     uint32_t generation, struct csock__pcap **ret);
void csock__pcap_hold(struct csock__pcap *p);
/* The last one closes it. */
void csock__pcap_let_go(struct csock__pcap *p);

/* For whoever has the lock. write: at once. All of the parts, or nothing, and then the file has
 * ended; of a single part that holds several blocks what is whole of it. end: what is collected is
 * written, and nothing more. */
void csock__pcap_write(struct csock__pcap *p, struct iovec *parts, int n);
void csock__pcap_end(struct csock__pcap *p);
/* The errno that it ended with, once to the first who asks; else 0. Without the lock. */
int csock__pcap_failure(struct csock__pcap *p);

/* ns since 1970. */
int64_t csock__pcap_now(void);

#endif
