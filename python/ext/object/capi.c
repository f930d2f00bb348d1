/* The capsule csock._socket.CAPI, through which the standard library's _ssl finds the socket type;
 * it then reads descriptor and timeout from memory (object/socket.h), and waits by itself. The name
 * and the struct are the same in CPython 3.11 to 3.15. Sits on the types of the module's state. */
#include "object/capi.h"
#include "shared/interp.h"

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
 * is taken by them: where the collector cannot see through it, it has no reference to the type. */
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
    if (interp_capsules_can_be_traversed())
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

/* Without it `import ssl` fails, which is better than that _ssl reads something else. */
int capi_setup(PyObject *module, struct ext_state *st)
{
    int readable = interp_ssl_reads_as_known();
    if (readable <= 0)
        return readable;
    struct capi *capi = PyMem_Malloc(sizeof *capi);
    if (!capi) {
        PyErr_NoMemory();
        return -1;
    }
    capi->sock_type = st->sock_type;
    if (interp_capsules_can_be_traversed())
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
    if (interp_capsules_can_be_traversed())
        r = interp_capsule_set_traverse(capsule, capi_traverse, capi_clear);
    if (r == 0)
        r = PyModule_AddObjectRef(module, "CAPI", capsule);
    Py_DECREF(capsule);
    return r;
}
