/* What a tapped socket has beside its struct, for the files that make packets of its transfers
 * (taps.c), and that say which and when (tap.c). */
#ifndef CSOCK_CORE_TAPS_H
#define CSOCK_CORE_TAPS_H

#include "call/tap.h"

struct csock__tap {
    uint32_t generation;     /* of forks, that the rest is for; atomic */
    bool everything;         /* its file is one of the folder's; of this process, if it forks */
    bool plain;              /* TLS as the program sees it */
    struct csock__lock lock; /* of what follows; taken before that of pcap */
    struct csock__pcap *pcap;
    struct csock__tap *next; /* of those in the same file, whose lock is for this */
    const struct csock__tap_hooks *hooks;
    struct csock__flow flow;
    bool silent;          /* its connection is in the file already */
    bool known, by_peer;  /* who has made the connection */
    int64_t began, ended; /* of making it; 0: not seen */
    union csock_addr own, peer;
    socklen_t own_len, peer_len;
    uint32_t number; /* in its file */
    pid_t thread;    /* of the newest packet */
    char comment[CSOCK__COMMENT_MAX];
};

/* Of whom it is, as far as the kernel says. */
void csock__tap_ask_names(struct csock__tap *tap, const struct csock *s);

/* This socket's, of this process; NULL: it is not tapped. Its lock, and that of its file. */
struct csock__tap *csock__tap_of(struct csock *s);
void csock__tap_lock(struct csock__tap *tap);
void csock__tap_unlock(struct csock__tap *tap);

/* The following are for whoever has both locks. goes_on: false if its file is done, or there was
 * none to be had. has_file: true if it has one now. */
bool csock__tap_goes_on(struct csock__tap *tap, struct csock *s);
bool csock__tap_has_file(struct csock__tap *tap, struct csock *s);
void csock__tap_transfer(struct csock__tap *tap, const struct csock *s,
                         const struct csock__moved *m, ssize_t r);
void csock__tap_failed_connect(struct csock__tap *tap, const struct csock *s, int err);
void csock__tap_finish(struct csock__tap *tap, enum csock__way way);
/* What is collected in a burst, of all sockets of its file. */
void csock__tap_write_out(struct csock__tap *tap);

/* A file of the folder for this one; NULL: it cannot be, which is told once. */
struct csock__pcap *csock__tap_open_file(const struct csock__tap *tap);
int csock__folder_failure(const char **ret_path);

#endif
