/* Errors: negative results, and what they mean. Three kinds share one int: -errno, the library's
 * own codes, and the resolver's, each in a range of its own, so that a call's result says all. */
#ifndef CSOCK_ERROR_H
#define CSOCK_ERROR_H

#include "csock/base.h"

CSOCK__BEGIN

/* What errno has no number for. Look-up failures keep the resolver's own code: see CSOCK_EAI. */
enum csock_error {
    CSOCK_ETIMEOUT = -5000, /* the deadline passed */
    CSOCK_ECLOSED,          /* another thread closed the socket while the call was inside */
    CSOCK_EINTERRUPTED,     /* csock_wait.interrupted asked to stop */
    CSOCK_EFAMILY,          /* no such address family here */
    CSOCK_EHOST,            /* not a numeric host: a name, which only csock_resolve understands */
    CSOCK_EPORT,            /* port outside 0 to 65535 */
    CSOCK_EFLOWINFO,        /* flow info outside 0 to 0xfffff */
    CSOCK_EPATH,            /* AF_UNIX path longer than the kernel takes */
    CSOCK_ENUL,             /* NUL byte inside a path */
    CSOCK_EADDRLEN,         /* address shorter or longer than its family allows */
    CSOCK_ESERVICE,         /* no such service */
    CSOCK_EPROTOCOL,        /* no such protocol */
    CSOCK_ESYNTAX,          /* text is not an address of this family */
    CSOCK_EINCOMPLETE,      /* a stream has ended before all came that was asked for */
    CSOCK_EOVERRUN,         /* no separator within a reader's limit */
    CSOCK_ELOOKUPS,         /* the deadline passed, and too many other look-ups were under way */
    CSOCK_ENOADDR,          /* no address to connect to */
    CSOCK_EEXCLUDED,        /* none of the family, or for the source addresses, asked for */
};

/* Codes of the resolver. EAI_* of getaddrinfo(3), h_errno of gethostbyname(3). */
#define CSOCK_EAI(code) (-6000 + (code)) /* EAI_… are negative: about -1 to -105 */
#define CSOCK_EHERR(code) (-7000 - (code))

/* The EAI_… or h_errno inside err, or 0 if err is not of that kind. */
CSOCK_API int csock_err_gai(int err);
CSOCK_API int csock_err_herr(int err);

/* Text for any negative result of this library: static, never NULL, not to be freed. Does not
 * block. Thread-safe (unlike strerror(3)): system errors come from strerrordesc_np where libc has
 * it, else from a per-thread buffer valid until the thread's next call. */
CSOCK_API const char *csock_strerror(int err);

/* The errno that stands for err, for callers who have to report one: ETIMEDOUT for
 * CSOCK_ETIMEOUT, EBADF for CSOCK_ECLOSED, EINTR, EAFNOSUPPORT, …, 0 for look-up failures. */
CSOCK_API int csock_err_errno(int err);

CSOCK__END
#endif
