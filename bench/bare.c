/* The least that a Python extension can do: METH_FASTCALL methods that make one system call with
 * the GIL held, and look at nothing, not even at whether it failed. Its objects have no slots, no
 * finaliser and no timeout; its addresses are bytes, which nobody converts; it must not be asked
 * for more than 64 KiB. What csock's methods are measured by; of no other use. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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
    char buffer[65536];
    ssize_t r = recv(((struct bare *)self)->fd, buffer, (size_t)PyLong_AsSsize_t(args[0]), 0);
    return PyBytes_FromStringAndSize(buffer, r); /* one byte: an object that is there already */
}

static PyObject *bare_sendto(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)n;
    return PyLong_FromSsize_t(sendto(
        ((struct bare *)self)->fd, PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0]), 0,
        (struct sockaddr *)PyBytes_AS_STRING(args[1]), (socklen_t)PyBytes_GET_SIZE(args[1])));
}

static PyObject *bare_recvfrom(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)n;
    char buffer[65536];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    ssize_t r = recvfrom(((struct bare *)self)->fd, buffer, (size_t)PyLong_AsSsize_t(args[0]), 0,
                         (struct sockaddr *)&from, &len);
    PyObject *pair = PyTuple_New(2);
    PyTuple_SET_ITEM(pair, 0, PyBytes_FromStringAndSize(buffer, r));
    PyTuple_SET_ITEM(pair, 1, PyBytes_FromStringAndSize((char *)&from, len));
    return pair;
}

static PyObject *bare_connect(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)n;
    connect(((struct bare *)self)->fd, (struct sockaddr *)PyBytes_AS_STRING(args[0]),
            (socklen_t)PyBytes_GET_SIZE(args[0]));
    Py_RETURN_NONE;
}

static PyObject *bare_accept(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)args, (void)n;
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    PyObject *pair = PyTuple_New(2), *made = Py_TYPE(self)->tp_alloc(Py_TYPE(self), 0);
    ((struct bare *)made)->fd =
        accept4(((struct bare *)self)->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
    PyTuple_SET_ITEM(pair, 0, made);
    PyTuple_SET_ITEM(pair, 1, PyBytes_FromStringAndSize((char *)&from, len));
    return pair;
}

static PyObject *bare_close(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)args, (void)n;
    close(((struct bare *)self)->fd);
    Py_RETURN_NONE;
}

/* Around a descriptor, or a TCP socket of its own. */
static int bare_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    if (PyTuple_GET_SIZE(args))
        return PyArg_ParseTuple(args, "i", &((struct bare *)self)->fd) ? 0 : -1;
    ((struct bare *)self)->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return 0;
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL, NULL

static PyMethodDef methods[] = {
    {"send", FASTCALL(bare_send)},       {"recv", FASTCALL(bare_recv)},
    {"sendto", FASTCALL(bare_sendto)},   {"recvfrom", FASTCALL(bare_recvfrom)},
    {"connect", FASTCALL(bare_connect)}, {"accept", FASTCALL(bare_accept)},
    {"close", FASTCALL(bare_close)},     {NULL, NULL, 0, NULL},
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

static int exec(PyObject *m)
{
    PyObject *type = PyType_FromSpec(&spec);
    int result = type ? PyModule_AddObjectRef(m, "Bare", type) : -1;
    Py_XDECREF(type);
    return result;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)exec},
#if PY_VERSION_HEX >= 0x030D0000 /* else a free-threaded Python would turn its GIL on */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "bare",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_bare(void)
{
    return PyModuleDef_Init(&module);
}
