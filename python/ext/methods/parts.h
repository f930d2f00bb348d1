/* The buffers of a message: what sendmsg.c and recvmsg.c share.
 *
 * sendmsg(2) and recvmsg(2) take an array of addresses and lengths. Behind each stands a buffer of
 * an object of the program's, which is held until the call is over, so that nobody frees or resizes
 * the memory while the GIL is dropped. */
#ifndef CSOCK_EXT_METHODS_PARTS_H
#define CSOCK_EXT_METHODS_PARTS_H

#include "shared/python.h"

#include <sys/uio.h>

/* Buffers that are held, for one call. */
struct msg_parts {
    struct iovec *iov;
    Py_buffer *views;
    Py_ssize_t n;  /* 0: nothing is held */
    size_t weight; /* what they count as: ext_weight */
};

/* A tuple of what o yields, new reference: converting the items runs code of the program's, which
 * may change a list. A TypeError for what is not iterable says so in the words given. */
PyObject *msg_snapshot(PyObject *o, const char *not_iterable);

/* Holds the buffers of an iterable, for the method `what`. On failure nothing is held. */
bool msg_parts_to_send(struct msg_parts *ret, const char *what, PyObject *buffers);
bool msg_parts_to_fill(struct msg_parts *ret, const char *what, PyObject *buffers);
void msg_parts_release(struct msg_parts *parts);

#endif
