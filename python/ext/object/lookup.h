/* How a Python call waits for a look-up of a name: without the GIL, for as long as the thread's
 * deadline and, if it is for a socket, that one's timeout allow; and in the main thread until a
 * signal's handler raises. The waiting itself is the core's, which asks in the caller's own thread
 * where there is none of these: csock_resolve_within. */
#ifndef CSOCK_EXT_OBJECT_LOOKUP_H
#define CSOCK_EXT_OBJECT_LOOKUP_H

#include "object/span.h"
#include "shared/deadline_type.h"

/* Filled in place, for one look-up; lives on its stack. */
struct ext_lookup {
    struct csock_wait wait;
    struct ext_state *state;
    const char *host;
    PyThreadState *saved;
    bool by_timeout; /* the socket's ends it first */
    int64_t timeout; /* that, in ns */
    int64_t began;   /* for object/span.h; 0: nobody listens, or no name is asked about */
};

/* Lets the GIL go. s: the socket that it is for, or NULL. host: for errors; may be NULL. Whether
 * there is time left asks ext_deadline_allows_look_up; but hosts in numbers take none. */
void ext_lookup_begin(struct ext_lookup *l, struct ext_state *st, const struct sock_object *s,
                      const char *host);
/* After it, where the address of host is asked for: of one in numbers nobody is asked, and no span
 * is told. */
void ext_lookup_is_of_name(struct ext_lookup *l);
/* Takes the GIL. r: what the core has said. False: the exception for it is set, and names the
 * host. */
bool ext_lookup_end(struct ext_lookup *l, int r) __attribute__((warn_unused_result));

/* Raises that it has not ended in time; no_place: it could not begin, as too many others are under
 * way, and the oldest of those is told. Of l it takes state, host, by_timeout and timeout. */
void ext_lookup_raise_late(const struct ext_lookup *l, bool no_place);

/* Of csock._core: lookups. */
extern PyMethodDef lookup_functions[];

#endif
