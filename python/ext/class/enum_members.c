/* The members of an enum after its first, made as the standard library has made that one. It takes
 * 27,000 instructions of Python for each, and a program that imports `socket` waits for sixty.
 *
 * Sits on what CPython 3.13 to 3.15 keep of members. It looks at the class before it changes
 * anything, and leaves one alone that keeps anything else: the standard library then makes all of
 * it. Must not make classes, nor give members or classes anything that the first has not got. */
#include "class/enums.h"

/* Before, class attributes are objects around the members, which cost as much to imitate. A later
 * CPython is added here, and in tests/py/test_enums.py, when that is content with it. */
#define ENUM_LAYOUT_IS_KNOWN (PY_VERSION_HEX >= 0x030D0000 && PY_VERSION_HEX < 0x03100000)

#if ENUM_LAYOUT_IS_KNOWN

enum { MASK, SINGLES, ALL_BITS, NUMBERS };
static const char *const number_names[NUMBERS] = {"_flag_mask_", "_singles_mask_", "_all_bits_"};

struct tables {
    PyTypeObject *type;
    PyObject *own;      /* the attributes of the class itself; strong, the others are in it */
    PyObject *names;    /* _member_names_: without aliases */
    PyObject *by_name;  /* _member_map_ */
    PyObject *by_value; /* _value2member_map_ */
    PyObject *values;   /* _hashable_values_, NULL where this CPython has none */
    PyObject *make;     /* _new_member_ */
    PyObject *first;    /* the member that is there */
    int numbers;        /* how many of number_names it has: all, if it is a Flag, or none */
};

static PyObject *own(const struct tables *t, const char *name)
{
    return PyDict_GetItemString(t->own, name);
}

static int is_dict_of(PyObject *o, PyObject *key, PyObject *value)
{
    return o && PyDict_CheckExact(o) && PyDict_GET_SIZE(o) == 1 && PyDict_GetItem(o, key) == value;
}

static int is_list_of(PyObject *o, PyObject *item)
{
    return o && PyList_CheckExact(o) && PyList_GET_SIZE(o) == 1 &&
           PyObject_RichCompareBool(PyList_GET_ITEM(o, 0), item, Py_EQ) == 1;
}

/* A borrowed reference to the first member's dictionary, which the member keeps, or NULL. */
static PyObject *attributes_of(PyObject *member)
{
    PyObject *dict = PyObject_GenericGetDict(member, NULL);
    Py_XDECREF(dict);
    return dict;
}

/* Members have four attributes: _value_, _name_, __objclass__ and _sort_order_. */
static int member_is_known(const struct tables *t, PyObject *name, PyObject *value)
{
    PyObject *dict = attributes_of(t->first);
    if (!dict || PyDict_GET_SIZE(dict) != 4)
        return 0;
    PyObject *order = PyDict_GetItemString(dict, "_sort_order_");
    return PyDict_GetItemString(dict, "_value_") == value &&
           PyDict_GetItemString(dict, "_name_") == name &&
           PyDict_GetItemString(dict, "__objclass__") == (PyObject *)t->type && order &&
           PyLong_CheckExact(order) && PyLong_AsLong(order) == 0;
}

/* What else the class has may depend on its members if it is a number, or a table with something
 * in it. */
static int rest_is_known(const struct tables *t)
{
    PyObject *name, *o;
    int numbers = 0;
    for (Py_ssize_t at = 0; PyDict_Next(t->own, &at, &name, &o);) {
        int table = PyDict_Check(o) || PyList_Check(o) || PyAnySet_Check(o) || PyTuple_Check(o);
        if (table && o != t->names && o != t->by_name && o != t->by_value && o != t->values &&
            PyObject_Size(o) != 0)
            return 0;
        numbers += PyLong_CheckExact(o);
    }
    return numbers == t->numbers;
}

/* Whether the class is an enum of one member, and has no more to do with it than is known here. */
static int find_tables(struct tables *t, PyObject *name, PyObject *value)
{
    t->names = own(t, "_member_names_");
    t->by_name = own(t, "_member_map_");
    t->by_value = own(t, "_value2member_map_");
    t->values = own(t, "_hashable_values_");
    t->make = own(t, "_new_member_");
    t->first = PyDict_GetItem(t->own, name);
    for (int i = 0; i < NUMBERS; i++)
        t->numbers += own(t, number_names[i]) != NULL;
    return t->first && t->make && Py_IS_TYPE(t->first, t->type) &&
           (t->numbers == NUMBERS || t->numbers == 0) && is_list_of(t->names, name) &&
           is_dict_of(t->by_name, name, t->first) && is_dict_of(t->by_value, value, t->first) &&
           (!t->values || is_list_of(t->values, value)) && member_is_known(t, name, value) &&
           rest_is_known(t);
}

/* All bits of a Flag's members. 0, without an exception, if one is not a single bit: a CPython
 * treats those in ways of its own. */
static unsigned long long bits_of(PyObject *members)
{
    unsigned long long all = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(members); i++) {
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(members, i), 0);
        unsigned long long bit = PyLong_AsUnsignedLongLong(value);
        if (bit == 0 || (bit & (bit - 1)) != 0) {
            PyErr_Clear();
            return 0;
        }
        all |= bit;
    }
    return all;
}

static int set_bits(const struct tables *t, unsigned long long bits)
{
    unsigned long long all = bits;
    for (unsigned shift = 1; shift < 64; shift *= 2)
        all |= all >> shift;
    for (int i = 0; i < t->numbers; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(i == ALL_BITS ? all : bits);
        PyObject *name = PyUnicode_InternFromString(number_names[i]);
        int r = number && name ? PyType_Type.tp_setattro((PyObject *)t->type, name, number) : -1;
        Py_XDECREF(number);
        Py_XDECREF(name);
        if (r < 0)
            return -1;
    }
    return 0;
}

/* A new reference. The attributes in the order in which the first member has them. */
static PyObject *new_member(const struct tables *t, PyObject *name, PyObject *value)
{
    PyObject *key, *o, *order = PyLong_FromSsize_t(PyList_GET_SIZE(t->names));
    PyObject *member = order ? PyObject_CallFunctionObjArgs(t->make, t->type, value, NULL) : NULL;
    for (Py_ssize_t at = 0; member && PyDict_Next(attributes_of(t->first), &at, &key, &o);) {
        if (PyUnicode_EqualToUTF8(key, "_value_"))
            o = value;
        else if (PyUnicode_EqualToUTF8(key, "_name_"))
            o = name;
        else if (PyUnicode_EqualToUTF8(key, "_sort_order_"))
            o = order; /* the fourth, __objclass__, is the same for all */
        if (PyObject_GenericSetAttr(member, key, o) < 0)
            Py_CLEAR(member);
    }
    Py_XDECREF(order);
    return member;
}

/* Into all tables, or, as an alias of a member that is there, into the one of names. */
static int add_to_tables(const struct tables *t, PyObject *name, PyObject *value)
{
    PyObject *member = PyDict_GetItemWithError(t->by_value, value);
    if (member)
        return PyDict_SetItem(t->by_name, name, member);
    member = PyErr_Occurred() ? NULL : new_member(t, name, value);
    int r = member && PyDict_SetItem(t->by_value, value, member) == 0 &&
                    PyDict_SetItem(t->by_name, name, member) == 0 &&
                    PyList_Append(t->names, name) == 0 &&
                    (!t->values || PyList_Append(t->values, value) == 0)
                ? 0
                : -1;
    Py_XDECREF(member);
    return r;
}

/* The class last: whatever is looked up in it has to be found anew after each change of it. */
static int add_all(const struct tables *t, PyObject *members, unsigned long long bits)
{
    PyObject *name, *member;
    for (Py_ssize_t i = 1; i < PyList_GET_SIZE(members); i++) {
        PyObject *item = PyList_GET_ITEM(members, i);
        if (add_to_tables(t, PyTuple_GET_ITEM(item, 1), PyTuple_GET_ITEM(item, 0)) < 0)
            return -1;
    }
    for (Py_ssize_t at = 0; PyDict_Next(t->by_name, &at, &name, &member);)
        if (PyDict_Contains(t->own, name) == 0 &&
            PyType_Type.tp_setattro((PyObject *)t->type, name, member) < 0)
            return -1;
    return set_bits(t, bits);
}

static int are_members(PyObject *members)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(members); i++) {
        PyObject *item = PyList_GET_ITEM(members, i);
        if (!PyTuple_CheckExact(item) || PyTuple_GET_SIZE(item) != 2 ||
            !PyLong_CheckExact(PyTuple_GET_ITEM(item, 0)) ||
            !PyUnicode_CheckExact(PyTuple_GET_ITEM(item, 1)))
            return 0;
    }
    return PyList_GET_SIZE(members) > 0;
}

static PyObject *core_add_members(PyObject *module, PyObject *args)
{
    struct tables t = {0};
    PyObject *members;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!:add_members", &PyType_Type, &t.type, &PyList_Type, &members))
        return NULL;
    if (!are_members(members))
        return PyErr_Format(PyExc_TypeError, "members are tuples of an int and a str");
    PyObject *first = PyList_GET_ITEM(members, 0);
    t.own = PyType_GetDict(t.type);
    int known = t.own && find_tables(&t, PyTuple_GET_ITEM(first, 1), PyTuple_GET_ITEM(first, 0));
    unsigned long long bits = known && t.numbers ? bits_of(members) : 0;
    int done = known && (bits || !t.numbers);
    int r = done ? add_all(&t, members, bits) : 0;
    Py_XDECREF(t.own);
    return r < 0 || PyErr_Occurred() ? NULL : PyBool_FromLong(done);
}

#endif

PyMethodDef enum_members_functions[] = {
#if ENUM_LAYOUT_IS_KNOWN
    {"add_members", core_add_members, METH_VARARGS,
     "add_members($module, enum, members, /)\n--\n\n"
     "Add the members after the first, which the enum has, of a sorted list of (value, name), as\n"
     "the standard library would have. False, and nothing done, if that cannot be told."},
#endif
    {NULL, NULL, 0, NULL},
};
