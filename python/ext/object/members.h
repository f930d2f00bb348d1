/* Families and socket types as members of the enums that the module of socket.socket has.
 * Everything that shows one to a program makes it here, by a table of the enum's members: calling
 * the enum takes ten times as long. It is called for numbers that are not in the table, so that a
 * member which a program adds is found. */
#ifndef CSOCK_EXT_OBJECT_MEMBERS_H
#define CSOCK_EXT_OBJECT_MEMBERS_H

#include "object/known_class.h"

/* The member; the number itself where the enum has none, or c is NULL. New references. */
PyObject *sock_family_as_py(const struct sock_class *c, int family);
PyObject *sock_type_as_py(const struct sock_class *c, int type);

#endif
