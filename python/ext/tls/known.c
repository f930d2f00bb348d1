/* The class ssl.SSLSocket: how it comes to have our methods, and what is known of it. Sits on the
 * files beside it.
 *
 * The class derives from socket.socket, which hears of that by __init_subclass__: a hook that
 * stands there only while csock is in place and `ssl` has not been imported. It costs nothing but
 * then, and comes before anybody can patch the class. */
#include "tls/tls.h"
#include "shared/args.h"
#include "object/known_class.h"

static const char *const tls_name_texts[TLS_NAMES] = {
    [TLS_SSLOBJ] = "_sslobj",
    [TLS_CHECK_CLOSED] = "_checkClosed",
    [TLS_CHECK_CONNECTED] = "_check_connected",
    [TLS_SUPPRESS_RAGGED_EOFS] = "suppress_ragged_eofs",
    [TLS_PENDING] = "pending",
    [TLS_REASON] = "reason",
    [TLS_LIBRARY] = "library",
};

static const char *const object_texts[TLS_KINDS] = {
    [TLS_READS] = "read",
    [TLS_WRITES] = "write",
    [TLS_SHAKES] = "do_handshake",
    [TLS_UNWRAPS] = "shutdown",
};

#define HOOK "__init_subclass__"

PyMethodDef tls_methods[TLS_METHODS + 1] = {
    [TLS_READ] = {"read", EXT_KEYWORDS(tls_read),
                  "read($self, len=1024, buffer=None)\n--\n\n"
                  "Read up to len bytes and return them, or read them into a buffer and return\n"
                  "their number. Nothing, or 0, at the end."},
    [TLS_WRITE] = {"write", EXT_KEYWORDS(tls_write),
                   "write($self, data)\n--\n\n"
                   "Write data, and return how many bytes of it were sent."},
    [TLS_SEND] = {"send", EXT_KEYWORDS(tls_send),
                  "send($self, data, flags=0)\n--\n\n"
                  "Send data, and return how many bytes of it were sent."},
    [TLS_RECV] = {"recv", EXT_KEYWORDS(tls_recv),
                  "recv($self, buflen=1024, flags=0)\n--\n\nReceive at most buflen bytes."},
    [TLS_RECV_INTO] = {"recv_into", EXT_KEYWORDS(tls_recv_into),
                       "recv_into($self, buffer, nbytes=None, flags=0)\n--\n\n"
                       "Receive into a writable buffer, at most nbytes, and return their number."},
    [TLS_SENDALL] = {"sendall", EXT_KEYWORDS(tls_sendall),
                     "sendall($self, data, flags=0)\n--\n\nSend all of data."},
    [TLS_DO_HANDSHAKE] = {"do_handshake", EXT_KEYWORDS(tls_do_handshake),
                          "do_handshake($self, block=False)\n--\n\nStart the SSL/TLS handshake."},
    [TLS_UNWRAP] = {"unwrap", EXT_KEYWORDS(tls_unwrap),
                    "unwrap($self)\n--\n\nStart the SSL shutdown handshake."},
#if PY_VERSION_HEX >= 0x030F0000
    [TLS_SENDFILE] = {"sendfile", EXT_KEYWORDS(tls_sendfile),
                      "sendfile($self, file, offset=0, count=None)\n--\n\n"
                      "Send a file, and return how many bytes of it were sent."},
#endif
};

/* ---- what the methods ask */

const struct tls_known *tls_known_older(PyObject *self, const struct tls_known *k)
{
    while (k && !(k->cls && PyObject_TypeCheck(self, k->cls)))
        k = k->older;
    if (!k)
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has ended");
    return k;
}

PyObject *tls_object_of(const struct tls_known *k, PyObject *self)
{
    return PyObject_GetAttr(self, k->names[TLS_SSLOBJ]);
}

/* The class's version is read first: what is found is then true of it. */
static bool has_no_hook(const struct tls_known *k, PyTypeObject *type)
{
    unsigned version = interp_class_version(type);
    bool own = type == k->cls;
    if (own && version != 0 && version == EXT_GET(k->seen))
        return true;
    if (!interp_class_has(type, k->names[TLS_CHECK_CLOSED], k->check_closed))
        return false;
    if (own)
        EXT_SET(tls_changeable(k)->seen, version);
    return true;
}

int tls_check_closed(const struct tls_known *k, PyObject *self)
{
    if (has_no_hook(k, Py_TYPE(self)))
        return 0;
    PyObject *none = PyObject_CallMethodNoArgs(self, k->names[TLS_CHECK_CLOSED]);
    Py_XDECREF(none);
    return none ? 0 : -1;
}

PyObject *tls_call_stock(const struct tls_known *k, enum tls_method method, PyObject *self,
                         PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    PyObject *bound = k ? PyMethod_New(k->stock[method], self) : NULL;
    PyObject *result = bound ? PyObject_Vectorcall(bound, args, (size_t)n, kwnames) : NULL;
    Py_XDECREF(bound);
    return result;
}

bool tls_named_arguments(const char *const *names, Py_ssize_t max, PyObject *const *args,
                         Py_ssize_t n, PyObject *kwnames, PyObject **ret)
{
    Py_ssize_t n_named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (n + n_named > max)
        return false;
    for (Py_ssize_t i = 0; i < n; i++)
        ret[i] = args[i];
    for (Py_ssize_t j = 0; j < n_named; j++) {
        Py_ssize_t i = 0;
        while (i < max &&
               PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, j), names[i]) != 0)
            i++;
        if (i == max || ret[i])
            return false;
        ret[i] = args[n + j];
    }
    return true;
}

/* ---- the class is found */

/* The Python functions whose places our methods take. 0 or -1 */
static int take_stock(struct tls_known *k)
{
    PyObject *own = ext_attr((PyObject *)k->cls, "__dict__");
    bool whole = own != NULL;
    for (size_t i = 0; whole && i < TLS_METHODS; i++) {
        k->method_names[i] = PyUnicode_InternFromString(tls_methods[i].ml_name);
        k->stock[i] = k->method_names[i] ? PyObject_GetItem(own, k->method_names[i]) : NULL;
        whole = k->stock[i] && PyFunction_Check(k->stock[i]);
    }
    for (size_t i = 0; whole && i < TLS_NAMES; i++)
        whole = (k->names[i] = PyUnicode_InternFromString(tls_name_texts[i])) != NULL;
    if (whole)
        k->check_closed = PyObject_GetItem(own, k->names[TLS_CHECK_CLOSED]);
    Py_XDECREF(own);
    return whole && k->check_closed ? 0 : -1;
}

static int take_object_type(struct tls_known *k, PyObject *ssl)
{
    PyObject *type = ext_attr(ssl, "_SSLSocket");
    if (!type || !PyType_Check(type)) {
        Py_XDECREF(type);
        return -1;
    }
    k->object_type = (PyTypeObject *)type;
    for (size_t i = 0; i < TLS_KINDS; i++) {
        if (!(k->object_names[i] = PyUnicode_InternFromString(object_texts[i])) ||
            !(k->object_methods[i] = PyObject_GetAttr(type, k->object_names[i])))
            return -1;
        struct tls_function *f = &k->functions[i];
        f->call = interp_method_function(k->object_methods[i], &f->flags);
    }
    return 0;
}

static int take_errors(struct tls_known *k, PyObject *ssl)
{
    return (k->error = ext_attr(ssl, "SSLError")) &&
                   (k->want_read = ext_attr(ssl, "SSLWantReadError")) &&
                   (k->want_write = ext_attr(ssl, "SSLWantWriteError"))
               ? 0
               : -1;
}

/* Has `from` put aside wherever it stands, and `to` in its place. */
static int exchange(const struct tls_known *k, PyObject *const *from, PyObject *const *to)
{
    for (size_t i = 0; i < TLS_METHODS; i++)
        if (interp_class_has(k->cls, k->method_names[i], from[i]) &&
            PyObject_SetAttr((PyObject *)k->cls, k->method_names[i], to[i]) < 0)
            return -1;
    return 0;
}

static int put_ours(struct tls_known *k)
{
    for (size_t i = 0; i < TLS_METHODS; i++)
        if (!(k->ours[i] = PyDescr_NewMethod(k->cls, &tls_methods[i])))
            return -1;
    return exchange(k, k->stock, k->ours);
}

static void forget_known(struct tls_known *k)
{
    Py_CLEAR(k->cls);
    for (size_t i = 0; i < TLS_METHODS; i++) {
        Py_CLEAR(k->ours[i]);
        Py_CLEAR(k->stock[i]);
        Py_CLEAR(k->method_names[i]);
    }
    for (size_t i = 0; i < TLS_NAMES; i++)
        Py_CLEAR(k->names[i]);
    Py_CLEAR(k->object_type);
    for (size_t i = 0; i < TLS_KINDS; i++) {
        Py_CLEAR(k->object_methods[i]);
        Py_CLEAR(k->object_names[i]);
    }
    Py_CLEAR(k->check_closed);
    Py_CLEAR(k->error);
    Py_CLEAR(k->want_read);
    Py_CLEAR(k->want_write);
}

/* A class that is not as it is known stays as it is: _ssl waits then, as it does on stock's
 * sockets. */
static void take_class(struct ext_state *st, PyObject *cls, PyObject *ssl)
{
    struct tls_known *k = PyMem_Calloc(1, sizeof *k);
    if (!k)
        return;
    k->cls = (PyTypeObject *)Py_NewRef(cls);
    if (take_stock(k) < 0 || take_object_type(k, ssl) < 0 || take_errors(k, ssl) < 0) {
        PyErr_Clear();
        forget_known(k);
        PyMem_Free(k);
        return;
    }
    k->older = st->tls;
    __atomic_store_n(&st->tls, k, __ATOMIC_RELEASE);
    if (put_ours(k) < 0) {
        PyErr_Clear();
        exchange(k, k->ours, k->stock);
        PyErr_Clear();
    }
}

/* ---- the hook */

static bool attribute_is(PyObject *o, const char *name, const char *text)
{
    PyObject *value = ext_attr(o, name);
    bool is = value && PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, text) == 0;
    Py_XDECREF(value);
    PyErr_Clear();
    return is;
}

/* What would have been called without the hook. */
static PyObject *call_next(PyObject *base, PyObject *cls, PyObject *args, PyObject *kwargs)
{
    PyObject *super = PyObject_CallFunctionObjArgs((PyObject *)&PySuper_Type, base, cls, NULL);
    PyObject *next = super ? ext_attr(super, HOOK) : NULL;
    PyObject *result = next ? PyObject_Call(next, args, kwargs) : NULL;
    Py_XDECREF(super);
    Py_XDECREF(next);
    return result;
}

static int unhook(PyTypeObject *base)
{
    PyObject *own = base ? ext_attr((PyObject *)base, "__dict__") : NULL;
    int r = own && PyMapping_HasKeyString(own, HOOK)
                ? PyObject_SetAttrString((PyObject *)base, HOOK, NULL)
                : 0;
    Py_XDECREF(own);
    return r;
}

static PyObject *init_subclass(PyObject *cls, PyObject *args, PyObject *kwargs)
{
    PyObject *module = PyType_GetModuleByDef((PyTypeObject *)cls, &ext_socket_module);
    struct ext_state *st = module ? ext_state_of(module) : NULL;
    const struct sock_class *known = st ? ext_class(st) : NULL;
    if (!known || !known->type)
        return NULL;
    PyObject *base = Py_NewRef((PyObject *)known->type);
    PyObject *result = call_next(base, cls, args, kwargs);
    if (result && attribute_is(cls, "__module__", "ssl") &&
        attribute_is(cls, "__name__", "SSLSocket")) {
        PyObject *ssl = PyImport_ImportModule("_ssl"); /* it is there: this only finds it */
        if (ssl)
            take_class(st, cls, ssl);
        Py_XDECREF(ssl);
        unhook((PyTypeObject *)base);
        PyErr_Clear();
    }
    Py_DECREF(base);
    return result;
}

static PyMethodDef hook = {HOOK, EXT_FUNCTION(init_subclass), METH_VARARGS | METH_KEYWORDS, NULL};

/* ---- in place, and out of it */

static PyObject *core_watch_ssl(PyObject *module, PyObject *unused)
{
    PyTypeObject *base = ext_class(ext_state_of(module))->type;
    (void)unused;
    if (!base) {
        PyErr_SetString(PyExc_RuntimeError, "no class has been equipped");
        return NULL;
    }
    PyObject *descriptor = PyDescr_NewClassMethod(base, &hook);
    int r = descriptor ? PyObject_SetAttrString((PyObject *)base, HOOK, descriptor) : -1;
    Py_XDECREF(descriptor);
    return r < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *core_leave_ssl(PyObject *module, PyObject *unused)
{
    struct ext_state *st = ext_state_of(module);
    (void)unused;
    if (unhook(ext_class(st)->type) < 0)
        return NULL;
    for (const struct tls_known *k = st->tls; k; k = k->older)
        if (k->cls && exchange(k, k->ours, k->stock) < 0)
            return NULL;
    Py_RETURN_NONE;
}

/* Whether the class that `ssl` has now waits in csock. */
static PyObject *core_has_ssl(PyObject *module, PyObject *cls)
{
    const struct tls_known *k = ext_state_of(module)->tls;
    while (k && (PyObject *)k->cls != cls)
        k = k->older;
    return PyBool_FromLong(k &&
                           interp_class_has(k->cls, k->method_names[TLS_READ], k->ours[TLS_READ]));
}

PyMethodDef tls_functions[] = {
    {"watch_ssl", core_watch_ssl, METH_NOARGS,
     "watch_ssl($module, /)\n--\n\n"
     "Have ssl.SSLSocket wait in csock, once it is made."},
    {"leave_ssl", core_leave_ssl, METH_NOARGS,
     "leave_ssl($module, /)\n--\n\n"
     "Undo that: ssl.SSLSocket has its own methods again."},
    {"has_ssl", core_has_ssl, METH_O,
     "has_ssl($module, cls, /)\n--\n\n"
     "Whether that class SSLSocket waits in csock."},
    {NULL, NULL, 0, NULL},
};

/* ---- with the module */

int tls_known_traverse(const struct ext_state *st, visitproc visit, void *arg)
{
    for (const struct tls_known *k = st->tls; k; k = k->older) {
        Py_VISIT(k->cls);
        for (size_t i = 0; i < TLS_METHODS; i++) {
            Py_VISIT(k->ours[i]);
            Py_VISIT(k->stock[i]);
        }
        Py_VISIT(k->object_type);
        for (size_t i = 0; i < TLS_KINDS; i++)
            Py_VISIT(k->object_methods[i]);
        Py_VISIT(k->check_closed);
        Py_VISIT(k->error);
        Py_VISIT(k->want_read);
        Py_VISIT(k->want_write);
    }
    return 0;
}

void tls_known_clear(struct ext_state *st)
{
    for (const struct tls_known *k = st->tls; k; k = k->older)
        forget_known(tls_changeable(k));
}

void tls_known_free(struct ext_state *st)
{
    const struct tls_known *k = st->tls;
    st->tls = NULL;
    while (k) {
        const struct tls_known *older = k->older;
        PyMem_Free(tls_changeable(k));
        k = older;
    }
}
