/* Memory that several threads reach at once. With a GIL, whoever has it is alone. Without one,
 * several threads may be in one object or in the module's state. Single members are then read and
 * written by these two; several that belong together, and references, inside a critical section of
 * the object they are in. No lock is ever shared by two sockets, but for that of the list which
 * object/counts.c has of them: where one is made, and where it ends. */
#ifndef CSOCK_EXT_SHARED_ATOMIC_H
#define CSOCK_EXT_SHARED_ATOMIC_H

#include "shared/python.h"

#ifdef Py_GIL_DISABLED
#define EXT_GET(member) __atomic_load_n(&(member), __ATOMIC_RELAXED)
#define EXT_SET(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELAXED)
#else
#define EXT_GET(member) (member)
#define EXT_SET(member, value) ((void)((member) = (value)))
#endif

#ifndef Py_BEGIN_CRITICAL_SECTION /* before 3.13 */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

#endif
