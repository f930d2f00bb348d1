/* Which names libc finds in hosts(5), and so asks no server for: a thread that could be given up
 * would cost more than the answer. What they mean libc says all the same. Sits on sys. */
#ifndef CSOCK_CORE_NAMES_FILES_H
#define CSOCK_CORE_NAMES_FILES_H

#include "names/question.h"

/* False in any doubt: flags that may lead elsewhere, a service that is no number, another source
 * before the files in nsswitch.conf(5), files that are large, a cache of names (nscd(8)). */
bool csock__in_hosts_file(const struct csock__question *q);

#endif
