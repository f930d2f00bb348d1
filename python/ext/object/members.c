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

/* The member for a number, or the number where there is none; steals it. */
static PyObject *member_of(PyObject *map, PyObject *number)
{
    PyObject *member = NULL;
    if (map && number)
        dict_get(map, number, &member);
    if (!member && PyErr_Occurred())
        Py_CLEAR(number);
    if (!member)
        return number;
    Py_DECREF(number);
    return member;
}

PyObject *sock_family_as_py(const struct sock_class *c, int family)
{
    return member_of(c ? c->families : NULL, PyLong_FromLong(family));
}

PyObject *sock_type_as_py(const struct sock_class *c, int type)
{
    return member_of(c ? c->types : NULL, PyLong_FromLong(type));
}
