/* csock._core.RawStream: the raw stream behind makefile(). It derives from the interpreter's own
 * raw base, whose object it extends; the Python class SocketIO adds io.RawIOBase, whose metaclass
 * no C type can have. The methods of the socket are called by name, so that a socket class that
 * overrides recv_into or send (ssl's, a test's) is heard. */
#ifndef CSOCK_EXT_FILE_RAW_H
#define CSOCK_EXT_FILE_RAW_H

#include "state.h"

/* Makes the type, for the state and for the module csock._core. 0 or -1. */
int stream_type_setup(PyObject *module, struct ext_state *st);

#endif
