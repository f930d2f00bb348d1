/* hosts(5) and nsswitch.conf(5) as a test wants them, for the table of fake.h. */
#ifndef CSOCK_TESTS_ETC_H
#define CSOCK_TESTS_ETC_H

#include <stdbool.h>

/* From now on these are the files' texts; NULL: there is none. Another
 * text is another file. */
void etc_script(const char *hosts, const char *sources);

/* nscd(8) runs, or not. */
void etc_has_nscd(bool has);

#endif
