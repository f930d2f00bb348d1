/* Gives the class its methods and properties in C, and the state its record. Sits on the files
 * beside it, on the table of methods/type.c, and on object/known_class.c. */
#include "class/equip.h"
#include "state.h"
#include "object/known_class.h"
#include "methods/type.h"
#include "class/accept.h"
#include "class/enums.h"
#include "class/objects.h"
#include "class/refs.h"

#include <stddef.h>
#include <structmember.h>

static PyMethodDef own_methods[] = {
    {"accept", sock_class_accept, METH_NOARGS,
     "accept($self, /)\n--\n\n"
     "Wait for a connection: the new socket, and the address of the peer."},
    {"close", sock_class_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Close the socket. While files of makefile() are open, they keep the descriptor."},
    {"_decref_socketios", sock_class_decref_socketios, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* What programs, and the class's methods in Python, see of the object. As slots they would be where
 * only the interpreter knows; `__slots__` names them all the same. */
static PyMemberDef class_members[] = {
    {"_io_refs", T_OBJECT_EX, offsetof(struct sock_object, io_refs), 0, NULL},
    {"_closed", T_OBJECT_EX, offsetof(struct sock_object, closed), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* Steals the descriptor. 0, or -1 with an exception. */
static int add_to_class(PyTypeObject *type, const char *name, PyObject *descriptor)
{
    int r = descriptor ? PyObject_SetAttrString((PyObject *)type, name, descriptor) : -1;
    Py_XDECREF(descriptor);
    return r;
}

/* The class's own attributes come first: what it defines in Python stays. */
static int add_methods(PyTypeObject *type, PyMethodDef *methods, PyObject *own)
{
    for (PyMethodDef *m = methods; m->ml_name; m++)
        if (!(own && PyMapping_HasKeyString(own, m->ml_name)) &&
            add_to_class(type, m->ml_name, PyDescr_NewMethod(type, m)) < 0)
            return -1;
    return 0;
}

static int add_data(PyTypeObject *type)
{
    for (PyGetSetDef *p = sock_class_properties; p->name; p++)
        if (add_to_class(type, p->name, PyDescr_NewGetSet(type, p)) < 0)
            return -1;
    for (PyMemberDef *m = class_members; m->name; m++)
        if (add_to_class(type, m->name, PyDescr_NewMember(type, m)) < 0)
            return -1;
    return 0;
}

static int equip(struct sock_class *c, PyTypeObject *type, PyObject *names)
{
    PyObject *own = ext_attr((PyObject *)type, "__dict__");
    bool whole = own && sock_class_look(c, own) == 0 && add_methods(type, sock_methods, own) == 0 &&
                 add_methods(type, own_methods, NULL) == 0 && add_data(type) == 0 &&
                 sock_class_remember(c, type, own) == 0 && sock_class_enums(c, names) == 0;
    Py_XDECREF(own);
    if (!whole)
        return -1;
    c->module_names = Py_NewRef(names);
    c->type = (PyTypeObject *)Py_NewRef(type);
    sock_class_live(c);
    return 0;
}

static PyObject *core_equip(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    PyObject *type, *names;
    if (!PyArg_ParseTuple(args, "O!O!:equip", &PyType_Type, &type, &PyDict_Type, &names))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)type, st->sock_type)) {
        PyErr_SetString(PyExc_TypeError, "the class must derive from csock._socket.socket");
        return NULL;
    }
    if (ext_class(st)->type == (PyTypeObject *)type) {
        PyErr_SetString(PyExc_TypeError, "the class has its methods already");
        return NULL;
    }
    struct sock_class *c = PyMem_Calloc(1, sizeof *c);
    if (!c)
        return PyErr_NoMemory();
    if (equip(c, (PyTypeObject *)type, names) < 0) {
        sock_class_forget(c);
        PyMem_Free(c);
        return NULL;
    }
    sock_class_add(st, c);
    Py_RETURN_NONE;
}

PyMethodDef sock_class_functions[] = {
    {"file_opened", sock_class_file_opened, METH_O,
     "file_opened($module, sock, /)\n--\n\n"
     "Count one file more that keeps the socket open, whatever other threads do."},
    {"equip", core_equip, METH_VARARGS,
     "equip(cls, names)\n\n"
     "Give the class socket.socket its methods in C; names is the dictionary of its module."},
    {NULL, NULL, 0, NULL},
};
