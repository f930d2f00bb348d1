/* Connecting to a host by name, or to the first of several addresses that answers: Happy Eyeballs,
 * RFC 8305.
 *
 * Addresses are tried in the order in which libc's resolver gives them (RFC 6724, gai.conf(5)), but
 * by turns of their families: a second attempt begins when the first has had no answer for a
 * quarter of a second, or at once when it has failed, and the first goes on beside it. Whichever
 * connects first is kept, all others are closed. So a family that does not work costs a quarter of
 * a second and not two minutes; one bound holds for all of it, look-up included.
 *
 * libc is asked for both families at once, so that hosts(5), its order and scopes are as anywhere.
 * If it is silent for 40 ms it is asked for each alone, beside that: an AAAA answer that never
 * comes holds nobody up, and for five minutes nobody waits for it again.
 *
 * csock_dial() runs in the caller's thread. Look-ups that may have to wait run in threads of the
 * library's, which call nothing of the caller's. */
#ifndef CSOCK_DIAL_H
#define CSOCK_DIAL_H

#include "csock/socket.h"

CSOCK__BEGIN

#define CSOCK_DIAL_ATTEMPT_DELAY 250000000    /* ns: RFC 8305, 5 */
#define CSOCK_DIAL_ATTEMPT_DELAY_MIN 10000000 /* ns: the same */
#define CSOCK_DIAL_RESOLUTION_DELAY 50000000  /* ns: RFC 8305, 3 */
#define CSOCK_DIAL_IN_FLIGHT 6                /* attempts at a time */

struct csock_dial_answer; /* see csock_dial_found */

struct csock_dial_addr {
    const struct sockaddr *addr;
    socklen_t len;
};

/* For setsockopt(2). A value of NULL is passed as such, with its length. */
struct csock_dial_option {
    int level, name;
    const void *value;
    socklen_t len;
};

/* One attempt, as callbacks see it and the report lists it. Times are ns since csock_dial() was
 * called. */
struct csock_dial_attempt {
    size_t index; /* 0 for the first that began, and so on */
    /* While it is under way, else NULL: its socket, which is the library's to use until it has
     * ended. Anybody may close it: the attempt has failed with CSOCK_ECLOSED then. */
    struct csock *s;
    union csock_addr addr;
    socklen_t len;
    int family, type, proto;
    /* Of those of struct csock_dial_request, what it is bound to; or NULL. */
    const struct csock_dial_addr *source;
    int64_t began, ended; /* ended: 0 while it is under way */
    /* How it ended. 0: it is the winner. CSOCK_ETIMEOUT: the deadline came first. -ECANCELED:
     * it was given up, as another had won, or a later one was to have its place, or something ended
     * all. Else the error of socket(2), setsockopt(2), bind(2) or connect(2). */
    int err;
    void *room[4];
};

/* Where an attempt is, for the callback `step`. */
enum csock_dial_step {
    CSOCK_DIAL_BIND, /* open, with its options; will now be bound (only where there is a source) */
    CSOCK_DIAL_CONNECT, /* will now be connected */
    CSOCK_DIAL_END,     /* connected and kept, or failed or given up, and closed; a->s is NULL but
                           for the winner */
};

/* What csock_dial() is to do. Zeros mean the usual. Initialise it by the names of members, or with
 * zeros: it has room for members to come. Nothing of it is changed, or used after the call. */
struct csock_dial_request {
    /* Whom to connect to: a host, by name or in numbers, as getaddrinfo(3) takes it; or, with host
     * NULL, addresses of any family, which are tried in their order by the same rules. */
    const char *host;
    const char *service; /* a name of services(5), or decimal. NULL: `port` */
    int port;            /* 0 to 65535, in host order */
    const struct csock_dial_addr *addrs;
    size_t n_addrs;

    int family;      /* AF_INET or AF_INET6: others are left out. 0: both */
    int type, proto; /* 0: SOCK_STREAM, and its usual protocol */
    int ai_flags;    /* AI_… for getaddrinfo(3) */
    unsigned flags;  /* CSOCK_NONBLOCK, CSOCK_SIGPIPE, CSOCK_EAGAIN: the winner's */

    /* Addresses to be bound to first: to each attempt the first of its family; families that are
     * not among them are left out. Where one has a port, attempts do not overlap, as the port may
     * be had once: each has until its error, or the deadline, to answer. Without a port the kernel
     * chooses it as late as it can (IP_BIND_ADDRESS_NO_PORT). */
    const struct csock_dial_addr *sources;
    size_t n_sources;

    /* Set in this order before bind(2) and connect(2). One that cannot be set fails the attempt. */
    const struct csock_dial_option *options;
    size_t n_options;

    /* ns from one attempt to the next, while there is neither success nor failure. 0: the usual;
     * less than CSOCK_DIAL_ATTEMPT_DELAY_MIN counts as that. */
    int64_t attempt_delay;
    /* ns that the first attempt waits for the other family's answer, once one has come. 0: the
     * usual; below 0: not at all. */
    int64_t resolution_delay;

    /* Instead of libc's resolver: gives addresses by calling csock_dial_found(), ports included.
     * Called once, in the caller's thread, before anything else, with host as it is here (numeric
     * ones, too), the service as text or NULL, and `family`; w is the caller's, whose bound it
     * should keep. 0, or a negative error of this library's kinds, which ends the call. */
    int (*resolve)(void *arg, struct csock_dial_answer *answer, const char *host,
                   const char *service, int family, const struct csock_wait *w);

    /* Callbacks: in the caller's thread, with no lock held and no call inside any of the sockets.
     * They may take their time: attempts under way go on meanwhile in the kernel. Each may be NULL.
     *
     * place: where the socket of an attempt is to be: closed, as CSOCK_INIT, and the caller's, who
     * keeps it in place until csock_dial() has returned, and csock_idle() is true of it. Called
     * before socket(2). NULL: ends all with CSOCK_EINTERRUPTED.
     * step: non-zero ends all with CSOCK_EINTERRUPTED (for CSOCK_DIAL_END it means nothing). */
    struct csock *(*place)(void *arg, const struct csock_dial_attempt *a);
    int (*step)(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step);
    void *arg; /* of all three */

    /* An open socket of the caller's, which takes no part: when another thread closes it, all of it
     * ends with CSOCK_ECLOSED. NULL: none. */
    struct csock *until_closed;

    void *room[8]; /* for later versions: NULL, as an initialiser with names leaves them */
};

/* From inside `resolve` only: one more address, which is copied. 0, -ENOMEM, CSOCK_EADDRLEN. */
CSOCK_API int csock_dial_found(struct csock_dial_answer *answer, const struct sockaddr *addr,
                               socklen_t len);

/* How far it came. */
enum csock_dial_stage {
    CSOCK_DIAL_LOOKUP,    /* no address was known yet */
    CSOCK_DIAL_CONNECTING /* at least one was */
};

/* What happened: times in ns since csock_dial() was called. */
struct csock_dial_report {
    enum csock_dial_stage stage;
    int lookup_err;    /* what the look-up, or that of a family, failed with; 0: nothing */
    int64_t looked_up; /* when the last answer came; 0: none did, or none was needed */
    int64_t elapsed;   /* when csock_dial() returned */
    size_t n_found;    /* addresses known, those left out (family, source) included */
    size_t n_left_out; /* of those */
    size_t n_untried;  /* of those, that were not left out and have not been begun */
    size_t n_attempts;
    struct csock_dial_attempt *attempts; /* in the order in which they began */
    /* The one that connected; or whose error the call returned, the most telling of all; -1:
     * neither. */
    ssize_t decisive;
    void *room[8];
};

/* Connects. On success 0, and the socket is in *ret_s; or with `place` where that has put it: then
 * ret_s may be NULL, and the report says which (attempts[decisive].s). It is in blocking mode,
 * unless flags say otherwise, and close-on-exec. On failure everything is closed.
 *
 * w bounds the whole, as it says (a timeout counts from the call on); its callbacks are as
 * anywhere. CSOCK_NOWAIT is a deadline that has passed. Without a bound a silent server costs what
 * the kernel takes (two minutes). Blocks.
 *
 * ret_report may be NULL. It is filled on failure, too: the exception to the rule on outputs, as
 * what has happened has happened; always to be freed with csock_dial_report_free.
 *
 * Errors: CSOCK_ETIMEOUT (stage says where), CSOCK_EINTERRUPTED, CSOCK_ECLOSED (`until_closed`);
 * CSOCK_EAI(…), -errno: the look-up failed; CSOCK_ENOADDR: no addresses; CSOCK_EEXCLUDED: none of
 * the family, or for the sources, that was asked for; CSOCK_EPORT; -EINVAL; -ENOMEM; or all
 * attempts have failed, and the most telling of their errors: what a peer or a router answered
 * before what did not even leave this machine. */
CSOCK_API int csock_dial(struct csock *ret_s, const struct csock_dial_request *d,
                         struct csock_dial_report *ret_report, const struct csock_wait *w);

/* Frees what is in the report, and zeros it. */
CSOCK_API void csock_dial_report_free(struct csock_dial_report *report);

CSOCK__END
#endif
