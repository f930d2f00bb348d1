/* The capsule csock._socket.CAPI, through which the standard library's _ssl finds the socket type;
 * it then reads descriptor and timeout from memory (ext.h), and waits by itself. Its name and its
 * struct are the same in CPython 3.11 to 3.15. Sits on the types of the module's state. */
#include "ext.h"

#include <assert.h>
#include <stddef.h>

#define CAPI_NAME "_socket.CAPI"

/* What _ssl reads: the order is a contract. Strong references. */
struct capi {
    PyTypeObject *sock_type;
    PyObject *error;
    PyObject *timeout_error;
};

static_assert(offsetof(struct capi, sock_type) == 0 &&
                  offsetof(struct capi, error) == sizeof(void *) &&
                  offsetof(struct capi, timeout_error) == 2 * sizeof(void *) &&
                  sizeof(struct capi) == 3 * sizeof(void *),
              "_ssl reads three pointers");

static struct capi *capi_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, CAPI_NAME);
}

static int capi_clear(PyObject *capsule)
{
    struct capi *capi = capi_of(capsule);
    Py_CLEAR(capi->sock_type);
    Py_CLEAR(capi->error);
    Py_CLEAR(capi->timeout_error);
    return 0;
}

static void capi_free(PyObject *capsule)
{
    struct capi *capi = capi_of(capsule);
    capi_clear(capsule);
    PyMem_Free(capi);
}

/* The type refers to the module, and the module to the capsule: since 3.13 the collector can see
 * through it. The interpreter exports the function, but no public header declares it. */
#if PY_VERSION_HEX >= 0x030D0000

extern int _PyCapsule_SetTraverse(PyObject *capsule, traverseproc traverse, inquiry clear)
    __attribute__((weak));

static int capi_traverse(PyObject *capsule, visitproc visit, void *arg)
{
    const struct capi *capi = capi_of(capsule);
    Py_VISIT(capi->sock_type);
    Py_VISIT(capi->error);
    Py_VISIT(capi->timeout_error);
    return 0;
}

static int let_collector_see(PyObject *capsule)
{
    return _PyCapsule_SetTraverse ? _PyCapsule_SetTraverse(capsule, capi_traverse, capi_clear) : 0;
}

#else

static int let_collector_see(PyObject *capsule)
{
    (void)capsule;
    return 0;
}

#endif

int capi_setup(PyObject *module, struct ext_state *st)
{
    struct capi *capi = PyMem_Malloc(sizeof *capi);
    if (!capi) {
        PyErr_NoMemory();
        return -1;
    }
    capi->sock_type = (PyTypeObject *)Py_NewRef(st->sock_type);
    capi->error = Py_NewRef(PyExc_OSError);
    capi->timeout_error = Py_NewRef(PyExc_TimeoutError);
    PyObject *capsule = PyCapsule_New(capi, CAPI_NAME, capi_free);
    if (!capsule) {
        Py_DECREF(capi->sock_type);
        Py_DECREF(capi->error);
        Py_DECREF(capi->timeout_error);
        PyMem_Free(capi);
        return -1;
    }
    int r = let_collector_see(capsule);
    if (r == 0)
        r = PyModule_AddObjectRef(module, "CAPI", capsule);
    Py_DECREF(capsule);
    return r;
}
