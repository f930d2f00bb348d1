/* The integer constants of both modules, from one table, which the build makes of constants.tsv in
 * tools/. A row has the minor version of CPython that first had the name: so one table serves all
 * versions, and each of its rows is in one of the two modules. Each function returns 0, or -1 with
 * an exception set. */
#ifndef CSOCK_EXT_CONSTANTS_CONSTANTS_H
#define CSOCK_EXT_CONSTANTS_CONSTANTS_H

#include "shared/python.h"

/* What _socket of the CPython that we are built for exports on Linux: for csock._socket. */
int csock_constants_add_stock(PyObject *module);

/* All the others, later CPythons' among them: for csock._core. */
int csock_constants_add_more(PyObject *module);

#endif
