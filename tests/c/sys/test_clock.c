/* Time: the clock, and deadlines that lie anywhere. */
#include "util.h"

static void now_is_the_monotonic_clock(void **state)
{
    struct timespec t;
    (void)state;
    int64_t before = csock_now();
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t between = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    int64_t after = csock_now();
    assert_true(before <= between && between <= after);
}

static void seconds_and_nanoseconds_are_added(void **state)
{
    (void)state;
    fake_clock_set(INT64_C(5000000007));
    assert_true(csock_now() == INT64_C(5000000007));
    assert_true(csock_deadline(3) == INT64_C(5000000010));
}

static void a_deadline_far_off_is_for_ever(void **state)
{
    (void)state;
    fake_clock_set(1000);
    assert_true(csock_deadline(INT64_MAX - 1000) == INT64_MAX);
    assert_true(csock_deadline(INT64_MAX - 999) == CSOCK_FOREVER);
    assert_true(csock_deadline(INT64_MAX) == CSOCK_FOREVER);
}

/* 0 is CSOCK_FOREVER and INT64_MIN is CSOCK_NOWAIT: neither may come of arithmetic. */
static void a_deadline_long_ago_stays_a_deadline(void **state)
{
    (void)state;
    fake_clock_set(1000);
    assert_true(csock_deadline(-999) == 1);
    assert_true(csock_deadline(-1000) == 1);
    assert_true(csock_deadline(-5000) == 1);
    assert_true(csock_deadline(INT64_MIN) == 1);
    fake_clock_set(-1000);
    assert_true(csock_deadline(INT64_MIN) == 1);
}

static void a_deadline_in_the_past_fails_at_once(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int64_t start = csock_now();
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(-MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(INT64_MIN)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 0, SOON);
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(now_is_the_monotonic_clock),           TEST(seconds_and_nanoseconds_are_added),
        TEST(a_deadline_far_off_is_for_ever),       TEST(a_deadline_long_ago_stays_a_deadline),
        TEST(a_deadline_in_the_past_fails_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
