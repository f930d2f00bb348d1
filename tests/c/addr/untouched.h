/* What the tests of addresses share: what an output must still hold after a failure. */
#ifndef CSOCK_TESTS_UNTOUCHED_H
#define CSOCK_TESTS_UNTOUCHED_H

#include "util.h"

#define LEN_BEFORE ((socklen_t)12345)

static union csock_addr untouched;

static inline int setup(void **state)
{
    (void)state;
    memset(&untouched, 0x5a, sizeof untouched);
    fake_install();
    return 0;
}

static inline void assert_untouched(const union csock_addr *addr, socklen_t len)
{
    assert_memory_equal(addr, &untouched, sizeof untouched);
    assert_int_equal(len, LEN_BEFORE);
}

/* The last test of a file: addresses alone need nothing of the scripted table. */
static inline void no_system_call_was_made(void **state)
{
    (void)state;
    for (int entry = 0; entry < FAKE_N; entry++)
        assert_int_equal(fake_calls((enum fake_entry)entry), 0);
}

#endif
