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

/* What stock does for each: a program may have added a member since. Else the number. */
static PyObject *ask_enum(PyObject *type, PyObject *number)
{
    PyObject *member = PyObject_CallOneArg(type, number);
    if (member || !PyErr_ExceptionMatches(PyExc_ValueError))
        return member;
    PyErr_Clear();
    return Py_NewRef(number);
}

static PyObject *member_of(const struct sock_enum *e, long value)
{
    PyObject *number = PyLong_FromLong(value), *member = NULL;
    if (!number || !e || !e->members)
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
