/* Byte order, and addresses between text and packed bytes. Pure: no socket, no resolver, no
 * system call. What is refused, and in which words, changed between the versions of CPython. */
#include "shared/args.h"
#include "names/tables.h"

#include "csock.h"

#include <arpa/inet.h>
#include <string.h>

#if PY_VERSION_HEX >= 0x030E0000

static bool short_argument(const char *what, PyObject *o, uint16_t *ret)
{
    (void)what;
    return ext_native_unsigned(o, "uint16_t", ret, sizeof *ret);
}

/* Both ways are the same. */
static PyObject *swapped_long(PyObject *o)
{
    uint32_t value;
    return ext_native_unsigned(o, "uint32_t", &value, sizeof value)
               ? PyLong_FromUnsignedLong(htonl(value))
               : NULL;
}

#else

static bool int_argument(PyObject *o, int *ret)
{
#if PY_VERSION_HEX >= 0x030D0000
    *ret = PyLong_AsInt(o);
    return *ret != -1 || !PyErr_Occurred();
#else
    return ext_int(o, ret);
#endif
}

static bool short_argument(const char *what, PyObject *o, uint16_t *ret)
{
    int value;
    if (!int_argument(o, &value))
        return false;
    if (value < 0 || value > UINT16_MAX) {
        PyErr_Format(PyExc_OverflowError,
                     value < 0
                         ? "%s: can't convert negative Python int to C 16-bit unsigned integer"
                         : "%s: Python int too large to convert to C 16-bit unsigned integer",
                     what);
        return false;
    }
    *ret = (uint16_t)value;
    return true;
}

/* What is no number below UINT32_MAX: value is what PyLong_AsUnsignedLong gave. */
EXT_RARE static PyObject *swapped_rarely(PyObject *o, unsigned long value)
{
    if (value == (unsigned long)-1 && PyErr_Occurred()) {
        if (!PyLong_Check(o))
            PyErr_Format(PyExc_TypeError, "expected int, %s found", Py_TYPE(o)->tp_name);
        return NULL;
    }
    if (value > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "int larger than 32 bits");
        return NULL;
    }
    return PyLong_FromUnsignedLong(UINT32_MAX);
}

/* Both ways are the same. */
static PyObject *swapped_long(PyObject *o)
{
    unsigned long value = PyLong_AsUnsignedLong(o);
    return value < UINT32_MAX ? PyLong_FromUnsignedLong(htonl((uint32_t)value))
                              : swapped_rarely(o, value);
}

#endif

static PyObject *mod_ntohs(PyObject *module, PyObject *o)
{
    uint16_t value;
    (void)module;
    return short_argument("ntohs", o, &value) ? PyLong_FromLong(ntohs(value)) : NULL;
}

static PyObject *mod_htons(PyObject *module, PyObject *o)
{
    uint16_t value;
    (void)module;
    return short_argument("htons", o, &value) ? PyLong_FromLong(htons(value)) : NULL;
}

static PyObject *mod_ntohl(PyObject *module, PyObject *o)
{
    (void)module;
    return swapped_long(o);
}

static PyObject *mod_htonl(PyObject *module, PyObject *o)
{
    (void)module;
    return swapped_long(o);
}

#if PY_VERSION_HEX >= 0x030D0000
#define ATON_ARGUMENT "inet_aton() argument must be str, not %s"
#else
#define ATON_ARGUMENT "inet_aton() argument 1 must be str, not %s"
#endif

/* inet_aton(3) takes more than the dotted quad: "127.1", octal, hexadecimal, and anything after a
 * blank. Programs rely on it. */
static PyObject *mod_inet_aton(PyObject *module, PyObject *o)
{
    struct in_addr packed;
    (void)module;
    if (!PyUnicode_Check(o)) {
        PyErr_Format(PyExc_TypeError, ATON_ARGUMENT, o == Py_None ? "None" : Py_TYPE(o)->tp_name);
        return NULL;
    }
    const char *text = ext_text(o);
    if (!text)
        return NULL;
    if (!inet_aton(text, &packed)) {
        PyErr_SetString(PyExc_OSError, "illegal IP address string passed to inet_aton");
        return NULL;
    }
    return PyBytes_FromStringAndSize((const char *)&packed, sizeof packed);
}

/* Bytes of a packed address, or 0 for a family that has no text form. */
static Py_ssize_t packed_size(int family)
{
    if (family == AF_INET)
        return sizeof(struct in_addr);
    return family == AF_INET6 ? (Py_ssize_t)sizeof(struct in6_addr) : 0;
}

static PyObject *text_of(int family, const void *packed)
{
    union csock_addr addr = {.any.sa_family = (sa_family_t)family};
    char text[INET6_ADDRSTRLEN];
    socklen_t len = family == AF_INET ? sizeof addr.in : sizeof addr.in6;
    if (family == AF_INET) /* sizes that compilers know: no call */
        memcpy(&addr.in.sin_addr, packed, sizeof addr.in.sin_addr);
    else
        memcpy(&addr.in6.sin6_addr, packed, sizeof addr.in6.sin6_addr);
    return PyUnicode_FromStringAndSize(text, csock_addr_host(&addr.any, len, text, sizeof text));
}

static PyObject *mod_inet_ntoa(PyObject *module, PyObject *o)
{
    Py_buffer packed;
    PyObject *text = NULL;
    (void)module;
    if (PyObject_GetBuffer(o, &packed, PyBUF_SIMPLE) < 0)
        return NULL;
    if (packed.len == packed_size(AF_INET))
        text = text_of(AF_INET, packed.buf);
    else
        PyErr_SetString(PyExc_OSError, "packed IP wrong length for inet_ntoa");
    PyBuffer_Release(&packed);
    return text;
}

/* The text without a copy, if it is what it mostly is; else what stock's parser says of it. */
static const char *pton_text(PyObject *o, const char *what)
{
    if (!PyUnicode_Check(o)) {
        PyErr_Format(PyExc_TypeError, "%s() argument 2 must be str, not %.50s", what,
                     o == Py_None ? "None" : Py_TYPE(o)->tp_name);
        return NULL;
    }
    return ext_text(o);
}

/* Exactly two arguments, in the words of stock's parser. */
EXT_RARE static bool raise_not_two(const char *what, Py_ssize_t n)
{
    PyErr_Format(PyExc_TypeError, "%s() takes exactly 2 arguments (%zd given)", what, n);
    return false;
}

static bool two_arguments(const char *what, Py_ssize_t n)
{
    return n == 2 || raise_not_two(what, n);
}

static PyObject *mod_inet_pton(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    int family;
    const char *text;
    struct in6_addr packed; /* the larger of the two */
    (void)module;
    if (!two_arguments("inet_pton", n) || !ext_int(args[0], &family) ||
        !(text = pton_text(args[1], "inet_pton")))
        return NULL;
    int r = inet_pton(family, text, &packed);
    if (r < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (r == 0) {
        PyErr_SetString(PyExc_OSError, "illegal IP address string passed to inet_pton");
        return NULL;
    }
    return PyBytes_FromStringAndSize((const char *)&packed, packed_size(family));
}

static PyObject *ntop(int family, const void *packed, Py_ssize_t len)
{
    if (packed_size(family) == 0)
        return PyErr_Format(PyExc_ValueError, "unknown address family %d", family);
    if (len == packed_size(family))
        return text_of(family, packed);
    PyErr_SetString(PyExc_ValueError, "invalid length of packed IP address string");
    return NULL;
}

static PyObject *mod_inet_ntop(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    int family;
    Py_buffer packed;
    (void)module;
    if (!two_arguments("inet_ntop", n) || !ext_int(args[0], &family))
        return NULL;
    if (PyBytes_CheckExact(args[1]))
        return ntop(family, PyBytes_AS_STRING(args[1]), PyBytes_GET_SIZE(args[1]));
    if (PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "a bytes-like object is required, not 'str'");
        return NULL;
    }
    if (PyObject_GetBuffer(args[1], &packed, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *text = ntop(family, packed.buf, packed.len);
    PyBuffer_Release(&packed);
    return text;
}

PyDoc_STRVAR(ntohs_doc, "ntohs($module, x, /)\n--\n\n"
                        "A 16-bit integer from network to host byte order.");
PyDoc_STRVAR(htons_doc, "htons($module, x, /)\n--\n\n"
                        "A 16-bit integer from host to network byte order.");
PyDoc_STRVAR(ntohl_doc, "ntohl($module, x, /)\n--\n\n"
                        "A 32-bit integer from network to host byte order.");
PyDoc_STRVAR(htonl_doc, "htonl($module, x, /)\n--\n\n"
                        "A 32-bit integer from host to network byte order.");
PyDoc_STRVAR(inet_aton_doc, "inet_aton($module, ip_addr, /)\n--\n\n"
                            "The 4 bytes of an IPv4 address. Takes every form of inet_aton(3).");
PyDoc_STRVAR(inet_ntoa_doc, "inet_ntoa($module, packed_ip, /)\n--\n\n"
                            "The text of the 4 bytes of an IPv4 address.");
PyDoc_STRVAR(inet_pton_doc, "inet_pton(af, ip) -> bytes\n\n"
                            "The 4 or 16 bytes of an AF_INET or AF_INET6 address.");
PyDoc_STRVAR(inet_ntop_doc, "inet_ntop(af, packed_ip) -> str\n\n"
                            "The text of the 4 or 16 bytes of an AF_INET or AF_INET6 address.");

PyMethodDef convert_functions[] = {
    {"ntohs", mod_ntohs, METH_O, ntohs_doc},
    {"htons", mod_htons, METH_O, htons_doc},
    {"ntohl", mod_ntohl, METH_O, ntohl_doc},
    {"htonl", mod_htonl, METH_O, htonl_doc},
    {"inet_aton", mod_inet_aton, METH_O, inet_aton_doc},
    {"inet_ntoa", mod_inet_ntoa, METH_O, inet_ntoa_doc},
    {"inet_pton", EXT_FASTCALL(mod_inet_pton), inet_pton_doc},
    {"inet_ntop", EXT_FASTCALL(mod_inet_ntop), inet_ntop_doc},
    {NULL, NULL, 0, NULL},
};
