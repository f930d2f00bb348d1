/* How a socket object gets its socket: __init__, and the same for a caller without a tuple of
 * arguments. An object that has one already gets another in its place, which other threads see
 * whole or not at all. */
#ifndef CSOCK_EXT_OBJECT_INIT_H
#define CSOCK_EXT_OBJECT_INIT_H

#include "object/socket.h"

/* tp_init. */
int sock_init(PyObject *self, PyObject *args, PyObject *kwargs);

/* type(*args) for a type that begins as the base does; args: family, type, proto, or fewer. */
#define SOCK_PLAIN_ARGS 3
PyObject *sock_make(PyTypeObject *type, struct ext_state *st, PyObject *const *args, Py_ssize_t n);

#endif
