/* The Python doors: libFuzzer with an interpreter in it, and the extension as it is built for the
 * fuzzer. What is called, and with what, is in doors.py; here are the buffers that act when they
 * are asked for and when they are given back, and whose memory then is gone; and the clock that
 * ends what waits. Look-ups read files and ask nobody. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "fuzz.h"

#include <signal.h>
#include <time.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__asan_default_options(void);

#ifdef __GLIBC__
extern int __nss_configure_lookup(const char *database, const char *services);
#endif

static PyObject *run, *hook;
static Py_ssize_t held;
static timer_t timer;

/* What fresh memory is filled with. */
enum { FRESH = 190 };

/* CPython keeps what it has until it ends. Who asks for gigabytes gets none: MemoryError. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=64:"
           "max_malloc_fill_size=70000:malloc_fill_byte=190";
}

/* ---- Buffer(size, readonly) */

struct buffer {
    PyObject_HEAD Py_ssize_t size;
    int readonly;
};

static int buffer_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct buffer *b = (struct buffer *)self;
    (void)kwargs;
    return PyArg_ParseTuple(args, "ni", &b->size, &b->readonly) ? 0 : -1;
}

static int act(void)
{
    PyObject *result = hook ? PyObject_CallNoArgs(hook) : Py_NewRef(Py_None);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int buffer_get(PyObject *self, Py_buffer *view, int flags)
{
    struct buffer *b = (struct buffer *)self;
    view->obj = NULL;
    if (act() < 0)
        return -1;
    void *memory = fuzz_room((size_t)b->size);
    if (PyBuffer_FillInfo(view, self, memory, b->size, b->readonly, flags) < 0) {
        free(memory);
        return -1;
    }
    view->internal = memory;
    held++;
    return 0;
}

/* What is raised here nobody hears of, as with every buffer. */
static void buffer_release(PyObject *self, Py_buffer *view)
{
    PyObject *type, *value, *trace;
    (void)self;
    free(view->internal);
    held--;
    PyErr_Fetch(&type, &value, &trace);
    if (act() < 0)
        PyErr_Clear();
    PyErr_Restore(type, value, trace);
}

static PyType_Slot buffer_slots[] = {
    {Py_tp_init, (void *)buffer_init},
    {Py_bf_getbuffer, (void *)buffer_get},
    {Py_bf_releasebuffer, (void *)buffer_release},
    {0, NULL},
};

static PyType_Spec buffer_spec = {
    .name = "_doors.Buffer",
    .basicsize = sizeof(struct buffer),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = buffer_slots,
};

/* ---- functions */

static PyObject *doors_hook(PyObject *module, PyObject *function)
{
    (void)module;
    Py_XSETREF(hook, Py_NewRef(function));
    Py_RETURN_NONE;
}

static PyObject *doors_held(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    return PyLong_FromSsize_t(held);
}

static PyObject *doors_fail(PyObject *module, PyObject *why)
{
    (void)module;
    fprintf(stderr, "doors: %s\n", PyUnicode_AsUTF8(why));
    abort();
}

/* A signal each so many ms, or none any more. */
static PyObject *doors_timer(PyObject *module, PyObject *o)
{
    long ms = PyLong_AsLong(o);
    struct timespec span = {.tv_nsec = ms * 1000000};
    struct itimerspec spec = {.it_value = span, .it_interval = span};
    (void)module;
    CHECK(timer_settime(timer, 0, &spec, NULL) == 0);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"hook", doors_hook, METH_O, NULL},
    {"held", doors_held, METH_NOARGS, NULL},
    {"fail", doors_fail, METH_O, NULL},
    {"timer", doors_timer, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_doors",
    .m_size = -1,
    .m_methods = functions,
};

static PyObject *doors_init(void)
{
    PyObject *module = PyModule_Create(&definition);
    PyObject *type = PyType_FromSpec(&buffer_spec);
    CHECK(module && type && PyModule_AddObject(module, "Buffer", type) == 0);
    CHECK(PyModule_AddIntConstant(module, "FRESH", FRESH) == 0);
    return module;
}

/* ---- the interpreter */

static void prepend_path(const char *folder)
{
    PyObject *path = PySys_GetObject("path"), *name = PyUnicode_DecodeFSDefault(folder);
    CHECK(path && name && PyList_Insert(path, 0, name) == 0);
    Py_DECREF(name);
}

static void start_python(void)
{
    PyConfig config;
    setenv("PYTHONMALLOC", "malloc", 1); /* one block per object: an overflow leaves it */
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    config.write_bytecode = 0;
    config.site_import = 0;
    CHECK(!PyStatus_Exception(PyConfig_SetBytesString(&config, &config.program_name, PYTHON)));
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
#ifdef __GLIBC__
    CHECK(__nss_configure_lookup("hosts", "files") == 0);
#endif
    CHECK(PyImport_AppendInittab("_doors", doors_init) == 0);
    start_python();
    prepend_path(SITE);
    prepend_path(FOLDER);
    PyObject *module = PyImport_ImportModule("doors");
    run = module ? PyObject_GetAttrString(module, "run") : NULL;
    if (!run)
        PyErr_Print();
    CHECK(run);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    PyObject *result = PyObject_CallFunction(run, "y#", (const char *)data, (Py_ssize_t)n);
    if (!result)
        PyErr_Print();
    CHECK(result);
    Py_DECREF(result);
    return 0;
}
