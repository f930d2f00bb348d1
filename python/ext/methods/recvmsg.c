/* Messages in: recvmsg and recvmsg_into. Sits on parts.c and on csock_recvmsg.
 *
 * What comes may have descriptors in it. Whatever goes wrong afterwards, they are closed: nobody
 * would ever know of them. */
#include "shared/args.h"
#include "object/counts.h"
#include "object/wait.h"
#include "address/address.h"
#include "methods/parts.h"
#include "methods/receive.h"
#include "methods/tables.h"

#include <limits.h>

#define SMALL_CONTROL 512 /* some 120 descriptors */
#define SMALL_DATA 4096

/* A message that is to come, with the memory for all but its data. */
struct incoming {
    struct msghdr msg;
    union csock_addr from;
    size_t n;
    int flags;
    union {
        char memory[SMALL_CONTROL];
        struct cmsghdr aligned;
    } small;
};

static bool incoming_init(const struct sock_object *s, struct incoming *in, struct iovec *iov,
                          size_t n_iov, size_t n, Py_ssize_t n_control, int flags)
{
    if (!sock_addr_has_form(s))
        return false;
    if (n_control < 0 || n_control > INT_MAX) {
        PyErr_SetString(PyExc_ValueError, "invalid ancillary data buffer length");
        return false;
    }
    in->msg = (struct msghdr){.msg_name = &in->from,
                              .msg_namelen = sizeof in->from,
                              .msg_iov = iov,
                              .msg_iovlen = n_iov,
                              .msg_controllen = (size_t)n_control};
    in->n = n;
    in->flags = flags;
    if (n_control <= SMALL_CONTROL)
        in->msg.msg_control = in->small.memory;
    else if (!(in->msg.msg_control = PyMem_Malloc((size_t)n_control)))
        PyErr_NoMemory();
    return in->msg.msg_control != NULL;
}

static void incoming_done(struct incoming *in)
{
    if (in->msg.msg_control != in->small.memory)
        PyMem_Free(in->msg.msg_control);
}

static ssize_t receive_message(struct sock_object *s, struct incoming *in)
{
    struct ext_wait w;
    int flags = sock_recv_flags(s, in->flags);
    if (!ext_wait_begin(&w, s, ext_may_hold(s, in->n, EXT_IN), EXT_IN, flags))
        return EXT_EPASSED;
    ssize_t got = csock_recvmsg(&s->core, &in->msg, flags, &w.wait), r = ext_received(&w, got);
    if (got >= 0 && r < 0)
        csock_cmsg_close_fds(&in->msg);
    return ext_wait_end(&w, r);
}

static bool warn_of_malformed(void)
{
    return PyErr_WarnEx(PyExc_RuntimeWarning,
                        "received malformed or improperly-truncated ancillary data", 1) == 0;
}

static bool append_item(PyObject *list, const struct csock_cmsg *item)
{
    PyObject *tuple = Py_BuildValue("(iiy#)", item->level, item->type, (const char *)item->data,
                                    (Py_ssize_t)item->n);
    bool ok = tuple && PyList_Append(list, tuple) == 0;
    Py_XDECREF(tuple);
    return ok;
}

/* [(level, type, data), …] */
static PyObject *control_as_py(const struct msghdr *msg)
{
    PyObject *list = PyList_New(0);
    struct csock_cmsg item;
    size_t at = 0;
    int r;
    while (list && (r = csock_cmsg_next(msg, &at, &item)) != 0) {
        bool ok = (r > 0 && !item.cut) || warn_of_malformed();
        if (ok && r < 0)
            break;
        if (!ok || !append_item(list, &item))
            Py_CLEAR(list);
    }
    return list;
}

/* (data, ancillary data, flags, address); steals data, which may be NULL. */
static PyObject *message_as_py(struct sock_object *s, PyObject *data, struct incoming *in)
{
    PyObject *result = NULL, *control = NULL, *address = NULL;
    socklen_t len = in->msg.msg_namelen;
    if (data)
        control = control_as_py(&in->msg);
    if (control)
        address =
            sock_addr_as_py(s, &in->from, len < sizeof in->from ? len : (socklen_t)sizeof in->from);
    if (address)
        result = Py_BuildValue("(OOiO)", data, control, in->msg.msg_flags, address);
    Py_XDECREF(address);
    Py_XDECREF(control);
    Py_XDECREF(data);
    if (!result) {
        Py_BEGIN_ALLOW_THREADS
        csock_cmsg_close_fds(&in->msg);
        Py_END_ALLOW_THREADS
    }
    return result;
}

/* The optional arguments (ancbufsize[, flags]) after the first. */
static bool control_arguments(PyObject *const *args, Py_ssize_t n, Py_ssize_t *ret_n_control,
                              int *ret_flags)
{
    return (n < 2 || ext_ssize(args[1], ret_n_control)) && (n < 3 || ext_int(args[2], ret_flags));
}

/* A copy of what came into memory of this call. */
static PyObject *recvmsg_little(struct sock_object *s, size_t n, Py_ssize_t n_control, int flags)
{
    char data[SMALL_DATA];
    struct iovec iov = {data, n};
    struct incoming in;
    PyObject *result = NULL;
    if (!incoming_init(s, &in, &iov, 1, n, n_control, flags))
        return NULL;
    ssize_t r = receive_message(s, &in);
    if (r < 0) {
        ext_raise_sock(s, "recvmsg", (int)r);
    } else {
        size_t real = csock_recv_written(&s->core, r, n, flags);
        sock_add_taken(s, real, flags);
        result = message_as_py(s, PyBytes_FromStringAndSize(data, (Py_ssize_t)real), &in);
    }
    incoming_done(&in);
    return result;
}

static PyObject *recvmsg_much(struct sock_object *s, size_t n, Py_ssize_t n_control, int flags)
{
    struct incoming in;
    PyObject *result = NULL, *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
    if (!bytes)
        return NULL;
    struct iovec iov = {PyBytes_AS_STRING(bytes), n};
    if (!incoming_init(s, &in, &iov, 1, n, n_control, flags)) {
        Py_DECREF(bytes);
        return NULL;
    }
    ssize_t r = receive_message(s, &in);
    if (r < 0) {
        Py_DECREF(bytes);
        ext_raise_sock(s, "recvmsg", (int)r);
    } else {
        size_t real = csock_recv_written(&s->core, r, n, flags);
        sock_add_taken(s, real, flags);
        if (real != n)
            _PyBytes_Resize(&bytes, (Py_ssize_t)real); /* on failure bytes is NULL */
        result = message_as_py(s, bytes, &in);
    }
    incoming_done(&in);
    return result;
}

/* recvmsg(bufsize[, ancbufsize[, flags]]) */
static PyObject *sock_recvmsg(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    Py_ssize_t size, n_control = 0;
    int flags = 0;
    if (!ext_arg_count("recvmsg", n, 1, 3) || !ext_ssize(args[0], &size) ||
        !control_arguments(args, n, &n_control, &flags))
        return NULL;
    if (size < 0) {
        PyErr_SetString(PyExc_ValueError, "negative buffer size in recvmsg()");
        return NULL;
    }
    return size <= SMALL_DATA ? recvmsg_little(s, (size_t)size, n_control, flags)
                              : recvmsg_much(s, (size_t)size, n_control, flags);
}

/* recvmsg_into(buffers[, ancbufsize[, flags]]) */
static PyObject *sock_recvmsg_into(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    struct msg_parts parts;
    struct incoming in;
    PyObject *result = NULL;
    Py_ssize_t n_control = 0;
    int flags = 0;
    if (!ext_arg_count("recvmsg_into", n, 1, 3) ||
        !control_arguments(args, n, &n_control, &flags) ||
        !msg_parts_to_fill(&parts, "recvmsg_into", args[0]))
        return NULL;
    if (incoming_init(s, &in, parts.iov, (size_t)parts.n, parts.weight, n_control, flags)) {
        ssize_t r = receive_message(s, &in);
        if (r >= 0)
            sock_add_taken(s, sock_written(s, r, parts.weight, flags), flags);
        result = r < 0 ? ext_raise_sock(s, "recvmsg_into", (int)r)
                       : message_as_py(s, PyLong_FromSsize_t(r), &in);
        incoming_done(&in);
    }
    msg_parts_release(&parts);
    return result;
}

PyMethodDef sock_recvmsg_methods[] = {
    {"recvmsg", EXT_FASTCALL(sock_recvmsg),
     "recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)\n\n"
     "Receive at most bufsize bytes, and at most ancbufsize bytes of ancillary data, which\n"
     "is a list of (level, type, data). CMSG_SPACE() and CMSG_LEN() say how many to ask for;\n"
     "msg_flags has MSG_CTRUNC if it was too few. If the call fails after descriptors have\n"
     "come, they are closed. recvmsg(2)."},
    {"recvmsg_into", EXT_FASTCALL(sock_recvmsg_into),
     "recvmsg_into(buffers[, ancbufsize[, flags]]) -> (count, ancdata, msg_flags, address)\n\n"
     "As recvmsg(), into writable buffers, one after the other."},
    {NULL, NULL, 0, NULL},
};
