/* Messages out: sendmsg and sendmsg_afalg, and the sizes of ancillary data. Sits on parts.c and
 * on csock_sendmsg and csock_cmsg_…; messages in are in recvmsg.c. */
#include "shared/args.h"
#include "shared/atomic.h"
#include "object/socket.h"
#include "object/wait.h"
#include "address/address.h"
#include "methods/parts.h"
#include "methods/send.h"
#include "methods/tables.h"

#include <limits.h>
#include <linux/if_alg.h>
#include <string.h>

/* Ancillary data as it was given, and as it is sent. */
struct control {
    struct item {
        int level, type;
        Py_buffer data;
    } * items;
    Py_ssize_t n; /* items whose data is held */
    size_t size;  /* of memory */
    void *memory;
};

static void control_release(struct control *c)
{
    for (Py_ssize_t i = 0; i < c->n; i++)
        PyBuffer_Release(&c->items[i].data);
    PyMem_Free(c->items);
    PyMem_Free(c->memory);
}

static bool control_count(struct control *c, size_t n_data)
{
    ssize_t space = csock_cmsg_space(n_data);
    if (space < 0) {
        PyErr_SetString(PyExc_OSError, "ancillary data item too large");
        return false;
    }
    c->size += (size_t)space;
    if (c->size > INT_MAX) {
        PyErr_SetString(PyExc_OSError, "too much ancillary data");
        return false;
    }
    return true;
}

static bool control_take(struct control *c, PyObject *items)
{
    Py_ssize_t n = PyTuple_GET_SIZE(items);
    c->items = PyMem_New(struct item, (size_t)n);
    if (!c->items) {
        PyErr_NoMemory();
        return false;
    }
    while (c->n < n) {
        struct item *item = &c->items[c->n];
        if (!PyArg_Parse(PyTuple_GET_ITEM(items, c->n), "(iiy*):[sendmsg() ancillary data items]",
                         &item->level, &item->type, &item->data))
            return false;
        c->n++;
        if (!control_count(c, (size_t)item->data.len))
            return false;
    }
    return true;
}

/* Room for c->size bytes of ancillary data. */
static bool control_begin(struct control *c, struct msghdr *msg)
{
    msg->msg_control = c->memory = PyMem_Malloc(c->size);
    if (!c->memory)
        PyErr_NoMemory();
    return c->memory != NULL;
}

static bool control_add(struct control *c, struct msghdr *msg, int level, int type,
                        const void *data, size_t n)
{
    if (csock_cmsg_add(msg, c->size, level, type, data, n) == 0)
        return true;
    PyErr_SetString(PyExc_RuntimeError, "ancillary data does not fit in calculated space");
    return false;
}

/* The argument ancdata into *msg. *c is to be released, also on failure. */
static bool control_fill(struct control *c, PyObject *ancdata, struct msghdr *msg)
{
    PyObject *items = msg_snapshot(ancdata, "sendmsg() argument 2 must be an iterable");
    if (!items)
        return false;
    bool ok = PyTuple_GET_SIZE(items) == 0 || (control_take(c, items) && control_begin(c, msg));
    Py_DECREF(items);
    for (Py_ssize_t i = 0; ok && i < c->n; i++)
        ok = control_add(c, msg, c->items[i].level, c->items[i].type, c->items[i].data.buf,
                         (size_t)c->items[i].data.len);
    return ok;
}

static PyObject *send_message(struct sock_object *s, const char *what, const struct msghdr *msg,
                              size_t weight, int flags)
{
    struct ext_wait w;
    if (msg->msg_name)
        weight = sock_weight_to(weight, msg->msg_name, msg->msg_namelen);
    ssize_t r = EXT_EPASSED;
    if (ext_wait_begin(&w, s, ext_may_hold(s, weight, EXT_OUT), EXT_OUT, flags))
        r = ext_wait_end(&w, csock_sendmsg(&s->core, msg, flags, &w.wait));
    return r < 0 && msg->msg_name
               ? ext_raise_sock_to(s, what, (int)r, msg->msg_name, msg->msg_namelen)
               : sock_count_sent(s, what, r);
}

static bool send_address(struct sock_object *s, PyObject *address, union csock_addr *addr,
                         struct msghdr *msg)
{
    if (address && address != Py_None) {
        if (!addr_from_py(s, "sendmsg", address, addr, &msg->msg_namelen))
            return false;
        msg->msg_name = addr;
    }
    return PySys_Audit("socket.sendmsg", "OO", (PyObject *)s, msg->msg_name ? address : Py_None) ==
           0;
}

/* sendmsg(buffers[, ancdata[, flags[, address]]]) */
static PyObject *sock_sendmsg(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    struct msghdr msg = {0};
    union csock_addr addr;
    struct msg_parts parts;
    struct control control = {0};
    PyObject *result = NULL;
    int flags = 0;
    if (!ext_arg_count("sendmsg", n, 1, 4) || (n >= 3 && !sock_send_flags(args[2], &flags)) ||
        !send_address(s, n == 4 ? args[3] : NULL, &addr, &msg) ||
        !msg_parts_to_send(&parts, "sendmsg", args[0]))
        return NULL;
    msg.msg_iov = parts.iov;
    msg.msg_iovlen = (size_t)parts.n;
    if (n < 2 || control_fill(&control, args[1], &msg))
        result = send_message(s, "sendmsg", &msg, parts.weight, flags);
    control_release(&control);
    msg_parts_release(&parts);
    return result;
}

/* What an operation of AF_ALG is to do. */
struct alg {
    int op, assoclen, flags;
    Py_buffer iv; /* buf NULL: none */
};

/* Not negative, in the words of stock. */
static bool alg_assoclen(PyObject *o, int *ret)
{
    int overflow;
    long value = PyLong_AsLongAndOverflow(o, &overflow);
    if (overflow || value > INT_MAX || value < INT_MIN)
        PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
    else if (value < 0)
        PyErr_SetString(PyExc_TypeError, "assoclen must be positive");
    *ret = (int)value;
    return !PyErr_Occurred();
}

/* *ret->iv is to be released, also on failure. */
static bool alg_arguments(PyObject *args, PyObject *kwargs, PyObject **ret_buffers, struct alg *ret)
{
    static char *names[] = {"msg", "op", "iv", "assoclen", "flags", NULL};
    PyObject *op = NULL, *assoclen = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$O!y*O!i:sendmsg_afalg", names, ret_buffers,
                                     &PyLong_Type, &op, &ret->iv, &PyLong_Type, &assoclen,
                                     &ret->flags))
        return false;
    if (!op || !ext_int(op, &ret->op) || ret->op < 0) {
        PyErr_SetString(PyExc_TypeError, "Invalid or missing argument 'op'");
        return false;
    }
    return !assoclen || alg_assoclen(assoclen, &ret->assoclen);
}

/* The operation as ancillary data: af_alg in the kernel's documentation. */
static bool alg_fill(const struct alg *alg, struct control *c, struct msghdr *msg)
{
    uint32_t op = (uint32_t)alg->op, assoclen = (uint32_t)alg->assoclen;
    size_t n_iv = alg->iv.buf ? sizeof(struct af_alg_iv) + (size_t)alg->iv.len : 0;
    if (!control_count(c, sizeof op) || (n_iv && !control_count(c, n_iv)) ||
        (alg->assoclen >= 0 && !control_count(c, sizeof assoclen)) || !control_begin(c, msg) ||
        !control_add(c, msg, SOL_ALG, ALG_SET_OP, &op, sizeof op))
        return false;
    if (n_iv) {
        struct af_alg_iv *iv = PyMem_Malloc(n_iv);
        if (!iv)
            return PyErr_NoMemory() != NULL;
        iv->ivlen = (uint32_t)alg->iv.len;
        memcpy(iv->iv, alg->iv.buf, (size_t)alg->iv.len);
        bool ok = control_add(c, msg, SOL_ALG, ALG_SET_IV, iv, n_iv);
        PyMem_Free(iv);
        if (!ok)
            return false;
    }
    return alg->assoclen < 0 ||
           control_add(c, msg, SOL_ALG, ALG_SET_AEAD_ASSOCLEN, &assoclen, sizeof assoclen);
}

/* sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags]]]) */
static PyObject *sock_sendmsg_afalg(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct sock_object *s = (struct sock_object *)self;
    struct alg alg = {.op = -1, .assoclen = -1};
    struct msghdr msg = {0};
    struct msg_parts parts = {0};
    struct control control = {0};
    PyObject *buffers = NULL, *result = NULL;
    if (EXT_GET(s->family) != AF_ALG) {
        PyErr_SetString(PyExc_OSError, "algset is only supported for AF_ALG");
        return NULL;
    }
    if (!alg_arguments(args, kwargs, &buffers, &alg) ||
        (buffers && !msg_parts_to_send(&parts, "sendmsg", buffers)))
        goto out;
    msg.msg_iov = parts.iov;
    msg.msg_iovlen = (size_t)parts.n;
    if (alg_fill(&alg, &control, &msg))
        result = send_message(s, "sendmsg_afalg", &msg, parts.weight, alg.flags);
    control_release(&control);
    msg_parts_release(&parts);
out:
    if (alg.iv.buf)
        PyBuffer_Release(&alg.iv);
    return result;
}

static PyObject *cmsg_size(PyObject *args, const char *format, const char *too_large,
                           ssize_t (*size)(size_t n))
{
    Py_ssize_t n;
    if (!PyArg_ParseTuple(args, format, &n))
        return NULL;
    ssize_t r = n < 0 ? -1 : size((size_t)n);
    if (r >= 0)
        return PyLong_FromSsize_t(r);
    PyErr_SetString(PyExc_OverflowError, too_large);
    return NULL;
}

static PyObject *mod_cmsg_len(PyObject *module, PyObject *args)
{
    (void)module;
    return cmsg_size(args, "n:CMSG_LEN", "CMSG_LEN() argument out of range", csock_cmsg_len);
}

static PyObject *mod_cmsg_space(PyObject *module, PyObject *args)
{
    (void)module;
    return cmsg_size(args, "n:CMSG_SPACE", "CMSG_SPACE() argument out of range", csock_cmsg_space);
}

PyDoc_STRVAR(cmsg_len_doc,
             "CMSG_LEN(length) -> int\n\n"
             "The size of an item of ancillary data with length bytes, unpadded: for the\n"
             "last item, or the only one, in a buffer of recvmsg(). cmsg(3).");
PyDoc_STRVAR(cmsg_space_doc,
             "CMSG_SPACE(length) -> int\n\n"
             "What an item of ancillary data with length bytes takes, with its padding: add\n"
             "these up for several items. cmsg(3).");

PyMethodDef cmsg_functions[] = {
    {"CMSG_LEN", mod_cmsg_len, METH_VARARGS, cmsg_len_doc},
    {"CMSG_SPACE", mod_cmsg_space, METH_VARARGS, cmsg_space_doc},
    {NULL, NULL, 0, NULL},
};

PyMethodDef sock_sendmsg_methods[] = {
    {"sendmsg", EXT_FASTCALL(sock_sendmsg),
     "sendmsg(buffers[, ancdata[, flags[, address]]]) -> count\n\n"
     "Send buffers, one after the other, as one message, with ancillary data: an iterable\n"
     "of (level, type, data). A timeout may end it when a part went out. sendmsg(2)."},
    {"sendmsg_afalg", EXT_FUNCTION(sock_sendmsg_afalg), METH_VARARGS | METH_KEYWORDS,
     "sendmsg_afalg([msg], *, op[, iv[, assoclen[, flags]]]) -> count\n\n"
     "On an operation socket of AF_ALG: send buffers, and say what to do with them."},
    {NULL, NULL, 0, NULL},
};
