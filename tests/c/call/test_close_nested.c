/* Waiting and closing within a wait: in its signal handler, and in its callback. */
#include "util.h"

/* A call on inner[0] within the wait on outer[0]. */
static struct csock inner[2], outer[2];
static atomic_int nested, nested_result;

static void recv_inner(int sig)
{
    char byte;
    (void)sig;
    atomic_store(&nested, 1);
    atomic_store(&nested_result, (int)csock_recv(&inner[0], &byte, 1, 0, NULL));
    atomic_store(&nested, 0);
}

static int recv_inner_in_callback(void *arg)
{
    (void)arg;
    recv_inner(0);
    return 0;
}

static void start_nested(struct util_call *call)
{
    util_pair(inner, AF_UNIX, SOCK_STREAM);
    util_pair(outer, AF_UNIX, SOCK_STREAM);
    atomic_store(&nested, 0);
    util_start_asleep(call);
    util_signal_call(call, SIGUSR1);
    while (!atomic_load(&nested))
        util_sleep(MS);
    util_await_sleep(call);
}

static void end_nested(void)
{
    util_close(&inner[1]);
    util_close(&outer[1]);
}

static void closing_reaches_a_nested_wait_and_the_one_around_it(const struct csock_wait *w)
{
    struct util_call call = {.run = util_recv, .s = &outer[0], .w = w};
    start_nested(&call);
    util_close(&inner[0]);
    while (atomic_load(&nested))
        util_sleep(MS);
    assert_int_equal(nested_result, CSOCK_ECLOSED);
    util_await_sleep(&call); /* on outer, again */
    util_close(&outer[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    end_nested();
}

static void a_nested_wait_outlives_the_socket_around_it(const struct csock_wait *w)
{
    struct util_call call = {.run = util_recv, .s = &outer[0], .w = w};
    start_nested(&call);
    int fd = csock_fd(&outer[0]);
    assert_int_equal(csock_close_within(&outer[0], 20 * MS), 1);
    assert_true(util_fd_is_open(fd));
    assert_int_equal(csock_send(&inner[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(nested_result, 1);
    assert_false(util_fd_is_open(fd));
    util_close(&inner[0]);
    end_nested();
}

static void waits_nest_in_signal_handlers(void **state)
{
    (void)state;
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        util_handle(SIGUSR1, recv_inner, flags);
        closing_reaches_a_nested_wait_and_the_one_around_it(NULL);
        closing_reaches_a_nested_wait_and_the_one_around_it(WITHIN(60000 * MS));
        a_nested_wait_outlives_the_socket_around_it(NULL);
        a_nested_wait_outlives_the_socket_around_it(WITHIN(60000 * MS));
    }
}

static void waits_nest_in_callbacks(void **state)
{
    struct csock_wait w = {.interrupted = recv_inner_in_callback};
    (void)state;
    util_count_signal(SIGUSR1);
    closing_reaches_a_nested_wait_and_the_one_around_it(&w);
    a_nested_wait_outlives_the_socket_around_it(&w);
}

static int close_in_callback(void *arg)
{
    return csock_close(arg) < 0;
}

static void a_callback_closes_its_own_socket(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        struct csock_wait w = {.interrupted = close_in_callback,
                               .deadline = deadline ? csock_deadline(60000 * MS) : 0,
                               .arg = &s[0]};
        int fd = csock_fd(&s[0]);
        fake_fail(deadline ? FAKE_POLL : FAKE_RECV, deadline ? 1 : 2, EINTR);
        assert_int_equal(csock_recv(&s[0], &byte, 1, 0, &w), CSOCK_ECLOSED);
        assert_false(util_fd_is_open(fd));
        util_close(&s[1]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(waits_nest_in_signal_handlers),
        TEST(waits_nest_in_callbacks),
        TEST(a_callback_closes_its_own_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
