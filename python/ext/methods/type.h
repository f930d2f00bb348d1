/* The type csock._socket.socket, and its methods as one table: a type takes one, the files of this
 * folder have one each (tables.h), and class/ makes descriptors of the rows once more, for a class
 * of its own. */
#ifndef CSOCK_EXT_METHODS_TYPE_H
#define CSOCK_EXT_METHODS_TYPE_H

#include "state.h"

/* Of all files, and an empty row at the end. Filled by the first sock_type_setup; as it outlives
 * every interpreter, whoever makes descriptors of a row may let them point into it. */
#define SOCK_METHODS_MAX 48
extern PyMethodDef sock_methods[SOCK_METHODS_MAX];

/* Makes the type, for the state and for the module. 0 or -1. */
int sock_type_setup(PyObject *module, struct ext_state *st);

#endif
