/* Numbers as members of enums. Sits on object/known_class.c, which keeps the enums' tables. */
#include "object/members.h"

/* *ret is a new reference, or NULL with or without an exception. */
static void dict_get(PyObject *map, PyObject *key, PyObject **ret)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyDict_GetItemRef(map, key, ret);
#else
    *ret = Py_XNewRef(PyDict_GetItemWithError(map, key));
#endif
}

/* What the enum itself makes of a number: what stock's socket module asks each time. */
static PyObject *ask_enum(PyObject *type, PyObject *number)
{
    Py_INCREF(type); /* programs may have a say in this, and the interpreter may end meanwhile */
    PyObject *member = PyObject_CallOneArg(type, number);
    Py_DECREF(type);
    if (member || !PyErr_ExceptionMatches(PyExc_ValueError))
        return member;
    PyErr_Clear();
    return Py_NewRef(number);
}

/* The member for a number, or the number where there is none. */
static PyObject *member_of(const struct sock_enum *e, int value)
{
    PyObject *number = PyLong_FromLong(value), *member = NULL;
    if (!e || !e->members || !number)
        return number;
    dict_get(e->members, number, &member);
    if (!member && !PyErr_Occurred())
        member = ask_enum(e->type, number);
    Py_DECREF(number);
    return member;
}

PyObject *sock_family_as_py(const struct sock_class *c, int family)
{
    return member_of(c ? &c->families : NULL, family);
}

PyObject *sock_type_as_py(const struct sock_class *c, int type)
{
    return member_of(c ? &c->types : NULL, type);
}
