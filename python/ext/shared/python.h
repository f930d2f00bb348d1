/* The interpreter, as every file of the extension wants it: lengths that formats ask for are
 * Py_ssize_t. Python.h may be included by this alone, because the macro has to come first. */
#ifndef CSOCK_EXT_SHARED_PYTHON_H
#define CSOCK_EXT_SHARED_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#endif
