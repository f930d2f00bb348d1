/* For tests that look at all that is left allocated: a thread that has waited, in a look-up say,
 * has a record, and the main one's lives as long as the process. */
#ifndef CSOCK_TESTS_NAMES_RECORD_H
#define CSOCK_TESTS_NAMES_RECORD_H

#include "util.h"

/* Set-up of a group of tests: it is there before the first of them. */
static int make_record(void **state)
{
    struct csock s[2];
    struct csock_inside in;
    (void)state;
    if (csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0) < 0 || csock_enter(&s[0], &in) < 0)
        return -1;
    csock_leave(&in);
    util_close(&s[0]);
    util_close(&s[1]);
    return 0;
}

#endif
