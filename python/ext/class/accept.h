/* accept() of the class socket.socket, in C. */
#ifndef CSOCK_EXT_CLASS_ACCEPT_H
#define CSOCK_EXT_CLASS_ACCEPT_H

#include "shared/python.h"

PyObject *sock_class_accept(PyObject *self, PyObject *unused);

#endif
