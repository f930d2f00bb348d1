/* The enums of the class's module: the constants that they are made of, their tables for the record
 * of the class, and its properties `family` and `type`. Sits on object/known_class.c, which keeps
 * the tables, and object/members.c, which looks in them. */
#include "class/enums.h"
#include "object/members.h"
#include "shared/args.h"

/* 0, or -1 with an exception. */
static int map_add(PyObject *map, PyObject *member)
{
    long value = PyLong_AsLong(member);
    PyObject *number = value == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(value);
    int r = number ? PyDict_SetItem(map, number, member) : -1;
    Py_XDECREF(number);
    return r;
}

/* {value: member} of an enum. */
static PyObject *map_of(PyObject *type)
{
    PyObject *member;
    PyObject *members = PyObject_GetIter(type), *map = members ? PyDict_New() : NULL;
    while (map && (member = PyIter_Next(members))) {
        if (map_add(map, member) < 0)
            Py_CLEAR(map);
        Py_DECREF(member);
    }
    Py_XDECREF(members);
    if (PyErr_Occurred())
        Py_CLEAR(map);
    return map;
}

/* The one of that name in the module. 0, or -1 with an exception. */
static int enum_of(struct sock_enum *e, PyObject *names, const char *name)
{
    PyObject *type = PyDict_GetItemString(names, name);
    if (!type) {
        PyErr_Format(PyExc_NameError, "the module has no %s", name);
        return -1;
    }
    Py_XSETREF(e->type, Py_NewRef(type));
    Py_XSETREF(e->members, map_of(type));
    return e->members ? 0 : -1;
}

int sock_class_enums(struct sock_class *c, PyObject *names)
{
    int r = enum_of(&c->families, names, "AddressFamily");
    return r < 0 ? r : enum_of(&c->types, names, "SocketKind");
}

static PyObject *get_family(PyObject *self, void *closure)
{
    const struct sock_object *s = (struct sock_object *)self;
    (void)closure;
    return sock_family_as_py(ext_class(s->state), EXT_GET(s->family));
}

static PyObject *get_type(PyObject *self, void *closure)
{
    const struct sock_object *s = (struct sock_object *)self;
    (void)closure;
    return sock_type_as_py(ext_class(s->state), EXT_GET(s->type));
}

/* In the words of a property of Python's, which these are in stock. */
static int refuse(PyObject *self, PyObject *value, void *name)
{
    PyObject *type = PyType_GetQualName(Py_TYPE(self));
    if (type)
        PyErr_Format(PyExc_AttributeError, "property '%s' of %R object has no %s",
                     (const char *)name, type, value ? "setter" : "deleter");
    Py_XDECREF(type);
    return -1;
}

PyGetSetDef sock_class_properties[] = {
    {"family", get_family, refuse, "The address family, an AddressFamily where it is known.",
     "family"},
    {"type", get_type, refuse, "The socket type, a SocketKind where it is known.", "type"},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Puts a constant into the dictionary of the prefix that its name begins with, if there is one. */
static int share(PyObject *name, PyObject *value, PyObject *const *prefixes, PyObject *dicts)
{
    Py_UCS4 first = PyUnicode_READ_CHAR(name, 0);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(dicts); i++)
        if (PyUnicode_READ_CHAR(prefixes[i], 0) == first &&
            PyUnicode_Tailmatch(name, prefixes[i], 0, PY_SSIZE_T_MAX, -1) == 1)
            return PyDict_SetItem(PyTuple_GET_ITEM(dicts, i), name, value);
    return 0;
}

/* Names that begin with an underscore stay behind. */
static int copy_names(PyObject *from, PyObject *to, PyObject *list, PyObject *const *prefixes,
                      PyObject *dicts)
{
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(from, &at, &name, &value);) {
        if (!PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) == 0 ||
            PyUnicode_READ_CHAR(name, 0) == '_')
            continue;
        if (PyDict_SetItem(to, name, value) < 0 || PyList_Append(list, name) < 0 ||
            share(name, value, prefixes, dicts) < 0)
            return -1;
    }
    return PyList_Sort(list);
}

static PyObject *tuple_of_dicts(Py_ssize_t n)
{
    PyObject *result = PyTuple_New(n);
    for (Py_ssize_t i = 0; result && i < n; i++) {
        PyObject *dict = PyDict_New();
        if (dict)
            PyTuple_SET_ITEM(result, i, dict);
        else
            Py_CLEAR(result);
    }
    return result;
}

/* The names of csock._socket are hundreds, and each import of the drop-in waits for this. */
static PyObject *core_take_names(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    PyObject *owner = *(PyObject **)PyModule_GetState(module), *result = NULL;
    for (Py_ssize_t i = 0; i < n; i++)
        if (i ? !PyUnicode_Check(args[i]) || PyUnicode_GET_LENGTH(args[i]) == 0
              : !PyDict_Check(args[i]))
            return PyErr_Format(PyExc_TypeError, "a dict, and prefixes that are not empty");
    if (n == 0)
        return PyErr_Format(PyExc_TypeError, "a dict, and prefixes that are not empty");
    PyObject *from = PyDict_Copy(PyModule_GetDict(owner)); /* which nobody changes meanwhile */
    PyObject *list = PyList_New(0), *dicts = tuple_of_dicts(n - 1);
    if (from && list && dicts && copy_names(from, args[0], list, args + 1, dicts) == 0)
        result = PyTuple_Pack(2, list, dicts);
    Py_XDECREF(from);
    Py_XDECREF(list);
    Py_XDECREF(dicts);
    return result;
}

PyMethodDef enum_functions[] = {
    {"take_names", EXT_FASTCALL(core_take_names),
     "take_names($module, names, /, *prefixes)\n--\n\n"
     "Put all of csock._socket into the dictionary, but for names with an underscore in front.\n"
     "Returns their list, sorted, and for each prefix a dictionary of those that begin with it."},
    {NULL, NULL, 0, NULL},
};
