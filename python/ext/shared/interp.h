/* Every reach into CPython's insides: what its documentation does not promise, be it a field of its
 * structs, a function with an underscore in front, or a layout that it reads of ours. Nothing else
 * in python/ext has one; `make lint` looks for them.
 *
 * Each is known to hold for CPython 3.11 to 3.15, with and without a GIL, unless it says less. Any
 * other interpreter, and a build with -Dplain_python=true, get the plain way: the documented API,
 * which does the same and is slower. `make test` runs the Python tests that way, too. A new version
 * is known once INTERP_KNOWN says so, which takes reading what follows against its source. */
#ifndef CSOCK_EXT_SHARED_INTERP_H
#define CSOCK_EXT_SHARED_INTERP_H

#include "shared/atomic.h"

#if !defined CSOCK_PLAIN_PYTHON && PY_VERSION_HEX < 0x03100000
#define INTERP_KNOWN
#define INTERP_IS_KNOWN true
#else
#define INTERP_IS_KNOWN false
#endif

/* ---- what an attribute of a class is: short cuts look whether a method is as it was */

/* The number that the interpreter's own caches know this state of the class by: no other class, and
 * no other state of it, ever has the same. 0: none is known. Buys: no look-up at all. */
static inline unsigned interp_class_version(const PyTypeObject *type)
{
#ifdef INTERP_KNOWN
    return EXT_GET(type->tp_version_tag);
#else
    (void)type;
    return 0;
#endif
}

/* Whether `what` is the attribute that the class, or what it derives from, has of that name; no
 * metaclass and no __get__ is asked. Buys: the interpreter's cache. No exception. */
#ifdef INTERP_KNOWN
static inline bool interp_class_has(PyTypeObject *type, PyObject *name, const PyObject *what)
{
    return _PyType_Lookup(type, name) == what;
}
#else
bool interp_class_has(PyTypeObject *type, PyObject *name, const PyObject *what);
#endif

/* ---- how the objects of a class that Python has made begin and end */

/* The class is called by `call`, its objects are freed by `dealloc`. Buys: the interpreter's own
 * way through such a class, which does the same in steps, and that is the plain one. */
static inline void interp_class_set_call(PyTypeObject *type, vectorcallfunc call)
{
#ifdef INTERP_KNOWN
    type->tp_vectorcall = call;
#else
    (void)type;
    (void)call;
#endif
}

#ifdef INTERP_KNOWN
#define INTERP_CLASS_DEALLOC /* in the plain way nobody has use for such a function */
/* If they can have weak references. */
static inline void interp_class_set_dealloc(PyTypeObject *type, destructor dealloc)
{
    if (type->tp_weaklistoffset)
        type->tp_dealloc = dealloc;
}

/* Of an object of such a class. */
static inline bool interp_has_weak_references(PyObject *o)
{
    PyObject **list = (PyObject **)((char *)o + Py_TYPE(o)->tp_weaklistoffset);
    return EXT_GET(*list) != NULL;
}
#endif

/* ---- numbers and bytes */

/* An exact int of one digit, or none, at once. Known since 3.12. Buys: a call for each buffer size.
 * Plain: false, and the caller converts. */
static inline bool interp_small_int(PyObject *o, Py_ssize_t *ret)
{
#if defined INTERP_KNOWN && PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)o)) {
        *ret = PyUnstable_Long_CompactValue((PyLongObject *)o);
        return true;
    }
#else
    (void)o;
    (void)ret;
#endif
    return false;
}

/* Whether nobody else refers to the bytes. They may be filled anew then: their hash, for which
 * somebody may have asked, is forgotten. Known with a GIL; without one, others may refer to them at
 * any time. Buys: a block of malloc's for each large receive. Plain: there is no such function. */
#if defined INTERP_KNOWN && !defined Py_GIL_DISABLED
#define INTERP_BYTES_REUSE
static inline bool interp_bytes_take(PyObject *bytes)
{
    if (Py_REFCNT(bytes) != 1)
        return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    ((PyBytesObject *)bytes)->ob_shash = -1;
#pragma GCC diagnostic pop
    return true;
}
#endif

/* ---- capsules, the interpreter's end */

/* The collector sees through the capsule: 0, or -1 with an exception. Known since 3.13, and where
 * the interpreter exports it. Buys: a strong reference to what refers to the capsule. Plain: false,
 * and it must have none, or an interpreter that ends frees neither. */
bool interp_capsules_can_be_traversed(void);
int interp_capsule_set_traverse(PyObject *capsule, traverseproc traverse, inquiry clear);

/* Whether the interpreter is ending. Public since 3.13. Plain before: sys.is_finalizing(), if that
 * is still there. */
#if PY_VERSION_HEX >= 0x030D0000
static inline bool interp_is_finalizing(void)
{
    return Py_IsFinalizing();
}
#else
bool interp_is_finalizing(void);
#endif

/* ---- signals */

/* Whether Python's signal handlers run in this thread. Buys: a thread of libc's for each look-up
 * that another one makes, for nothing. Plain: true. */
#ifdef INTERP_KNOWN
bool interp_handles_signals(void);
#else
static inline bool interp_handles_signals(void)
{
    return true;
}
#endif

/* ---- layouts */

/* The base in C of io.RawIOBase; NULL with an exception. What a raw stream has of its own begins
 * behind what that has, which is a __dict__ and weak references. Buys: a constant for a load.
 * Plain: the size that the class says it has. */
PyTypeObject *interp_raw_io_base(void);
#ifdef INTERP_KNOWN
#define INTERP_RAW_IO_SIZE (sizeof(PyObject) + 2 * sizeof(PyObject *))
#else
extern size_t interp_raw_io_size; /* set by interp_raw_io_base */
#define INTERP_RAW_IO_SIZE interp_raw_io_size
#endif

/* What _ssl reads of a socket object from memory, behind its head: int, PyTime_t. There is no plain
 * way to give it these. Where this is not known to be so, stock's own objects are looked at: 1 if
 * they are like this, 0 if not, -1 with an exception. */
#define INTERP_SSL_FD 0
#define INTERP_SSL_TIMEOUT 24
int interp_ssl_reads_as_known(void);

#endif
