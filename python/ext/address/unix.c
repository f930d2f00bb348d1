/* AF_UNIX addresses: one string, or bytes for what is not a file name. Never touches the file. */
#include "address/row.h"

static bool unix_from_py(const struct addr_request *q, PyObject *address,
                         union csock_addr *ret_addr, socklen_t *ret_len)
{
    Py_buffer path;
    PyObject *keep =
        PyUnicode_Check(address) ? PyUnicode_EncodeFSDefault(address) : Py_NewRef(address);
    if (!keep)
        return false;
    if (PyObject_GetBuffer(keep, &path, PyBUF_SIMPLE) < 0) {
        Py_DECREF(keep);
        return false;
    }
    int r = csock_addr_from_path(path.buf, (size_t)path.len, ret_addr, ret_len);
    if (r < 0)
        ext_raise(&q->s->state->errors, r);
    PyBuffer_Release(&path);
    Py_DECREF(keep);
    return r == 0;
}

/* Abstract names are bytes: they are no file names. */
static PyObject *unix_as_py(const struct addr_origin *o, const union csock_addr *addr,
                            socklen_t len)
{
    const char *path;
    (void)o;
    ssize_t n = csock_addr_path(&addr->any, len, &path);
    if (n < 0)
        return ext_raise(NULL, (int)n);
    if (n > 0 && !path[0])
        return PyBytes_FromStringAndSize(path, n);
    return PyUnicode_DecodeFSDefaultAndSize(path, n);
}

const struct addr_row addr_row_unix = {AF_UNIX, 0, unix_from_py, unix_as_py, NULL};
