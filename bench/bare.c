/* The least that a Python extension can do: METH_FASTCALL methods that make one system call with
 * the GIL held, and look at nothing, not even at whether it failed. What csock's methods are
 * measured by; of no other use. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <sys/socket.h>

struct bare {
    PyObject ob_base;
    int fd;
};

static PyObject *bare_send(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)n;
    return PyLong_FromSsize_t(send(((struct bare *)self)->fd, PyBytes_AS_STRING(args[0]),
                                   (size_t)PyBytes_GET_SIZE(args[0]), 0));
}

static PyObject *bare_recv(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)n;
    Py_ssize_t size = PyLong_AsSsize_t(args[0]);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    ssize_t r = recv(((struct bare *)self)->fd, PyBytes_AS_STRING(bytes), (size_t)size, 0);
    if (r != size)
        _PyBytes_Resize(&bytes, r);
    return bytes;
}

static int bare_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    return PyArg_ParseTuple(args, "i", &((struct bare *)self)->fd) ? 0 : -1;
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL, NULL

static PyMethodDef methods[] = {
    {"send", FASTCALL(bare_send)},
    {"recv", FASTCALL(bare_recv)},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_init, (void *)bare_init},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "bare.Bare",
    .basicsize = sizeof(struct bare),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

static struct PyModuleDef module = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "bare"};

PyMODINIT_FUNC PyInit_bare(void)
{
    PyObject *m = PyModule_Create(&module);
    PyObject *type = m ? PyType_FromSpec(&spec) : NULL;
    if (!type || PyModule_AddObjectRef(m, "Bare", type) < 0)
        Py_CLEAR(m);
    Py_XDECREF(type);
    return m;
}
