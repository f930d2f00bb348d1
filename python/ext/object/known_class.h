/* What C knows of the Python class socket.socket, so that C which its objects come through tells
 * objects whose methods are as they were from others: subclasses (SSLSocket), and classes of which
 * a program has replaced a method.
 *
 * A record per class that has been equipped (class/equip.c), the newest first; importlib.reload()
 * makes another class, and sockets and subclasses of the one before live on. Nothing here calls
 * what the class has in C. */
#ifndef CSOCK_EXT_OBJECT_KNOWN_CLASS_H
#define CSOCK_EXT_OBJECT_KNOWN_CLASS_H

#include "shared/interp.h"
#include "object/socket.h"

/* An enum of the module that the class is in. */
struct sock_enum {
    PyObject *type;
    PyObject *members; /* {number: member}, as they were when the class was equipped */
};

/* As the class was found, and what does not change after. */
struct sock_class {
    const struct sock_class *older; /* of an earlier equip(), or NULL */
    PyTypeObject *type;             /* strong, as all of them; NULL where there is no class (yet) */
    PyObject *module_names;         /* the dictionary of its module */
    PyObject *slow_accept;          /* accept in Python, which hears everybody */
    PyObject *found[EXT_NAMES];     /* its attributes of these names; NULL where nobody looks */
    struct sock_enum families, types;
    initproc init;
    newfunc new;
    unsigned seen; /* the type's version in which it had all that was found; 0: none, yet */
};

/* The names, and that there is no class yet. 0 or -1. */
int sock_class_setup(struct ext_state *st);
int sock_class_traverse(const struct ext_state *st, visitproc visit, void *arg);
void sock_class_clear(struct ext_state *st);
void sock_class_free(struct ext_state *st); /* what sockets that outlive the module looked at */

/* Fills a record: first with what the class has before it gets methods in C, then with those. own:
 * the class's own attributes, a mapping. 0, or -1 with an exception. */
int sock_class_look(struct sock_class *c, PyObject *own);
int sock_class_remember(struct sock_class *c, PyTypeObject *type, PyObject *own);
void sock_class_forget(struct sock_class *c);
/* The newest from now on. The state owns it. */
void sock_class_add(struct ext_state *st, struct sock_class *c);

/* The newest; before the first, one of no type. */
static inline const struct sock_class *ext_class(const struct ext_state *st)
{
    return __atomic_load_n(&st->sock_class, __ATOMIC_ACQUIRE);
}

/* Whether the newest class has the attribute `name` that was found. */
bool sock_class_has(const struct ext_state *st, enum ext_name name);
/* The same. The class's version tells: where all was found in this one, nothing has to be looked
 * up. */
static inline bool sock_class_still_has(const struct ext_state *st, const struct sock_class *c,
                                        enum ext_name name)
{
    unsigned version = interp_class_version(c->type);
    return (version != 0 && version == EXT_GET(c->seen)) || sock_class_has(st, name);
}
/* Whether o is a socket of exactly that class, whose attribute `name` is what was found. */
static inline bool sock_is_untouched(const struct ext_state *st, PyObject *o, enum ext_name name)
{
    const struct sock_class *c = ext_class(st);
    return Py_IS_TYPE(o, c->type) && sock_class_still_has(st, c, name);
}
/* The newest class that self is of; NULL if there is none. */
static inline const struct sock_class *sock_class_found(PyObject *self)
{
    const struct sock_class *c = ext_class(((struct sock_object *)self)->state);
    while (c && !(c->type && PyObject_TypeCheck(self, c->type)))
        c = c->older;
    return c;
}
/* For a method of such a class. Where the interpreter has ended, all but the slots is gone. */
static inline const struct sock_class *sock_class_of(PyObject *self)
{
    const struct sock_class *c = sock_class_found(self);
    return c ? c : ext_class(((struct sock_object *)self)->state);
}

/* Sets io_refs or closed of an object. The interpreter's own access to them is in a critical
 * section of the object, too; it looks at the pointer before. Callers are in one. Steals value. */
static inline void sock_slot_set(PyObject **slot, PyObject *value)
{
    PyObject *before = *slot;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
    Py_XDECREF(before);
}
/* Sets both of a new object of the class; of others, nothing. */
void sock_class_init(struct sock_object *s);

#endif
