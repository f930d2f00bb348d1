/* csock: BSD sockets as objects, in plain C.
 *
 * Calls that can block take an absolute deadline, survive signals, and end at once when another
 * thread closes the socket. Errors are return values. Nothing here logs or exits; errno
 * means nothing after a call (csock_close() keeps it, for signal handlers).
 *
 * Conventions
 *   Return values  a count or 0 on success; on failure a negative number: -errno, or one of
 *                  enum csock_error. csock_strerror() has a text for each.
 *                  On a closed socket it is -EBADF; CSOCK_ECLOSED if it was closed meanwhile.
 *   Outputs        ret_… parameters are written on success only.
 *   Ownership      the caller owns every struct and buffer it passes. What the library allocates
 *                  says so and names the function that frees it.
 *   Threads        any call may run in any number of threads on the same socket, csock_close()
 *                  and csock_detach() included. csock_open, _pair, _adopt, _dup and _accept fill
 *                  a struct that no other thread may use until they have returned.
 *   Leaving        a call that blocks may be left for good: by siglongjmp(3) from a signal handler,
 *                  by that or a C++ exception from its callbacks, by a thread that is cancelled.
 *                  Other sockets notice nothing. This one counts it as inside for ever, also in a
 *                  child that the same thread forks (until the thread ends, if it was asleep in the
 *                  call): closing it lets the connection go and returns 1, at once if the call was
 *                  left from `interrupted` or, a few times, by the thread that closes, else after a
 *                  second, in which it may interrupt system calls of the thread that left; its
 *                  storage is the caller's again, but csock_idle() stays false, and the
 *                  descriptor's number is never given back: nothing tells such a call from one that
 *                  is about to use it. A call that does not block must not be left, nor
 *                  csock_close() and csock_detach(), whose socket then stays half closed, and its
 *                  descriptor open. A callback may switch to another stack, and back, in any order,
 *                  as long as the call ends in the thread in which it began.
 *   Descriptors    are close-on-exec from birth, but for adopted ones, which stay as they are.
 *   Unloading      does not happen: threads, fork(2) and a signal handler refer to the library once
 *                  it has waited. A shared object that libcsock.a is linked into has to be linked
 *                  with -Wl,-z,nodelete, as pkg-config --static says. dlclose(3)
 *   Versions       within one soname functions and struct members are added, never changed or taken
 *                  away. Structs that callers hold by value (struct csock, struct csock_wait) have
 *                  room for members to come: initialise them with CSOCK_INIT, with zeros, or by the
 *                  names of members. csock_version() tells which library it is.
 *   Time           nanoseconds of CLOCK_MONOTONIC, as csock_now() tells it.
 */
#ifndef CSOCK_H
#define CSOCK_H

#include "csock/base.h"
#include "csock/error.h"
#include "csock/time.h"
#include "csock/addr.h"
#include "csock/socket.h"
#include "csock/transfer.h"
#include "csock/message.h"
#include "csock/reader.h"
#include "csock/names.h"
#include "csock/iface.h"
#include "csock/dial.h"

#endif
