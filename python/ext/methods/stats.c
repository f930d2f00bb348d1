/* csock.stats(): what a socket, or all of them, have carried. Sits on object/counts.h. */
#include "methods/tables.h"
#include "shared/args.h"
#include "object/counts.h"

static PyStructSequence_Field stats_fields[] = {
    {"bytes_received", "bytes that the program got"},
    {"bytes_sent", "bytes that the program gave, and that were taken"},
    {"receives", "calls that received"},
    {"sends", "calls that sent"},
    {"waits", "calls that had to wait, connect and accept among them"},
    {"waited", "for how long, in seconds"},
    {"since", "when counting began, in seconds of time.monotonic()"},
    {NULL, NULL},
};

static PyStructSequence_Desc stats_description = {
    .name = "csock.Stats",
    .doc = "What a socket has carried, or all of them: see csock.stats().",
    .fields = stats_fields,
    .n_in_sequence = 7,
};

static PyTypeObject *stats_type(struct ext_state *st)
{
    return ext_row_type(&st->stats_type, &stats_description);
}

static PyObject *in_seconds(int64_t ns)
{
    return PyFloat_FromDouble((double)ns / EXT_NS_PER_SECOND);
}

static PyObject *counts_as_py(struct ext_state *st, const struct sock_counts *c)
{
    PyTypeObject *type = stats_type(st);
    if (!type)
        return NULL;
    PyObject *items[] = {
        PyLong_FromUnsignedLongLong(c->received),
        PyLong_FromUnsignedLongLong(c->sent),
        PyLong_FromUnsignedLongLong(c->receives),
        PyLong_FromUnsignedLongLong(c->sends),
        PyLong_FromUnsignedLongLong(c->waits),
        PyFloat_FromDouble(ext_ticks_seconds(c->waited)),
        in_seconds(c->since),
    };
    PyObject *row = ext_row_of(type, items, sizeof items / sizeof *items);
    Py_DECREF(type);
    return row;
}

static PyObject *core_stats(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct ext_state *st = ext_state_of(module);
    struct sock_counts counts;
    if (!ext_arg_count("stats", n, 0, 1))
        return NULL;
    if (n == 1 && !PyObject_TypeCheck(args[0], st->sock_type))
        return PyErr_Format(PyExc_TypeError, "stats() takes a socket of csock's, not %.200s",
                            Py_TYPE(args[0])->tp_name);
    if (n == 1 ? sock_counts_get((struct sock_object *)args[0], &counts)
               : sock_census_get(st, &counts))
        return counts_as_py(st, &counts);
    PyErr_SetString(PyExc_RuntimeError, "csock was built without counters (-Dstats=false)");
    return NULL;
}

/* csock.Stats, by which pickle finds it. */
static PyObject *core_stats_class(PyObject *module, PyObject *none)
{
    (void)none;
    return (PyObject *)stats_type(ext_state_of(module));
}

PyDoc_STRVAR(stats_class_doc, "stats_class($module, /)\n--\n\n"
                              "The class of what stats() returns.");

PyDoc_STRVAR(
    stats_doc,
    "stats([sock]) -> (bytes_received, bytes_sent, receives, sends, waits, waited, since)\n\n"
    "What a socket has carried so far, also one that is closed; without an\n"
    "argument, all sockets that this program has had. See docs/seeing.md.");

PyMethodDef stats_functions[] = {
    {"stats", EXT_FASTCALL(core_stats), stats_doc},
    {"stats_class", core_stats_class, METH_NOARGS, stats_class_doc},
    {NULL, NULL, 0, NULL},
};
