/* The capsule that the standard library's _ssl looks for when it is imported: three pointers, to
 * the socket type and to two exceptions. With that type it tells sockets from other objects, and
 * then reads their descriptor and timeout from memory (socket.h). */
#ifndef CSOCK_EXT_OBJECT_CAPI_H
#define CSOCK_EXT_OBJECT_CAPI_H

#include "state.h"

/* Makes it and puts it into the module. 0 or -1. */
int capi_setup(PyObject *module, struct ext_state *st);

#endif
