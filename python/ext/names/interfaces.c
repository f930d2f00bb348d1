/* Network interfaces by name and number, and another name for the machine. Sits on csock_iface_….
 * Arguments and texts are stock's, which changed with the versions of CPython. */
#include "shared/args.h"
#include "shared/errors.h"
#include "shared/fixes.h"
#include "state.h"
#include "names/tables.h"

#include "csock.h"

static PyObject *iface_as_py(const struct csock_iface *row)
{
    PyObject *name = PyUnicode_DecodeFSDefault(row->name);
    return name ? Py_BuildValue("(IN)", row->index, name) : NULL;
}

static PyObject *mod_if_nameindex(PyObject *module, PyObject *none)
{
    struct csock_iface *rows;
    int n;
    (void)none;
    Py_BEGIN_ALLOW_THREADS
    n = csock_iface_list(&rows);
    Py_END_ALLOW_THREADS
    if (n < 0)
        return ext_raise(&ext_state_of(module)->errors, n);
    PyObject *list = PyList_New(n);
    for (int i = 0; list && i < n; i++) {
        PyObject *row = iface_as_py(&rows[i]);
        if (row)
            PyList_SET_ITEM(list, i, row);
        else
            Py_CLEAR(list);
    }
    csock_iface_list_free(rows);
    return list;
}

static PyObject *index_of(PyObject *module, PyObject *encoded)
{
    unsigned index;
    int r = csock_iface_index(NULL, PyBytes_AS_STRING(encoded), &index);
    Py_DECREF(encoded);
    if (r == 0)
        return PyLong_FromUnsignedLong(index);
    if (fix_nametoindex_errno())
        return ext_raise(&ext_state_of(module)->errors, r);
    PyErr_SetString(PyExc_OSError, "no interface with this name");
    return NULL;
}

#if PY_VERSION_HEX >= 0x030D0000
static PyObject *mod_if_nametoindex(PyObject *module, PyObject *o)
{
    PyObject *encoded;
    return PyUnicode_FSConverter(o, &encoded) ? index_of(module, encoded) : NULL;
}
#define NAMETOINDEX_ARGUMENTS METH_O
#else
static PyObject *mod_if_nametoindex(PyObject *module, PyObject *args)
{
    PyObject *encoded;
    if (!PyArg_ParseTuple(args, "O&:if_nametoindex", PyUnicode_FSConverter, &encoded))
        return NULL;
    return index_of(module, encoded);
}
#define NAMETOINDEX_ARGUMENTS METH_VARARGS
#endif

#if PY_VERSION_HEX >= 0x030E0000
static bool index_argument(PyObject *o, unsigned *ret)
{
    return ext_native_unsigned(o, "unsigned int", ret, sizeof *ret);
}
#else
static bool index_argument(PyObject *o, unsigned *ret)
{
    unsigned long index = PyLong_AsUnsignedLong(o);
    if (index == (unsigned long)-1 && PyErr_Occurred())
        return false;
    if (index > UINT32_MAX) { /* stock of 3.11.7 and 3.12.1 cuts it */
        PyErr_SetString(PyExc_OverflowError, "index is too large");
        return false;
    }
    *ret = (unsigned)index;
    return true;
}
#endif

static PyObject *mod_if_indextoname(PyObject *module, PyObject *o)
{
    unsigned index;
    char name[CSOCK_IFACE_NAME_MAX];
    if (!index_argument(o, &index))
        return NULL;
    int r = csock_iface_name(NULL, index, name);
    return r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : PyUnicode_DecodeFSDefault(name);
}

/* Bytes go as they are; all else as the name of a file would. */
static PyObject *mod_sethostname(PyObject *module, PyObject *args)
{
    PyObject *name;
    Py_buffer bytes;
    int r;
    if (!PyArg_ParseTuple(args, "S:sethostname", &name)) {
        PyErr_Clear();
        if (!PyArg_ParseTuple(args, "O&:sethostname", PyUnicode_FSConverter, &name))
            return NULL;
    } else {
        Py_INCREF(name);
    }
    PyObject *result = NULL;
    if (PySys_Audit("socket.sethostname", "(O)", name) < 0 ||
        PyObject_GetBuffer(name, &bytes, PyBUF_SIMPLE) < 0)
        goto done;
    Py_BEGIN_ALLOW_THREADS
    r = csock_hostname_set(bytes.buf, (size_t)bytes.len);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&bytes);
    result = r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : Py_NewRef(Py_None);
done:
    Py_DECREF(name);
    return result;
}

PyDoc_STRVAR(if_nameindex_doc, "if_nameindex() -> [(index, name), ...]\n\n"
                               "All network interfaces.");
PyDoc_STRVAR(if_nametoindex_doc, "if_nametoindex($module, oname, /)\n--\n\n"
                                 "The number of the network interface of this name.");
PyDoc_STRVAR(if_indextoname_doc, "if_indextoname($module, if_index, /)\n--\n\n"
                                 "The name of the network interface of this number.");
PyDoc_STRVAR(sethostname_doc, "sethostname(name)\n\n"
                              "Give the machine another name. sethostname(2).");

PyMethodDef interface_functions[] = {
    {"if_nameindex", mod_if_nameindex, METH_NOARGS, if_nameindex_doc},
    {"if_nametoindex", mod_if_nametoindex, NAMETOINDEX_ARGUMENTS, if_nametoindex_doc},
    {"if_indextoname", mod_if_indextoname, METH_O, if_indextoname_doc},
    {"sethostname", mod_sethostname, METH_VARARGS, sethostname_doc},
    {NULL, NULL, 0, NULL},
};
