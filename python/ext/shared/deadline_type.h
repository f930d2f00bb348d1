/* The objects csock.deadline, and csock.DeadlineExceeded (exceeded.c). An object is a moment;
 * entered, it holds a block of its thread's chain (deadline.h). The dictionary that the interpreter
 * has for the thread keeps the objects that are entered there, for current_deadline(), and lets go
 * of them at its end. */
#ifndef CSOCK_EXT_SHARED_DEADLINE_TYPE_H
#define CSOCK_EXT_SHARED_DEADLINE_TYPE_H

#include "shared/deadline.h"

#define EXT_NS_PER_SECOND 1e9

/* Strong; NULL when the module is being torn down. */
struct ext_deadlines {
    PyTypeObject *type;
    PyObject *exceeded;
};

/* Makes both. Their names are csock's: ext_deadlines_add puts them into a module. 0 or -1. */
int ext_deadlines_setup(PyObject *owner, struct ext_deadlines *d);
int ext_deadlines_add(PyObject *module, const struct ext_deadlines *d);

/* The class DeadlineExceeded of one interpreter. exceeded.c */
PyObject *ext_deadline_exceeded_new(void);

/* The innermost deadline that this thread has entered in this interpreter, or None. New
 * reference. */
PyObject *ext_deadline_current(const struct ext_deadlines *d);

/* Raises DeadlineExceeded for the deadline that bounds this thread: what was going on ("recv"), and
 * with whom (" from 192.0.2.1:80", ""). begun: it was waited for; else nothing was done. NULL. */
EXT_RARE PyObject *ext_deadline_raise(const struct ext_deadlines *d, const char *what,
                                      const char *whom, bool begun);
/* A text that errors show, and that has a host in it, which may be anybody's: without control
 * characters. */
void ext_make_plain(char *text);
/* Whether a look-up may begin: none is made once the deadline has passed. False: DeadlineExceeded
 * is set. */
EXT_RARE bool ext_deadline_leaves_time(const struct ext_deadlines *d, const char *host);
static inline bool ext_deadline_allows_look_up(const struct ext_deadlines *d, const char *host)
{
    return !ext_innermost || ext_deadline_leaves_time(d, host);
}

#endif
