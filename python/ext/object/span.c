/* See span.h. Sits on the interpreter; what a span looks like to programs is csock/_trace.py's. */
#include "object/span.h"
#include "shared/args.h"
#include "shared/interp.h"

/* This thread is in a function that is told of a span. A fork copies it, as the child goes on
 * there. */
static _Thread_local bool telling;

int64_t ext_span_begin_heard(void)
{
    return telling ? 0 : csock_now();
}

/* New reference. NULL: nobody listens any more, or the interpreter is about to end. */
static PyObject *functions_of(struct ext_state *st)
{
    PyObject *functions;
    if (!st->sock_type || interp_is_finalizing())
        return NULL;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)st->sock_type);
    functions = Py_XNewRef(st->span_functions);
    Py_END_CRITICAL_SECTION();
    return functions;
}

static PyObject *span_as_py(PyObject *maker, const struct ext_span *span, PyObject *error)
{
    PyObject *about = span->s ? Py_NewRef(span->s) : PyUnicode_DecodeFSDefault(span->host);
    if (!about)
        return NULL;
    error = span->error ? span->error : error;
    return PyObject_CallFunction(maker, "sLLNOO", span->name, (long long)span->began,
                                 (long long)span->ended, about, span->peer ? span->peer : Py_None,
                                 error ? error : Py_None);
}

/* functions: what makes the object of a span, and after it those that get it. */
static void call_functions(PyObject *functions, const struct ext_span *span, PyObject *error)
{
    PyObject *maker = PyTuple_GET_ITEM(functions, 0);
    PyObject *made = span_as_py(maker, span, error);
    if (!made) {
        PyErr_WriteUnraisable(maker);
        return;
    }
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(functions); i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        PyObject *done = PyObject_CallOneArg(function, made);
        if (!done)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(done);
    }
    Py_DECREF(made);
}

void ext_span_tell(struct ext_state *st, const struct ext_span *span)
{
    PyObject *type, *value, *traceback;
    PyObject *functions = telling ? NULL : functions_of(st);
    if (!functions)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    if (type)
        PyErr_NormalizeException(&type, &value, &traceback);
    telling = true;
    call_functions(functions, span, value);
    telling = false;
    Py_DECREF(functions);
    PyErr_Restore(type, value, traceback);
}

void ext_span_tell_result(const struct ext_span *span, const char *what, ssize_t r)
{
    bool raises = r < 0 && !PyErr_Occurred();
    if (raises)
        ext_raise_sock(span->s, what, (int)r);
    ext_span_tell(span->s->state, span);
    if (raises)
        PyErr_Clear();
}

void ext_span_tell_wait(struct sock_object *s, bool receives, int64_t began, ssize_t r)
{
    struct ext_span span = {
        .name = receives ? "recv wait" : "send wait", .began = began, .ended = csock_now(), .s = s};
    ext_span_tell_result(&span, receives ? "recv" : "send", r);
}

static PyObject *core_tell_spans(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct ext_state *st = ext_state_of(module);
    PyObject *functions = NULL, *before;
    if (n == 1 || !st->sock_type)
        return PyErr_Format(PyExc_TypeError, "tell_spans() wants a maker and functions");
    if (n > 0 && !(functions = ext_tuple_copy(args, n)))
        return NULL;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)st->sock_type);
    before = st->span_functions;
    __atomic_store_n(&st->span_functions, functions, __ATOMIC_RELEASE);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(tell_spans_doc,
             "tell_spans([maker, function, ...])\n\n"
             "Have the functions called with what maker makes of each span, from now on.");

PyMethodDef span_functions[] = {
    {"tell_spans", EXT_FASTCALL(core_tell_spans), tell_spans_doc},
    {NULL, NULL, 0, NULL},
};
