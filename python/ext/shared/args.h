/* Arguments, for functions that take theirs by METH_FASTCALL or METH_O: small converters, which
 * accept what stock accepts and say what stock says. Each that returns bool sets an exception and
 * returns false, or fills its output. They know neither sockets nor modules. */
#ifndef CSOCK_EXT_SHARED_ARGS_H
#define CSOCK_EXT_SHARED_ARGS_H

#include "shared/interp.h"

#include <string.h>

/* Between min and max arguments, or stock's TypeError for the method `what`. */
EXT_RARE bool ext_arg_count_raise(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max);
static inline bool ext_arg_count(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max)
{
    return (n >= min && n <= max) || ext_arg_count_raise(what, n, min, max);
}

/* Function and kind for a PyMethodDef, of what takes its arguments so. */
#define EXT_FUNCTION(function) (PyCFunction)(void (*)(void)) function
#define EXT_FASTCALL(function) EXT_FUNCTION(function), METH_FASTCALL
#define EXT_KEYWORDS(function) EXT_FUNCTION(function), METH_FASTCALL | METH_KEYWORDS

bool ext_int(PyObject *o, int *ret);
/* The same, with the words of functions whose arguments CPython has parsed by generated code. */
bool ext_c_int(PyObject *o, int *ret);
/* The same; where may_be_none, all that equals -1 (-1.0) is it. */
bool ext_c_int_or_none(PyObject *o, bool may_be_none, int *ret);
#if PY_VERSION_HEX >= 0x030E0000
/* An index that is not negative, to an unsigned number of that size, whose type errors name. */
bool ext_native_unsigned(PyObject *o, const char *type, void *ret, size_t size);
#endif
bool ext_ssize(PyObject *o, Py_ssize_t *ret);
/* The same, quick for what it mostly gets. */
static inline bool ext_size(PyObject *o, Py_ssize_t *ret)
{
    if (!PyLong_CheckExact(o))
        return ext_ssize(o, ret);
    if (interp_small_int(o, ret))
        return true;
    *ret = PyLong_AsSsize_t(o);
    return *ret != -1 || !PyErr_Occurred();
}

/* The arguments of a METH_FASTCALL function as a tuple and as a dict, for the parsers that want
 * those. New references. */
PyObject *ext_tuple_copy(PyObject *const *items, Py_ssize_t n);
PyObject *ext_keywords_copy(PyObject *const *values, PyObject *kwnames);
/* A tuple of the items, which it takes over; NULL if one of them is NULL. */
PyObject *ext_tuple_of(PyObject **items, Py_ssize_t n);
/* The class of a struct sequence, a new reference. It is made when somebody asks for the first
 * time, so that no import waits for it, and kept in *place. */
PyTypeObject *ext_row_type(PyTypeObject **place, PyStructSequence_Desc *description);
/* The same as a row of that class, a struct sequence. */
PyObject *ext_row_of(PyTypeObject *type, PyObject **items, Py_ssize_t n);
/* Adds an item, which it takes over, to a list; where it is NULL, or does not fit into memory, the
 * list goes, too, and *list is NULL. */
void ext_list_add(PyObject **list, PyObject *item);

/* Whether a NUL stands among n bytes of text, which for C ends there. */
static inline bool ext_has_nul(const char *text, Py_ssize_t n)
{
    return strlen(text) != (size_t)n;
}
/* The text of a str for C, valid as long as o. A NUL in it is an exception. */
const char *ext_text(PyObject *o);

/* Seconds as settimeout() takes them, to ns, away from zero. What int64_t cannot hold:
 * OverflowError; NaN: ValueError. */
bool ext_seconds(PyObject *o, int64_t *ret_ns);
/* The same or None, which is -1; < 0: ValueError. */
bool ext_timeout(PyObject *o, int64_t *ret_ns);
/* The reverse: a float, or None for < 0. New reference. */
PyObject *ext_timeout_as_py(int64_t ns);

#endif
