/* How objects of the class socket.socket begin and end, in C: equip() gives it to the class itself.
 * What a call of the class would do by way of a tuple of arguments, and deallocation by a walk over
 * all bases, two functions do that know what is there. Subclasses begin as the interpreter makes
 * them begin, and end here after what is theirs. */
#ifndef CSOCK_EXT_CLASS_OBJECTS_H
#define CSOCK_EXT_CLASS_OBJECTS_H

#include "object/known_class.h"

/* Gives both to the class, as far as what is known of it lets that be. */
void sock_class_live(const struct sock_class *c);

#endif
