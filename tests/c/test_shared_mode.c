/* O_NONBLOCK belongs to the open description: another thread, a duplicate, another process may
 * switch it while a call waits or is about to. */
#include "util.h"

static void a_duplicate_does_not_take_the_deadline_away(void **state)
{
    struct csock s, copy;
    union csock_addr addr;
    socklen_t len;
    (void)state;
    util_listener(&s, AF_INET, 1, &addr, &len);
    assert_int_equal(csock_accept(&s, &copy, NULL, NULL, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_dup(&s, &copy), 0);
    assert_int_equal(csock_set_blocking(&copy, true), 0);
    struct util_call call = {.run = util_accept, .s = &s, .w = WITHIN(50 * MS)};
    util_start(&call);
    assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    util_close(&copy);
    util_close(&s);
}

/* The kernel looks at the mode when a call begins, so it takes a signal for the call to notice. */
static void waiting_for_ever_goes_on_in_non_blocking_mode(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_count_signal(SIGUSR1);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    assert_int_equal(csock_set_blocking(&s[0], false), 0);
    util_signal_call(&call, SIGUSR1);
    util_await_sleep(&call); /* in poll by now */
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
    util_close(&s[0]);
    util_close(&s[1]);
}

static void accept_for_ever_goes_on_in_non_blocking_mode(void **state)
{
    struct csock s, client;
    union csock_addr addr;
    socklen_t len;
    struct util_call call = {.run = util_accept, .s = &s};
    (void)state;
    util_count_signal(SIGUSR1);
    util_listener(&s, AF_UNIX, 1, &addr, &len);
    util_start_asleep(&call);
    assert_int_equal(csock_set_blocking(&s, false), 0);
    util_signal_call(&call, SIGUSR1);
    util_await_sleep(&call);
    assert_int_equal(csock_open(&client, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(util_join(&call), 0);
    util_close(&client);
    util_close(&s);
}

static void what_never_waits_does_not_wait_in_either_mode(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    for (int blocking = 0; blocking < 2; blocking++) {
        assert_int_equal(csock_set_blocking(&s[0], blocking), 0);
        assert_int_equal(csock_recv(&s[0], &byte, 1, MSG_DONTWAIT, NULL), -EAGAIN);
        assert_int_equal(csock_recv(&s[0], &byte, 1, MSG_ERRQUEUE, NULL), -EAGAIN);
    }
    assert_int_equal(fake_calls(FAKE_RECV), 4); /* one try each */
    util_close(&s[0]);
    util_close(&s[1]);
}

/* Nothing was begun: SO_ERROR alone would call it a success. */
static void an_outcome_needs_an_attempt(void **state)
{
    struct csock s;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect_finish(&s, WITHIN(5000 * MS)), -ENOTCONN);
    util_close(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_duplicate_does_not_take_the_deadline_away),
        TEST(waiting_for_ever_goes_on_in_non_blocking_mode),
        TEST(accept_for_ever_goes_on_in_non_blocking_mode),
        TEST(what_never_waits_does_not_wait_in_either_mode),
        TEST(an_outcome_needs_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
