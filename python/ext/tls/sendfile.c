/* sendfile of ssl.SSLSocket, from 3.15 on: where the kernel does TLS, stock's goes to the TLS
 * object by itself, and takes it for an error in the middle of a file that the socket takes no
 * more. By reading and sending it is as before. Sits on the methods beside it. */
#include "tls/tls.h"

#if PY_VERSION_HEX >= 0x030F0000

PyObject *tls_sendfile(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const names[] = {"file", "offset", "count"};
    const struct tls_known *k = tls_known(self);
    PyObject *given[3] = {NULL};
    bool plain = k && tls_arguments(names, 3, args, n, kwnames, given) && given[0];
    PyObject *object = plain ? tls_object_of(k, self) : NULL;
    if (plain && !object)
        return NULL;
    bool secured = object && object != Py_None;
    Py_XDECREF(object);
    if (!secured)
        return tls_call_stock(k, TLS_SENDFILE, self, args, n, kwnames);
    PyObject *by_sending = ext_attr(self, "_sendfile_use_send");
    PyObject *result =
        by_sending ? PyObject_Vectorcall(by_sending, args, (size_t)n, kwnames) : NULL;
    Py_XDECREF(by_sending);
    return result;
}

#endif
