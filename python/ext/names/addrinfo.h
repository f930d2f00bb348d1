/* Hosts and services as getaddrinfo takes them, for whoever else looks up. */
#ifndef CSOCK_EXT_NAMES_ADDRINFO_H
#define CSOCK_EXT_NAMES_ADDRINFO_H

#include "shared/python.h"

/* The text for libc; NULL for None, which leaves both as they were. *ret_keep owns it. Errors are
 * stock's. */
bool addrinfo_host(PyObject *o, const char **ret_text, PyObject **ret_keep);
bool addrinfo_service(PyObject *o, const char **ret_text, PyObject **ret_keep);

#endif
