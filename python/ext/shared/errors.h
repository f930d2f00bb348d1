/* Negative results of the core as Python exceptions, with the classes and texts of stock. The two
 * classes that a module makes itself, or has of stock, are handed in by whoever calls; all else is
 * in the core's table err.def. */
#ifndef CSOCK_EXT_SHARED_ERRORS_H
#define CSOCK_EXT_SHARED_ERRORS_H

#include "shared/python.h"

/* Strong; stock's classes where stock is loaded, too. NULL when the module is being torn down. */
struct ext_errors {
    PyObject *gaierror;
    PyObject *herror;
};

/* gaierror, herror, error and timeout, into *classes and into the module. 0 or -1. */
int errors_setup(PyObject *module, struct ext_errors *classes);

/* Sets the exception for a negative core result and returns NULL. CSOCK_EINTERRUPTED: the handler
 * has set one already. System errors are OSError(errno, text), with stock's text. classes may be
 * NULL where no resolver was asked. */
PyObject *ext_raise(const struct ext_errors *classes, int err);
/* The same; a gaierror has the name that was asked about as filename, which str() shows, while its
 * args stay the pair. "": none. */
PyObject *ext_raise_about(const struct ext_errors *classes, int err, const char *host);
/* type(number, text), OSError where type is NULL. Returns NULL. */
PyObject *ext_raise_numbered(PyObject *type, int number, const char *text);

/* Whether the exception that is set is an OSError with EAGAIN; it stays set. */
bool ext_would_block(void);

#endif
