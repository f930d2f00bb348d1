/* What keeps a socket of the class socket.socket open: its io refs, as the standard library calls
 * the files of makefile() that have not been closed yet, counted in _io_refs. Its descriptor closes
 * when it has been closed itself (_closed) and has none. Each change of the two is one critical
 * section, so that of several threads that close a socket and its files the last one closes the
 * descriptor. */
#ifndef CSOCK_EXT_CLASS_REFS_H
#define CSOCK_EXT_CLASS_REFS_H

#include "shared/python.h"

PyObject *sock_class_close(PyObject *self, PyObject *unused);
/* A file of makefile() on such a socket has closed. */
PyObject *sock_class_decref_socketios(PyObject *self, PyObject *unused);
/* One has been opened. Of csock._core. */
PyObject *sock_class_file_opened(PyObject *module, PyObject *o);

#endif
