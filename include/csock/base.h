/* What all headers of csock need: how a function is declared, and which version this is
 * (CSOCK_VERSION, CSOCK_VERSION_NUMBER). */
#ifndef CSOCK_BASE_H
#define CSOCK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>

#include "csock/version.h"

#ifdef __cplusplus
#define CSOCK__BEGIN extern "C" {
#define CSOCK__END }
#else
#define CSOCK__BEGIN
#define CSOCK__END
#endif

#define CSOCK_API __attribute__((visibility("default")))
#define CSOCK__WHOLE __attribute__((aligned(8))) /* for one access, on 32 bits, too */

CSOCK__BEGIN

/* The CSOCK_VERSION that the library was built with. Static. */
CSOCK_API const char *csock_version(void);

CSOCK__END
#endif
