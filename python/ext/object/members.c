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

/* What the enum itself has for a number that its table has not: a member which a program has added,
 * or one that its class makes. The number where there is none; steals it. */
static PyObject *ask_enum(PyObject *type, PyObject *number)
{
    PyObject *member = PyObject_CallOneArg(type, number);
    if (member || !PyErr_ExceptionMatches(PyExc_ValueError)) {
        Py_DECREF(number);
        return member;
    }
    PyErr_Clear();
    return number;
}

/* The member for a number, or the number where there is none; steals it. */
static PyObject *member_of(PyObject *type, PyObject *map, PyObject *number)
{
    PyObject *member = NULL;
    if (!map || !number)
        return number;
    dict_get(map, number, &member);
    if (!member && !PyErr_Occurred())
        return ask_enum(type, number);
    Py_DECREF(number);
    return member;
}

PyObject *sock_family_as_py(const struct sock_class *c, int family)
{
    return member_of(c ? c->family_enum : NULL, c ? c->families : NULL, PyLong_FromLong(family));
}

PyObject *sock_type_as_py(const struct sock_class *c, int type)
{
    return member_of(c ? c->type_enum : NULL, c ? c->types : NULL, PyLong_FromLong(type));
}
