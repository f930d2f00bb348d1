/* What calls that were left for good leave behind in the record of their thread, and closing beside
 * that: the call under a handler that left one of its own, and another socket at the address. */
#include "util.h"

static struct csock s[2], inner[2];
static sigjmp_buf way_out;
static atomic_int nested;

static void jump(int sig)
{
    (void)sig;
    siglongjmp(way_out, 1);
}

/* ---- in a handler */

static void leave_inner(int sig)
{
    char byte;
    (void)sig;
    if (sigsetjmp(way_out, 1) == 0) {
        atomic_store(&nested, 1);
        csock_recv(&inner[0], &byte, 1, 0, NULL);
    }
    atomic_store(&nested, 2);
}

static void the_call_under_a_handler_that_left_its_own_is_woken(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_handle(SIGUSR2, jump, 0);
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        util_pair(inner, AF_UNIX, SOCK_STREAM);
        util_handle(SIGUSR1, leave_inner, flags);
        atomic_store(&nested, 0);
        util_start_asleep(&call);
        util_signal_call(&call, SIGUSR1);
        while (atomic_load(&nested) != 1)
            util_sleep(MS);
        util_await_sleep(&call);
        util_signal_call(&call, SIGUSR2);
        while (atomic_load(&nested) != 2)
            util_sleep(MS);
        util_await_sleep(&call); /* on s, again */
        int64_t start = csock_now();
        util_close(&s[0]);
        assert_int_equal(util_join(&call), CSOCK_ECLOSED);
        assert_in_range(csock_now() - start, 0, PROMPT);
        util_close(&s[1]);
        util_close(&inner[0]); /* with its thread the call has ended that was left */
        util_close(&inner[1]);
    }
}

/* ---- the end of the thread */

static void end_thread(int sig)
{
    (void)sig;
    pthread_exit(NULL);
}

static void expect_gone(struct util_call *call)
{
    assert_int_equal(pthread_join(call->thread, NULL), 0);
    int64_t start = csock_now();
    util_close(&s[0]); /* and its number is free again */
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_true(csock_idle(&s[0]));
    util_close(&s[1]);
}

static void a_call_is_over_when_its_thread_has_ended(void **state)
{
    struct util_call calls[] = {{.run = util_recv, .s = &s[0]},
                                {.run = util_recv, .s = &s[0], .w = WITHIN(60000 * MS)}};
    (void)state;
    util_handle(SIGUSR1, end_thread, 0);
    for (size_t i = 0; i < COUNT(calls); i++) {
#ifndef __SANITIZE_ADDRESS__ /* which knows nothing of frames that cancellation leaves */
        util_pair(s, AF_UNIX, SOCK_STREAM);
        util_start_asleep(&calls[i]);
        assert_int_equal(pthread_cancel(calls[i].thread), 0);
        expect_gone(&calls[i]);
#endif
        util_pair(s, AF_UNIX, SOCK_STREAM);
        util_start_asleep(&calls[i]);
        util_signal_call(&calls[i], SIGUSR1);
        expect_gone(&calls[i]);
    }
}

/* ---- another socket at the address */

static void raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

static void leave_call(void)
{
    char byte;
    util_handle(SIGUSR1, jump, 0);
    fake_hook(FAKE_RECV, 2, raise_usr1, NULL);
    if (sigsetjmp(way_out, 1) == 0)
        csock_recv(&s[0], &byte, 1, 0, NULL);
}

static ssize_t close_elsewhere(struct util_call *call)
{
    return csock_close_within(call->s, 20 * MS);
}

/* This thread has left a call on s, another has closed that, and it is a new socket. */
static void leave_and_renew(void)
{
    struct util_call closer = {.run = close_elsewhere, .s = &s[0]};
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    leave_call();
    util_start(&closer);
    assert_int_equal(util_join(&closer), 1);
    assert_int_equal(close(fd), 0);
    util_close(&s[1]);
    util_pair(s, AF_UNIX, SOCK_STREAM);
}

/* Long inside, and not asleep as far as closers can see. */
static atomic_int trying;

static ssize_t try_slowly(int fd, void *buf, size_t n, int flags)
{
    if (flags & MSG_DONTWAIT) {
        atomic_store(&trying, 1);
        util_sleep(200 * MS);
    }
    return csock__sys_linux.recv(fd, buf, n, flags);
}

static void start_a_slow_try(struct util_call *call)
{
    leave_and_renew();
    atomic_store(&trying, 0);
    fake_under()->recv = try_slowly;
    util_start(call);
    while (!atomic_load(&trying))
        util_sleep(MS);
}

static void what_was_left_is_not_taken_for_a_call_on_the_next_socket(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    start_a_slow_try(&call);
    assert_int_equal(csock_close(&s[0]), 0); /* has waited for it */
    assert_true(csock_idle(&s[0]));
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    util_close(&s[1]);
    start_a_slow_try(&call);
    int fd = csock_detach(&s[0]);
    assert_true(csock_idle(&s[0]));
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(close(fd), 0);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_call_under_a_handler_that_left_its_own_is_woken),
        TEST(a_call_is_over_when_its_thread_has_ended),
        TEST(what_was_left_is_not_taken_for_a_call_on_the_next_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
