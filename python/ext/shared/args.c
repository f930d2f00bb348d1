/* The converters, in the words of each CPython. Sits on nothing but the interpreter. */
#include "shared/args.h"
#include "shared/fixes.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define NS_PER_S 1000000000LL

EXT_RARE static bool raise_no_int(long value)
{
    PyErr_SetString(PyExc_OverflowError, value > 0 ? "signed integer is greater than maximum"
                                                   : "signed integer is less than minimum");
    return false;
}

bool ext_int(PyObject *o, int *ret)
{
    long value = PyLong_AsLong(o);
    if (value == -1 && PyErr_Occurred())
        return false;
    if (value > INT_MAX || value < INT_MIN)
        return raise_no_int(value);
    *ret = (int)value;
    return true;
}

bool ext_c_int(PyObject *o, int *ret)
{
    int overflow = 0;
    long value = PyLong_AsLongAndOverflow(o, &overflow);
    if (value == -1 && !overflow && PyErr_Occurred())
        return false;
    if (overflow || value > INT_MAX || value < INT_MIN) {
        PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
        return false;
    }
    *ret = (int)value;
    return true;
}

bool ext_c_int_or_none(PyObject *o, bool may_be_none, int *ret)
{
    if (may_be_none && !PyLong_Check(o)) {
        PyObject *none = PyLong_FromLong(-1);
        int r = none ? PyObject_RichCompareBool(o, none, Py_EQ) : -1;
        Py_XDECREF(none);
        *ret = -1;
        if (r != 0)
            return r > 0;
    }
    return ext_c_int(o, ret);
}

bool ext_arg_count_raise(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max)
{
    Py_ssize_t bound = n < min ? min : max;
    const char *than = min == max ? "exactly" : (n < min ? "at least" : "at most");
#if PY_VERSION_HEX >= 0x030F0000
    if (strncmp(what, "send", 4) == 0) { /* send, sendall and sendmsg of stock are parsed anew */
        PyErr_Format(PyExc_TypeError, "%s expected %s %zd argument%s, got %zd", what, than, bound,
                     bound == 1 ? "" : "s", n);
        return false;
    }
#endif
    PyErr_Format(PyExc_TypeError, "%s() takes %s %zd argument%s (%zd given)", what, than, bound,
                 bound == 1 ? "" : "s", n);
    return false;
}

PyObject *ext_tuple_copy(PyObject *const *items, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    return tuple;
}

PyObject *ext_keywords_copy(PyObject *const *values, PyObject *kwnames)
{
    PyObject *dict = PyDict_New();
    Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; dict && i < n; i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, i), values[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

PyObject *ext_tuple_of(PyObject **items, Py_ssize_t n)
{
    bool whole = true;
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; i < n; i++) {
        whole = whole && items[i];
        if (tuple)
            PyTuple_SET_ITEM(tuple, i, items[i]);
        else
            Py_XDECREF(items[i]);
    }
    if (!whole)
        Py_CLEAR(tuple);
    return tuple;
}

PyTypeObject *ext_row_type(PyTypeObject **place, PyStructSequence_Desc *description)
{
    PyTypeObject *type = __atomic_load_n(place, __ATOMIC_ACQUIRE), *none = NULL;
    if (type)
        return (PyTypeObject *)Py_NewRef(type);
    type = PyStructSequence_NewType(description);
    if (!type)
        return NULL;
    Py_INCREF(type); /* the place's */
    if (__atomic_compare_exchange_n(place, &none, type, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return type;
    Py_DECREF(type); /* another thread has made one meanwhile */
    Py_DECREF(type);
    return (PyTypeObject *)Py_NewRef(none);
}

PyObject *ext_row_of(PyTypeObject *type, PyObject **items, Py_ssize_t n)
{
    PyObject *row = PyStructSequence_New(type);
    bool whole = row != NULL;
    for (Py_ssize_t i = 0; i < n; i++) {
        whole = whole && items[i];
        if (row)
            PyStructSequence_SetItem(row, i, items[i]);
        else
            Py_XDECREF(items[i]);
    }
    if (!whole)
        Py_CLEAR(row);
    return row;
}

void ext_list_add(PyObject **list, PyObject *item)
{
    if (!item || PyList_Append(*list, item) < 0)
        Py_CLEAR(*list);
    Py_XDECREF(item);
}

#if PY_VERSION_HEX >= 0x030E0000
bool ext_native_unsigned(PyObject *o, const char *type, void *ret, size_t size)
{
    Py_ssize_t needed = PyLong_AsNativeBytes(
        o, ret, (Py_ssize_t)size,
        Py_ASNATIVEBYTES_NATIVE_ENDIAN | Py_ASNATIVEBYTES_ALLOW_INDEX |
            Py_ASNATIVEBYTES_REJECT_NEGATIVE | Py_ASNATIVEBYTES_UNSIGNED_BUFFER);
    if (needed > (Py_ssize_t)size)
        PyErr_Format(PyExc_OverflowError, "Python int too large for C %s", type);
    return needed >= 0 && needed <= (Py_ssize_t)size;
}
#endif

const char *ext_text(PyObject *o)
{
    Py_ssize_t n;
    const char *text = PyUnicode_AsUTF8AndSize(o, &n);
    if (text && ext_has_nul(text, n)) {
        PyErr_SetString(PyExc_ValueError, "embedded null character");
        return NULL;
    }
    return text;
}

bool ext_ssize(PyObject *o, Py_ssize_t *ret)
{
    PyObject *index = PyNumber_Index(o);
    Py_ssize_t value = index ? PyLong_AsSsize_t(index) : -1;
    Py_XDECREF(index);
    if (value == -1 && PyErr_Occurred())
        return false;
    *ret = value;
    return true;
}

#if PY_VERSION_HEX >= 0x030D0000
#define INT_TOO_LARGE "timestamp too large to convert to C PyTime_t"
#else
#define INT_TOO_LARGE "timestamp too large to convert to C _PyTime_t"
#endif

static bool raise_too_large(const char *unfixed)
{
    PyErr_SetString(PyExc_OverflowError,
                    fix_timestamp_text() ? "timestamp out of range for C PyTime_t" : unfixed);
    return false;
}

static bool float_seconds(double seconds, int64_t *ret_ns)
{
    if (isnan(seconds)) {
        PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
        return false;
    }
    double ns = seconds * (double)NS_PER_S;
    ns = ns < 0 ? floor(ns) : ceil(ns); /* never shorter than asked for */
    if (ns < (double)INT64_MIN || ns >= -(double)INT64_MIN)
        return raise_too_large("timestamp out of range for platform time_t");
    *ret_ns = (int64_t)ns;
    return true;
}

static bool int_seconds(PyObject *o, int64_t *ret_ns)
{
    long long seconds = PyLong_AsLongLong(o);
    if (seconds == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            raise_too_large(INT_TOO_LARGE);
#if PY_VERSION_HEX >= 0x030E0000 && PY_VERSION_HEX < 0x030F0000
        else if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError,
                         "'%T' object cannot be interpreted as an integer or float", o);
#endif
        return false;
    }
    if (seconds > INT64_MAX / NS_PER_S || seconds < INT64_MIN / NS_PER_S)
        return raise_too_large(INT_TOO_LARGE);
    *ret_ns = seconds * NS_PER_S;
    return true;
}

/* From 3.15 on, also what has __float__ alone. */
static bool other_seconds(PyObject *o, int64_t *ret_ns)
{
#if PY_VERSION_HEX >= 0x030F0000
    if (!PyIndex_Check(o)) {
        double seconds = PyFloat_AsDouble(o);
        return !(seconds == -1 && PyErr_Occurred()) && float_seconds(seconds, ret_ns);
    }
#endif
    return int_seconds(o, ret_ns);
}

bool ext_seconds(PyObject *o, int64_t *ret_ns)
{
    return PyFloat_Check(o) ? float_seconds(PyFloat_AS_DOUBLE(o), ret_ns)
                            : other_seconds(o, ret_ns);
}

bool ext_timeout(PyObject *o, int64_t *ret_ns)
{
    int64_t ns = 0;
    if (o == Py_None) {
        *ret_ns = -1;
        return true;
    }
    if (!ext_seconds(o, &ns))
        return false;
    if (ns < 0) {
        PyErr_SetString(PyExc_ValueError, "Timeout value out of range");
        return false;
    }
    *ret_ns = ns;
    return true;
}

/* Whole seconds are divided as integers: a double holds fewer digits than int64_t. */
PyObject *ext_timeout_as_py(int64_t ns)
{
    if (ns < 0)
        Py_RETURN_NONE;
    if (ns % NS_PER_S == 0)
        return PyFloat_FromDouble((double)(ns / NS_PER_S));
    return PyFloat_FromDouble((double)ns / (double)NS_PER_S);
}
