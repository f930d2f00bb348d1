/* csock.dial(), and the race of create_connection: the core's csock_dial with a socket object for
 * each attempt, which audit hooks see before it is bound and connected.
 *
 * A race goes through four files: target.c says whom to connect to and how, race.c gives the core
 * its callbacks, attempt.c shows attempts to Python, report.c makes exceptions of what failed. It
 * begins with the GIL, and lets it go when it first has to wait; callbacks take it. */
#ifndef CSOCK_EXT_DIAL_DIAL_H
#define CSOCK_EXT_DIAL_DIAL_H

#include "object/wait.h"

#include "csock/dial.h"

/* Lives on the stack of a call; all of it is released by dial_race_done. Objects are borrowed from
 * the call's arguments, but for those that say so. */
struct dial_race {
    struct ext_wait w;
    struct ext_state *state;
    struct csock_dial_request d;
    struct csock_dial_report report;
    PyObject *host, *port; /* NULL where addresses were given */
    PyObject *resolver;    /* or NULL */
    int64_t since;         /* when the Python call began */
    int64_t bound;         /* ns from then on, for all of it; < 0: none */
    int64_t timeout;       /* that the socket comes with; the same */
    bool all_errors;       /* an ExceptionGroup */
    int64_t began; /* when csock_dial() did, as its times are from there; 0: see object/span.h */

    /* Owned: a list of the objects of the attempts; in a tuple one that could not be bound. */
    PyObject *socks;
    bool binds;      /* the attempt that is being begun */
    PyObject *probe; /* owned: a socket object without a socket, to read addresses for */
    PyObject *keep_host, *keep_service; /* owned: the texts in d */
    struct csock_dial_addr peer, sources[2];
    union csock_addr peer_room, source_room[2];
    struct dial_options *options; /* owned */
};

/* ---- target.c: false with an exception */

bool dial_port_fits(const char *service); /* true of names */
/* (host, port), or an address that needs no look-up: (host, port, flowinfo[, scope]) is one of
 * AF_INET6. */
bool dial_target_host(struct dial_race *race, PyObject *host, PyObject *port);
bool dial_target_inet6(struct dial_race *race, PyObject *address);
bool dial_target_path(struct dial_race *race, PyObject *path);
/* What a socket is bound to before: of both families, if it means something in them. */
bool dial_target_source(struct dial_race *race, PyObject *address);
/* A sequence of (level, name, value). */
bool dial_target_options(struct dial_race *race, PyObject *options);
/* What is left of its bound; 0: nothing, < 0: there is none. */
int64_t dial_time_left(const struct dial_race *race);
void dial_target_done(struct dial_race *race);
/* An address of that family, as bind and connect take it. */
bool dial_target_address(struct dial_race *race, int family, const char *what, PyObject *address,
                         union csock_addr *ret_addr, socklen_t *ret_len);

/* ---- race.c */

/* The connected socket; NULL with an exception. Must be followed by dial_race_done. */
PyObject *dial_race_run(struct dial_race *race);
void dial_race_done(struct dial_race *race);

/* ---- attempt.c */

PyTypeObject *dial_attempt_type(void);
/* What became of an attempt as an exception; None for the winner. New references. */
PyObject *dial_attempt_error(struct dial_race *race, const struct csock_dial_attempt *a);
/* Its address for the exception that is set: what it could not be connected, or bound, to. */
void dial_tell_address(const struct dial_race *race, const struct csock_dial_attempt *a);
/* A tuple of csock.Attempt. */
PyObject *dial_attempts(struct dial_race *race);
/* The exception that is set, which is none after; NULL: there was none. */
PyObject *dial_take_exception(void);

/* ---- report.c */

/* Whether it takes a look-up; false of NULL, too. */
bool dial_is_name(const char *host);
/* What the look-up, or that of a family, failed with; None. New reference. */
PyObject *dial_look_up_error(struct dial_race *race);
/* Raises what a race ended with, r < 0. NULL. */
PyObject *dial_raise(struct dial_race *race, int r);
/* Tells the observer, if there is one, of a race and its exception (or NULL). None is set. */
void dial_observe(struct dial_race *race, PyObject *error);

/* ---- spans.c */

/* Tells of the look-up and the attempts, for csock.trace(). None is set. */
void dial_tell_spans(struct dial_race *race, PyObject *error);

/* ---- dial.c */

int dial_setup(PyObject *module, struct ext_state *st);

#endif
