/* Waiting for several sockets at a time, and closing one of them. */
#include "util.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "call/users.h"

#define SEVERAL 3
#define MOST 40 /* more than a thread lists, and than there is room for without memory */

static struct csock pairs[MOST][2];
static struct csock_polled polled[MOST];
static size_t n;

static void make(size_t count)
{
    n = count;
    for (size_t i = 0; i < n; i++) {
        util_pair(pairs[i], AF_UNIX, SOCK_STREAM);
        polled[i] = (struct csock_polled){.s = &pairs[i][0], .events = POLLIN, .revents = 99};
    }
}

static int setup(void **state)
{
    util_setup(state);
    make(SEVERAL);
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < n; i++) {
        csock_close(&pairs[i][0]);
        csock_close(&pairs[i][1]);
        if (!csock_idle(&pairs[i][0])) /* a call has not left */
            return -1;
    }
    return util_teardown(state);
}

static ssize_t poll_them(struct util_call *call)
{
    return csock_poll(polled, n, call->w);
}

static void what_is_ready_is_told(void **state)
{
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct csock_polled more[] = {polled[0],
                                  polled[1],
                                  polled[2],
                                  {.fd = file, .events = POLLOUT},
                                  {.fd = -1, .events = POLLIN, .revents = 99}};
    (void)state;
    assert_int_equal(csock_send(&pairs[1][1], "x", 1, 0, NULL), 1);
    util_close(&pairs[2][1]);
    assert_int_equal(csock_poll(more, COUNT(more), NULL), 3);
    assert_int_equal(more[0].revents, 0);
    assert_int_equal(more[1].revents, POLLIN);
    assert_int_equal(more[2].revents, POLLIN | POLLHUP);
    assert_int_equal(more[3].revents, POLLOUT);
    assert_int_equal(more[4].revents, 0);
    close(file);
}

static void a_deadline_passes(void **state)
{
    int64_t start = csock_now();
    (void)state;
    assert_int_equal(csock_poll(polled, n, WITHIN(20 * MS)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 20 * MS, SOON);
    assert_int_equal(csock_poll(polled, n, NOWAIT), CSOCK_ETIMEOUT);
    assert_int_equal(csock_poll(NULL, 0, &(struct csock_wait){.timeout = MS}), CSOCK_ETIMEOUT);
    assert_int_equal(csock_send(&pairs[1][1], "x", 1, 0, NULL), 1);
    assert_int_equal(csock_poll(polled, n, NOWAIT), 1); /* asked once all the same */
}

static void closing_any_of_them_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEVERAL; i++) {
        struct util_call call = {.run = poll_them, .w = i == 1 ? WITHIN(60000 * MS) : NULL};
        util_start_asleep(&call);
        int64_t start = csock_now();
        util_close(&pairs[i][0]);
        assert_int_equal(util_join(&call), CSOCK_ECLOSED);
        assert_in_range(csock_now() - start, 0, PROMPT);
        for (size_t j = 0; j < SEVERAL; j++)
            assert_int_equal(polled[j].revents, j == i ? POLLNVAL : 0);
        util_close(&pairs[i][1]);
        util_pair(pairs[i], AF_UNIX, SOCK_STREAM);
    }
}

static void one_that_is_closed_already_is_told(void **state)
{
    (void)state;
    util_close(&pairs[1][0]);
    assert_int_equal(csock_poll(polled, n, NULL), -EBADF);
    assert_int_equal(polled[0].revents, 0);
    assert_int_equal(polled[1].revents, POLLNVAL);
    assert_int_equal(csock__users(&pairs[0][0]), 0);
}

static void the_same_twice(void **state)
{
    struct util_call call = {.run = poll_them};
    (void)state;
    polled[2].s = polled[0].s;
    util_start_asleep(&call);
    assert_int_equal(csock__users(polled[0].s), 2);
    util_close(polled[0].s);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
}

/* Between the look and the sleep, where a signal would be lost: the closer repeats it. */
static ssize_t close_soon(struct util_call *call)
{
    (void)call;
    return csock_close(&pairs[1][0]);
}

static struct util_call closer = {.run = close_soon};

static void start_closer(void *arg)
{
    (void)arg;
    util_start(&closer);
    while (csock_fd(&pairs[1][0]) >= 0)
        util_sleep(MS);
    util_sleep(10 * MS); /* it has signalled by now */
}

static void a_signal_before_the_system_call_is_repeated(void **state)
{
    (void)state;
    fake_hook(FAKE_POLL, 1, start_closer, NULL);
    assert_int_equal(csock_poll(polled, n, NULL), CSOCK_ECLOSED);
    assert_int_equal(util_join(&closer), 0);
}

/* ---------------------------------------------------------------- signals */

static void signals_go_by_or_stop_it(void **state)
{
    atomic_int times = 0;
    struct csock_wait w = {.interrupted = util_count_interrupted, .arg = &times};
    struct util_call call = {.run = poll_them, .w = &w};
    (void)state;
    util_handle(SIGUSR1, util_count_signal, 0);
    util_start_asleep(&call);
    while (atomic_load(&times) == 0) {
        util_signal_call(&call, SIGUSR1);
        util_sleep(5 * MS);
    }
    assert_int_equal(csock_send(&pairs[2][1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
}

static int stop_it(void *arg)
{
    /* Nobody waits for a call whose callback runs. */
    int64_t start = csock_now();
    (void)arg;
    util_start(&closer);
    ssize_t r = util_join(&closer); /* 1: a call is inside still */
    return r == 1 && csock_now() - start < PROMPT;
}

static void its_callback_may_close_one_of_them(void **state)
{
    struct csock_wait w = {.interrupted = stop_it};
    (void)state;
    fake_fail(FAKE_POLL, 1, EINTR);
    assert_int_equal(csock_poll(polled, n, &w), CSOCK_EINTERRUPTED);
    assert_true(csock_idle(&pairs[1][0]));
}

static int64_t handler_took;

static void close_in_handler(int sig)
{
    int64_t start = csock_now();
    (void)sig;
    csock_close(&pairs[0][0]);
    handler_took = csock_now() - start;
}

static void expect_handler_can_close(void)
{
    struct util_call call = {.run = poll_them};
    handler_took = -1;
    util_handle(SIGUSR1, close_in_handler, 0);
    util_start_asleep(&call);
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(handler_took, 0, PROMPT); /* it has not waited for itself */
    assert_true(csock_idle(&pairs[0][0]));
}

static void a_handler_in_its_thread_may_close_one(void **state)
{
    (void)state;
    expect_handler_can_close();
}

static void or_one_of_very_many(void **state)
{
    teardown(state);
    util_setup(state);
    make(MOST);
    expect_handler_can_close();
}

static pid_t child;

static ssize_t close_after_a_while(struct util_call *call)
{
    util_sleep(50 * MS); /* the thread sleeps again */
    return csock_close(call->s);
}

static struct util_call in_child = {.run = close_after_a_while, .s = &pairs[1][0]};

static void fork_as_a_handler(void *arg)
{
    (void)arg;
    child = fork();
    if (child == 0)
        util_start(&in_child);
}

/* A child that was forked in a handler goes on with its parent's call, and can close under it. */
static int forked_under_it(void *arg)
{
    int status;
    (void)arg;
    fake_hook(FAKE_POLL, 1, fork_as_a_handler, NULL);
    fake_fail(FAKE_POLL, 1, EINTR);
    int64_t start = csock_now();
    int r = csock_poll(polled, n, WITHIN(4000 * MS));
    if (child == 0)
        util_exit(r == CSOCK_ECLOSED && util_join(&in_child) == 0 && csock_now() - start < 3500 * MS
                      ? 0
                      : 1);
    if (r != CSOCK_ETIMEOUT || waitpid(child, &status, 0) != child)
        return __LINE__;
    return status ? __LINE__ : 0;
}

static void a_fork_in_a_handler(void **state)
{
    (void)state;
    util_in_child(forked_under_it, NULL);
}

/* ---------------------------------------------------------------- many threads, many sockets */

static ssize_t poll_own(struct util_call *call)
{
    struct csock_polled own[2] = {{.s = call->s, .events = POLLIN}, {.fd = -1}};
    return csock_poll(own, 2, call->w);
}

/* More threads than a closer signals at a time, each on a socket of its own. */
static void each_is_woken_for_its_own(void **state)
{
    static struct util_call calls[MOST];
    (void)state;
    teardown(state);
    util_setup(state);
    make(MOST);
    for (size_t i = 0; i < MOST; i++) {
        calls[i] = (struct util_call){.run = poll_own, .s = &pairs[i][0]};
        util_start_asleep(&calls[i]);
    }
    for (size_t i = MOST; i-- > 0;) {
        int64_t start = csock_now();
        util_close(&pairs[i][0]);
        assert_int_equal(util_join(&calls[i]), CSOCK_ECLOSED);
        assert_in_range(csock_now() - start, 0, PROMPT);
    }
}

static ssize_t poll_all_but_first(struct util_call *call)
{
    struct csock_polled own[MOST];
    memcpy(own, polled, sizeof own);
    return csock_poll(own + 1, MOST - 1, call->w);
}

/* More than a closer signals at a time, and all of them may mean his socket, by their filters: that
 * does not keep him from the one that does. */
static void those_that_do_not_leave_are_in_nobodys_way(void **state)
{
    static struct util_call many[20];
    struct util_call one = {.run = util_recv, .s = &pairs[0][1]};
    (void)state;
    teardown(state);
    util_setup(state);
    make(MOST);
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = (struct util_call){.run = poll_all_but_first};
        util_start_asleep(&many[i]);
    }
    util_start_asleep(&one); /* behind them in the list, as records were left by the test before */
    int64_t start = csock_now();
    util_close(&pairs[0][1]);
    assert_int_equal(util_join(&one), CSOCK_ECLOSED);
    assert_in_range(csock_now() - start, 0, PROMPT);
    util_close(&pairs[MOST - 1][0]);
    for (size_t i = 0; i < COUNT(many); i++)
        assert_int_equal(util_join(&many[i]), CSOCK_ECLOSED);
}

static void closing_another_socket_does_not_end_it(void **state)
{
    struct util_call call = {.run = poll_them}, other = {.run = util_recv, .s = &pairs[0][1]};
    (void)state;
    util_start_asleep(&call);
    util_start_asleep(&other);
    util_close(&pairs[0][1]); /* pairs[0][0] hears of that */
    assert_int_equal(util_join(&other), CSOCK_ECLOSED);
    assert_int_equal(util_join(&call), 1);
    assert_int_equal(polled[0].revents, POLLIN | POLLHUP);
}

static void many_take_memory(void **state)
{
    (void)state;
    teardown(state);
    util_setup(state);
    make(MOST);
    fake_fail(FAKE_ALLOC, 1, ENOMEM);
    assert_int_equal(csock_poll(polled, n, NOWAIT), -ENOMEM);
    assert_int_equal(csock_poll(polled, n, NOWAIT), CSOCK_ETIMEOUT);
    assert_int_equal(csock_poll(polled, SIZE_MAX, NOWAIT), -EINVAL);
    assert_int_equal(csock_send(&pairs[MOST - 1][1], "x", 1, 0, NULL), 1);
    int live = fake_live();
    assert_int_equal(csock_poll(polled, n, NULL), 1);
    assert_int_equal(fake_live(), live);
    assert_int_equal(polled[MOST - 1].revents, POLLIN);
}

static void descriptors_above_1024(void **state)
{
    struct rlimit before, high;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    high = before;
    high.rlim_cur = before.rlim_max < 4096 ? before.rlim_max : 4096;
    if (high.rlim_cur <= 2000 || setrlimit(RLIMIT_NOFILE, &high) != 0)
        skip();
    int fd = fcntl(csock_fd(&pairs[0][0]), F_DUPFD_CLOEXEC, 2000);
    struct csock s;
    assert_int_equal(csock_adopt(&s, fd, -1, -1, -1, 0), 0);
    assert_int_equal(csock_send(&pairs[0][1], "x", 1, 0, NULL), 1);
    struct csock_polled one = {.s = &s, .events = POLLIN};
    assert_int_equal(csock_poll(&one, 1, WITHIN(SOON)), 1);
    util_close(&s);
    setrlimit(RLIMIT_NOFILE, &before);
}

static void errors_of_the_system_are_handed_on(void **state)
{
    (void)state;
    fake_fail(FAKE_POLL, 1, ENOMEM);
    assert_int_equal(csock_poll(polled, n, NULL), -ENOMEM);
    assert_int_equal(csock__users(&pairs[0][0]), 0);
}

int main(void)
{
#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        HERE(what_is_ready_is_told),
        HERE(a_deadline_passes),
        HERE(closing_any_of_them_ends_it),
        HERE(one_that_is_closed_already_is_told),
        HERE(the_same_twice),
        HERE(a_signal_before_the_system_call_is_repeated),
        HERE(signals_go_by_or_stop_it),
        HERE(its_callback_may_close_one_of_them),
        HERE(a_handler_in_its_thread_may_close_one),
        HERE(or_one_of_very_many),
        HERE(a_fork_in_a_handler),
        HERE(each_is_woken_for_its_own),
        HERE(those_that_do_not_leave_are_in_nobodys_way),
        HERE(closing_another_socket_does_not_end_it),
        HERE(many_take_memory),
        HERE(descriptors_above_1024),
        HERE(errors_of_the_system_are_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
