/* Which exception a negative result of the core is. Sits on csock_strerror and on the core's table
 * err.def. Must not know any method or function, nor a socket. */
#include "shared/errors.h"

#include "csock.h"

#include <errno.h>
#include <string.h>

enum kind { OSERROR, MESSAGE, TIMEOUT, VALUE, OVERFLOW, END, PENDING };

static const struct {
    int code;
    enum kind kind;
} rows[] = {
#define CSOCK_ERR(code, text, kind, number) {code, kind},
#include "err.def"
#undef CSOCK_ERR
};

/* (number, text), the arguments of every OSError that has a number. libc's texts are in the
 * language and the encoding of the program's locale. type is NULL where the module is being torn
 * down and a thread still comes back with an error. */
PyObject *ext_raise_numbered(PyObject *type, int number, const char *text)
{
    PyObject *args = Py_BuildValue("(iN)", number, PyUnicode_DecodeLocale(text, "surrogateescape"));
    if (args) {
        PyErr_SetObject(type ? type : PyExc_OSError, args);
        Py_DECREF(args);
    }
    return NULL;
}

/* The interpreter words these itself, in the language of the program's locale. */
static PyObject *raise_system(int number)
{
    errno = number;
    return PyErr_SetFromErrno(PyExc_OSError);
}

static PyObject *raise_own(int err, enum kind kind)
{
    switch (kind) {
    case OSERROR:
        return ext_raise_numbered(PyExc_OSError, csock_err_errno(err), csock_strerror(err));
    case TIMEOUT:
        PyErr_SetString(PyExc_TimeoutError, csock_strerror(err));
        return NULL;
    case VALUE:
        PyErr_SetString(PyExc_ValueError, csock_strerror(err));
        return NULL;
    case OVERFLOW:
        PyErr_SetString(PyExc_OverflowError, csock_strerror(err));
        return NULL;
    case END:
        PyErr_SetString(PyExc_EOFError, csock_strerror(err));
        return NULL;
    case PENDING:
        return NULL;
    case MESSAGE:
        break;
    }
    PyErr_SetString(PyExc_OSError, csock_strerror(err));
    return NULL;
}

/* OSError takes a third argument for its filename, and out of args. */
PyObject *ext_raise_about(const struct ext_errors *classes, int err, const char *host)
{
    int code = csock_err_gai(err);
    if (!code || !*host)
        return ext_raise(classes, err);
    PyObject *args =
        Py_BuildValue("(iNN)", code, PyUnicode_DecodeLocale(csock_strerror(err), "surrogateescape"),
                      PyUnicode_DecodeFSDefault(host));
    if (args) {
        PyErr_SetObject(classes->gaierror ? classes->gaierror : PyExc_OSError, args);
        Py_DECREF(args);
    }
    return NULL;
}

PyObject *ext_raise(const struct ext_errors *classes, int err)
{
    if (csock_err_gai(err))
        return ext_raise_numbered(classes->gaierror, csock_err_gai(err), csock_strerror(err));
    if (csock_err_herr(err))
        return ext_raise_numbered(classes->herror, csock_err_herr(err), csock_strerror(err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == err)
            return raise_own(err, rows[i].kind);
    return raise_system(csock_err_errno(err));
}

/* Not for what says "not now", which no address is to blame for. */
static bool has_address(PyObject *error)
{
    bool is = PyObject_TypeCheck(error, (PyTypeObject *)PyExc_OSError) &&
              !PyObject_TypeCheck(error, (PyTypeObject *)PyExc_BlockingIOError) &&
              !PyObject_TypeCheck(error, (PyTypeObject *)PyExc_InterruptedError);
    PyObject *number = is ? ext_attr(error, "errno") : NULL;
    is = number && PyLong_Check(number);
    Py_XDECREF(number);
    return is;
}

bool ext_error_about(PyObject *error, PyObject *address)
{
    return has_address(error) && PyObject_SetAttrString(error, "filename", address) == 0;
}

bool ext_would_block(void)
{
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_OSError))
        return false;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    bool plain = PyObject_TypeCheck(value, (PyTypeObject *)PyExc_OSError);
    PyObject *number = plain ? ext_attr(value, "errno") : NULL;
    bool is = number && PyLong_Check(number) && PyLong_AsLong(number) == EAGAIN;
    Py_XDECREF(number);
    PyErr_Restore(type, value, traceback); /* drops what went wrong here */
    return is;
}

/* Other people's `except socket.gaierror` has to catch ours: where stock is there too, its classes
 * are taken. New reference to the stock module, or NULL; with no exception if there is none, or if
 * it is our module that is called so. */
static PyObject *stock_module(PyObject *module)
{
    const char *own_name = PyModule_GetName(module);
    if (!own_name || strcmp(own_name, "_socket") == 0)
        return NULL;
    PyObject *stock = PyImport_ImportModule("_socket");
    if (!stock) {
        if (PyErr_ExceptionMatches(PyExc_ImportError))
            PyErr_Clear();
        return NULL;
    }
    if (PyModule_Check(stock) && PyModule_GetDef(stock) == PyModule_GetDef(module))
        Py_CLEAR(stock);
    return stock;
}

static int add_class(PyObject *module, PyObject *stock, const char *name, const char *full_name,
                     PyObject **ret_class)
{
    *ret_class = stock ? ext_attr(stock, name) : PyErr_NewException(full_name, PyExc_OSError, NULL);
    return *ret_class ? PyModule_AddObjectRef(module, name, *ret_class) : -1;
}

int errors_setup(PyObject *module, struct ext_errors *classes)
{
    int r = -1;
    PyObject *stock = stock_module(module);
    if (PyErr_Occurred())
        return -1;
    if (add_class(module, stock, "gaierror", "socket.gaierror", &classes->gaierror) < 0 ||
        add_class(module, stock, "herror", "socket.herror", &classes->herror) < 0 ||
        PyModule_AddObjectRef(module, "error", PyExc_OSError) < 0 ||
        PyModule_AddObjectRef(module, "timeout", PyExc_TimeoutError) < 0)
        goto done;
    r = 0;
done:
    Py_XDECREF(stock);
    return r;
}
