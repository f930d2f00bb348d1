/* The capsule csock._socket.CAPI, through which the standard library's _ssl finds the socket type;
 * it then reads descriptor and timeout from memory (object/socket.h), and waits by itself. The name
 * and the struct are the same in CPython 3.11 to 3.15. Sits on the types of the module's state. */
#include "object/capi.h"

#include <assert.h>
#include <stddef.h>

#define CAPI_NAME "_socket.CAPI"

/* What _ssl reads: the order is a contract. Strong references, but for the type's where the
 * collector cannot see it: the module has one, and _ssl takes its own. */
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

/* The type refers to the module, and to the capsule does whatever has taken the module's names, and
 * is taken by them: since 3.13 the collector can see through it. The interpreter exports the
 * function, but no public header declares it. */
#if PY_VERSION_HEX >= 0x030D0000
extern int _PyCapsule_SetTraverse(PyObject *capsule, traverseproc traverse, inquiry clear)
    __attribute__((weak));
#else
static int (*const _PyCapsule_SetTraverse)(PyObject *, traverseproc, inquiry) = NULL;
#endif

static int capi_traverse(PyObject *capsule, visitproc visit, void *arg)
{
    const struct capi *capi = capi_of(capsule);
    Py_VISIT(capi->sock_type);
    Py_VISIT(capi->error);
    Py_VISIT(capi->timeout_error);
    return 0;
}

static void release(struct capi *capi)
{
    if (_PyCapsule_SetTraverse)
        Py_CLEAR(capi->sock_type);
    Py_CLEAR(capi->error);
    Py_CLEAR(capi->timeout_error);
}

static int capi_clear(PyObject *capsule)
{
    release(capi_of(capsule));
    return 0;
}

static void capi_free(PyObject *capsule)
{
    struct capi *capi = capi_of(capsule);
    release(capi);
    PyMem_Free(capi);
}

int capi_setup(PyObject *module, struct ext_state *st)
{
    struct capi *capi = PyMem_Malloc(sizeof *capi);
    if (!capi) {
        PyErr_NoMemory();
        return -1;
    }
    capi->sock_type = st->sock_type;
    if (_PyCapsule_SetTraverse)
        Py_INCREF(capi->sock_type);
    capi->error = Py_NewRef(PyExc_OSError);
    capi->timeout_error = Py_NewRef(PyExc_TimeoutError);
    PyObject *capsule = PyCapsule_New(capi, CAPI_NAME, capi_free);
    if (!capsule) {
        release(capi);
        PyMem_Free(capi);
        return -1;
    }
    int r = 0;
    if (_PyCapsule_SetTraverse)
        r = _PyCapsule_SetTraverse(capsule, capi_traverse, capi_clear);
    if (r == 0)
        r = PyModule_AddObjectRef(module, "CAPI", capsule);
    Py_DECREF(capsule);
    return r;
}
