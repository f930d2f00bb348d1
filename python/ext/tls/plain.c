/* The usual case, told in few instructions: an object of the very class, which is as it was found,
 * with nothing of its own in the place of a method. Sits on the interpreter's version of the class
 * and on the object's dictionary. Whatever is not like this goes the long way, which does the same
 * by name. */
#include "tls/tls.h"

/* The class's version is read first: what is found is then true of it. Without versions nothing is
 * told. */
bool tls_class_looks_plain(struct tls_known *k)
{
    unsigned version = interp_class_version(k->cls);
    if (version == 0 || k->cls->tp_getattro != PyObject_GenericGetAttr ||
        !interp_class_has(k->cls, k->names[TLS_SSLOBJ], NULL) ||
        !interp_class_has(k->cls, k->names[TLS_CHECK_CLOSED], k->check_closed))
        return false;
    for (size_t i = 0; i < TLS_METHODS; i++)
        if (!interp_class_has(k->cls, k->method_names[i], k->ours[i]))
            return false;
    EXT_SET(k->plain_version, version);
    return true;
}

static PyObject *item_of(PyObject *names, PyObject *name)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *item;
    return PyDict_GetItemRef(names, name, &item) > 0 ? item : NULL;
#else
    return Py_XNewRef(PyDict_GetItemWithError(names, name));
#endif
}

PyObject *tls_plain_object(const struct tls_known *k, PyObject *self, enum tls_method method)
{
    if (!tls_class_is_plain(k, self))
        return NULL;
    PyObject *names = PyObject_GenericGetDict(self, NULL);
    PyObject *object = names ? item_of(names, k->names[TLS_SSLOBJ]) : NULL;
    if (!object || !Py_IS_TYPE(object, k->object_type) ||
        PyDict_Contains(names, k->method_names[method]) != 0) {
        Py_CLEAR(object);
        PyErr_Clear(); /* the long way finds it, too */
    }
    Py_XDECREF(names);
    return object;
}
