/* The enums that the module of socket.socket has, and the properties of its objects that are
 * members of them.
 *
 * The enums are Python's: the module makes them of constants, which C sorts by prefix for it.
 * equip() then takes two of them, with a table {number: member} of each, into what is known of the
 * class; members are looked up there (object/members.h). */
#ifndef CSOCK_EXT_CLASS_ENUMS_H
#define CSOCK_EXT_CLASS_ENUMS_H

#include "object/known_class.h"

extern PyMethodDef enum_functions[]; /* of csock._core */
extern PyGetSetDef sock_class_properties[];

/* What *c is to know of the enums among the names of its module. 0 or -1. */
int sock_class_enums(struct sock_class *c, PyObject *names);

#endif
