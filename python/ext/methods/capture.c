/* What csock/_capture.py sits on: files of captures, and sockets that write to them. Sits on
 * object/capture.h. A file is a capsule. */
#include "shared/args.h"
#include "state.h"
#include "object/capture.h"
#include "methods/tables.h"

#include <errno.h>

#define NAME "csock._core.capture"

static struct csock__pcap *pcap_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, NAME);
}

static void free_file(PyObject *capsule)
{
    sock_capture_let_go(pcap_of(capsule));
}

static PyObject *raise_about(int r, PyObject *path)
{
    errno = -r;
    return PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
}

/* capture_open(path, (hardware, os, application), snaplen[, first sequence number]) */
static PyObject *core_capture_open(PyObject *module, PyObject *args)
{
    struct csock__about about;
    struct csock__pcap *pcap = NULL;
    PyObject *path, *bytes;
    Py_ssize_t keep;
    unsigned long seq = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "O(sss)n|k:capture_open", &path, &about.hardware, &about.os,
                          &about.application, &keep, &seq) ||
        !PyUnicode_FSConverter(path, &bytes))
        return NULL;
    int r = sock_capture_open(PyBytes_AS_STRING(bytes), &about, (size_t)keep, (uint32_t)seq, &pcap);
    Py_DECREF(bytes);
    if (r < 0)
        return raise_about(r, path);
    PyObject *capsule = PyCapsule_New(pcap, NAME, free_file);
    if (!capsule)
        sock_capture_let_go(pcap);
    return capsule;
}

/* capture_add(file, sock, plain) */
static PyObject *core_capture_add(PyObject *module, PyObject *args)
{
    PyObject *capsule, *o;
    int plain;
    if (!PyArg_ParseTuple(args, "OOp:capture_add", &capsule, &o, &plain))
        return NULL;
    struct csock__pcap *pcap = pcap_of(capsule);
    if (!pcap)
        return NULL;
    if (!PyObject_TypeCheck(o, ext_state_of(module)->sock_type))
        return PyErr_Format(PyExc_TypeError, "capture() takes a socket of csock's, not %.200s",
                            Py_TYPE(o)->tp_name);
    struct sock_object *s = (struct sock_object *)o;
    int r = EXT_GET(s->fd) < 0 ? -EBADF : sock_capture(s, pcap, plain);
    if (r == -EINVAL)
        PyErr_SetString(PyExc_ValueError, "only TCP, UDP and sockets of AF_UNIX can be captured");
    else if (r == -ECHILD)
        PyErr_SetString(PyExc_ValueError, "the capture was begun before a fork");
    else if (r < 0)
        ext_raise(&s->state->errors, r);
    return r < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *core_capture_close(PyObject *module, PyObject *capsule)
{
    struct csock__pcap *pcap = pcap_of(capsule);
    (void)module;
    if (!pcap)
        return NULL;
    sock_capture_close(pcap);
    Py_RETURN_NONE;
}

/* capture_all(folder, (hardware, os, application), plain) */
static PyObject *core_capture_all(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    struct csock__about about;
    PyObject *folder;
    int plain;
    if (!PyArg_ParseTuple(args, "O&(sss)p:capture_all", PyUnicode_FSConverter, &folder,
                          &about.hardware, &about.os, &about.application, &plain))
        return NULL;
    int r = sock_capture_all(st, PyBytes_AS_STRING(folder), &about, plain);
    Py_DECREF(folder);
    if (r < 0)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(open_doc, "capture_open(path, (hardware, os, application), snaplen[, seq]) -> file\n\n"
                       "A new capture file, pcapng.");
PyDoc_STRVAR(add_doc, "capture_add(file, sock, plain)\n\n"
                      "Write what the socket carries to the file, from now on.");
PyDoc_STRVAR(close_doc, "capture_close(file)\n\nNothing more is written.");
PyDoc_STRVAR(all_doc, "capture_all(folder, (hardware, os, application), plain)\n\n"
                      "Each new socket gets a file in the folder.");

PyMethodDef capture_functions[] = {
    {"capture_open", core_capture_open, METH_VARARGS, open_doc},
    {"capture_add", core_capture_add, METH_VARARGS, add_doc},
    {"capture_close", core_capture_close, METH_O, close_doc},
    {"capture_all", core_capture_all, METH_VARARGS, all_doc},
    {NULL, NULL, 0, NULL},
};
