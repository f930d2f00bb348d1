/* accept() of the class socket.socket, in C.
 *
 * Stock's is Python: it makes a socket of the descriptor that _accept() gives. A listener whose
 * class, and what it accepts by, are as they were when equip() ran gets an object that is filled
 * from the listener's own family, type and protocol, initialised once and without a call into
 * Python. For all others the accept of dropin.py runs, which calls what a program has replaced. */
#ifndef CSOCK_EXT_CLASS_ACCEPT_H
#define CSOCK_EXT_CLASS_ACCEPT_H

#include "shared/python.h"

PyObject *sock_class_accept(PyObject *self, PyObject *unused);

#endif
