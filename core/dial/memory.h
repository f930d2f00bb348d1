/* Names whose AAAA answer never came: for five minutes nobody waits for it. One word a name, in a
 * table of fixed size, without a lock; a newer name takes the place of an older one. A hint, no
 * more: names with the same hash share it, and a child of fork(2) has a copy. Sits on nothing. */
#ifndef CSOCK_CORE_DIAL_MEMORY_H
#define CSOCK_CORE_DIAL_MEMORY_H

#include "csock.h"

void csock__silence_note(const char *host, int64_t now);
void csock__silence_forget(const char *host);
bool csock__silence_known(const char *host, int64_t now);

#endif
