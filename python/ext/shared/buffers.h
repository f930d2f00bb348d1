/* Memory of the program that a call uses, held meanwhile, and what it counts as.
 *
 * A transfer copies with the GIL held, if it is small. What counts is the time that the copy may
 * take, and that is the size, unless the memory may have to come from elsewhere first. */
#ifndef CSOCK_EXT_SHARED_BUFFERS_H
#define CSOCK_EXT_SHARED_BUFFERS_H

#include "shared/python.h"

/* A transfer larger than this copies for longer than other threads should stand still. */
#define EXT_HELD_MAX (64 * 1024)

/* What a call counts as that may take long whatever its size. */
#define EXT_HEAVY (EXT_HELD_MAX + 1)
/* What n bytes of a buffer count as. Its pages may have to come from a file, a slow one even,
 * unless the memory is of a kind that is known: the copy would hold the GIL meanwhile. */
size_t ext_weight(const Py_buffer *buffer, size_t n);

/* What a call sends. For bytes, which the caller keeps alive and nobody changes, no buffer is
 * asked for. */
struct ext_payload {
    const void *data;
    size_t n;
    size_t weight;    /* n, or EXT_HEAVY */
    Py_buffer buffer; /* held if .obj */
};
bool ext_payload_of_buffer(PyObject *o, struct ext_payload *ret);
/* Takes what o has; ext_payload_done gives it back. */
static inline bool ext_payload_of(PyObject *o, struct ext_payload *ret)
{
    if (!PyBytes_CheckExact(o))
        return ext_payload_of_buffer(o, ret);
    ret->buffer.obj = NULL;
    ret->data = PyBytes_AS_STRING(o);
    ret->weight = ret->n = (size_t)PyBytes_GET_SIZE(o);
    return true;
}
static inline void ext_payload_done(struct ext_payload *p)
{
    if (p->buffer.obj)
        PyBuffer_Release(&p->buffer);
}

/* The buffer of an object that can be written to, or stock's TypeError for the method `what`. */
bool ext_writable_buffer(const char *what, PyObject *o, Py_buffer *ret);

#endif
