/* The capsule that the standard library's _ssl looks for. */
#ifndef CSOCK_EXT_OBJECT_CAPI_H
#define CSOCK_EXT_OBJECT_CAPI_H

#include "state.h"

/* Makes it and puts it into the module. 0 or -1. */
int capi_setup(PyObject *module, struct ext_state *st);

#endif
