/* The functions of csock._socket that take no socket: names of all kinds, and numbers in network
 * byte order. A table per file, which module.c puts into the module. */
#ifndef CSOCK_EXT_NAMES_TABLES_H
#define CSOCK_EXT_NAMES_TABLES_H

#include "shared/python.h"

extern PyMethodDef addrinfo_functions[], convert_functions[], host_functions[];
extern PyMethodDef interface_functions[];
extern PyMethodDef answer_functions[]; /* of csock._core: answer_of, for getaddrinfo */

#endif
