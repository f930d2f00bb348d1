/* Families and socket types as members of the enums that the module of socket.socket has.
 * Everything that shows one to a program makes it here: what calling the enum does, which takes ten
 * times as long, and so is left for numbers that were no member's when the class was equipped. */
#ifndef CSOCK_EXT_OBJECT_MEMBERS_H
#define CSOCK_EXT_OBJECT_MEMBERS_H

#include "object/known_class.h"

/* The member; the number itself where the enum has none, or c is NULL. New references. */
PyObject *sock_family_as_py(const struct sock_class *c, int family);
PyObject *sock_type_as_py(const struct sock_class *c, int type);

#endif
