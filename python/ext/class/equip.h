/* equip(cls, names) of csock._core. To equip a class, the Python class socket.socket, is to give it
 * what it has in C; python/csock/dropin.py does so right after it has made the class.
 *
 * The interpreter calls a C method without a detour only if it belongs to the object's own class,
 * so each method of the base gets a descriptor of the class, too. accept and close take short cuts
 * through C for objects of exactly that class whose methods are as they were: subclasses
 * (SSLSocket) and tests that replace a method, or the name `socket` in the module, are heard. */
#ifndef CSOCK_EXT_CLASS_EQUIP_H
#define CSOCK_EXT_CLASS_EQUIP_H

#include "shared/python.h"

extern PyMethodDef sock_class_functions[]; /* of csock._core */

#endif
