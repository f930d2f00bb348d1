/* The interpreter, as every file of the extension wants it: lengths that formats ask for are
 * Py_ssize_t. Python.h may be included by this alone, because the macro has to come first. */
#ifndef CSOCK_EXT_SHARED_PYTHON_H
#define CSOCK_EXT_SHARED_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

/* What is off the usual way through a call, as what raises an exception that a program rarely sees:
 * apart, so that compilers take what calls it for short, and inline that. Not `cold`: gcc then
 * takes much of what is around for cold, too. */
#define EXT_RARE __attribute__((noinline))
/* A step of a short way that is short itself: clang would not inline all of these unasked. */
#define EXT_SHORT __attribute__((always_inline)) static inline

/* An attribute by its name. PyObject_GetAttrString() makes a new str for it each time, which the
 * interpreter's cache of what classes have then keeps, in the place of something useful. */
static inline PyObject *ext_attr(PyObject *o, const char *name)
{
    PyObject *text = PyUnicode_InternFromString(name);
    PyObject *value = text ? PyObject_GetAttr(o, text) : NULL;
    Py_XDECREF(text);
    return value;
}

#endif
