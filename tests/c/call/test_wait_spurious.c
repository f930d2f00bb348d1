/* When poll(2) says "ready" and the call then has to wait all the same: no spinning, measured in
 * processor time, and the deadline holds. */
#include "util.h"

static char buf[64];

/* An unconnected AF_UNIX datagram socket polls writable while its peer is full. unix(7) */
static void spurious_readiness_of_a_full_datagram_peer_does_not_spin(void **state)
{
    struct csock from, to;
    union csock_addr addr;
    socklen_t len;
    (void)state;
    util_bound(&to, AF_UNIX, SOCK_DGRAM, &addr, &len);
    assert_int_equal(csock_open(&from, AF_UNIX, SOCK_DGRAM, 0, 0), 0);
    while (csock_send_to(&from, "x", 1, 0, &addr.any, len, NOWAIT) == 1)
        ;
    assert_int_equal(csock_ready(&from, POLLOUT, NOWAIT), POLLOUT);
    int64_t cpu = util_thread_cpu(), start = csock_now();
    assert_int_equal(csock_send_to(&from, "x", 1, 0, &addr.any, len, WITHIN(300 * MS)),
                     CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 299 * MS, SOON);
    assert_in_range(util_thread_cpu() - cpu, 0, 30 * MS);
    assert_in_range(fake_calls(FAKE_POLL), 2, 100);
    assert_int_equal(csock_recv(&to, buf, 1, 0, NOWAIT), 1);
    assert_int_equal(csock_send_to(&from, "x", 1, 0, &addr.any, len, WITHIN(300 * MS)), 1);
    util_close(&from);
    util_close(&to);
}

/* An entry in the error queue is POLLERR, again and again, while recv has nothing to give. */
static void spurious_readiness_of_the_error_queue_does_not_spin(void **state)
{
    struct csock u;
    union csock_addr nobody;
    socklen_t len;
    (void)state;
    util_hears_errors(&u, &nobody, &len);
    assert_int_equal(csock_send_to(&u, "x", 1, 0, &nobody.any, len, NULL), 1);
    assert_true(csock_ready(&u, 0, WITHIN(1000 * MS)) & POLLERR);
    assert_int_equal(csock_recv(&u, buf, 1, 0, NOWAIT), -ECONNREFUSED); /* the entry stays */
    int64_t cpu = util_thread_cpu(), start = csock_now();
    assert_int_equal(csock_recv(&u, buf, 1, 0, WITHIN(300 * MS)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 299 * MS, SOON);
    assert_in_range(util_thread_cpu() - cpu, 0, 30 * MS);
    assert_in_range(fake_calls(FAKE_NANOSLEEP), 2, 100);
    util_close(&u);
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

static void a_signal_during_the_nap_after_a_lie_is_heard(void **state)
{
    struct csock_wait w = {.deadline = csock_deadline(5000 * MS), .interrupted = stop};
    struct csock s[2];
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    fake_fail(FAKE_RECV, FAKE_EVERY, EAGAIN);
    fake_fail(FAKE_NANOSLEEP, 3, EINTR);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), CSOCK_EINTERRUPTED);
    assert_int_equal(fake_calls(FAKE_NANOSLEEP), 3);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* Two go free, then each nap is twice as long as the one before, up to 10 ms, and the last ends
 * with the deadline. */
static void naps_double_up_to_ten_milliseconds(void **state)
{
    static const int expected[] = {50,   100,  200,   400,   800, 1600,
                                   3200, 6400, 10000, 10000, 2250}; /* us */
    struct csock s[2];
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    util_note_naps();
    fake_fail(FAKE_RECV, FAKE_EVERY, EAGAIN);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(35 * MS)), CSOCK_ETIMEOUT);
    util_assert_naps(expected, COUNT(expected));
    assert_int_equal(fake_calls(FAKE_POLL), COUNT(expected) + 3); /* two free, and the last look */
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(spurious_readiness_of_a_full_datagram_peer_does_not_spin),
        TEST(spurious_readiness_of_the_error_queue_does_not_spin),
        TEST(a_signal_during_the_nap_after_a_lie_is_heard),
        TEST(naps_double_up_to_ten_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
