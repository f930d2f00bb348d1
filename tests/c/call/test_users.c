/* The count of the calls inside a socket, and the list of a thread's own; also when signal handlers
 * change it in the middle. */
#include "util.h"

#include <sys/time.h>

#include "call/users.h"

static struct csock s[2];

static void expect_own_calls(const struct csock *of, uint32_t expected)
{
    uint32_t counted = 99, listed = 99;
    csock__own_calls(of, &counted, &listed);
    assert_int_equal(counted, expected);
    assert_int_equal(listed, expected);
}

/* More calls within one another than a thread lists: the newest is listed all the same, and so are
 * all as long as there are few. */
static void the_newest_call_is_always_listed(void **state)
{
    enum { N = 20, FEW = 8 };
    struct csock socks[N];
    struct csock__call calls[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        assert_int_equal(csock_open(&socks[i], AF_UNIX, SOCK_DGRAM, 0, 0), 0);
        expect_own_calls(&socks[i], 0);
        assert_int_equal(csock__enter(&calls[i], &socks[i]), 0);
        for (int k = i < FEW ? 0 : i; k <= i; k++)
            expect_own_calls(&socks[k], 1);
        assert_int_equal(csock__users(&socks[i]), 1);
    }
    for (int i = N - 1; i >= 0; i--) {
        csock__leave(&calls[i]);
        expect_own_calls(&socks[i], 0);
        util_close(&socks[i]);
    }
}

/* A call that has stepped aside is inside, and not present; it is listed nowhere. */
static void who_steps_aside_is_not_present(void **state)
{
    struct csock__call calls[2];
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    for (int i = 0; i < 2; i++)
        assert_int_equal(csock__enter(&calls[i], &s[0]), 0);
    assert_int_equal(csock__present(&s[0]), 2);
    csock__step_aside(&calls[0]);
    assert_int_equal(csock__users(&s[0]), 2);
    assert_int_equal(csock__present(&s[0]), 1);
    expect_own_calls(&s[0], 1);
    csock__step_back(&calls[0]);
    assert_int_equal(csock__present(&s[0]), 2);
    expect_own_calls(&s[0], 2);
    csock__forget_own_calls(&s[0]);
    expect_own_calls(&s[0], 0);
    for (int i = 0; i < 2; i++)
        csock__leave(&calls[i]);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* What is at the same address later has no part in it. */
static void a_call_that_was_left_is_forgotten_with_its_socket(void **state)
{
    struct csock__call left;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    assert_int_equal(csock__enter(&left, &s[0]), 0);
    assert_int_equal(csock_close(&s[0]), 1);
    expect_own_calls(&s[0], 0);
    close(fd); /* nobody else will */
    assert_int_equal(csock_open(&s[0], AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock__enter(&left, &s[0]), 0);
    fd = csock_detach(&s[0]);
    expect_own_calls(&s[0], 0);
    close(fd);
    util_close(&s[1]);
}

/* By its end, too, a thread leaves once for each of its calls, and whoever leaves last closes. */
static void a_call_that_ends_with_its_thread_leaves_once(void **state)
{
    struct csock__call calls[2];
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(csock__enter(&calls[i], &s[0]), 0);
    assert_int_equal(csock__begin_close(&s[0]), 2);
    assert_true(csock__abandon(&s[0]));
    csock__leave_by_end_of_thread(&s[0]);
    assert_int_equal(csock__users(&s[0]), 1);
    assert_true(util_fd_is_open(fd));
    csock__leave_by_end_of_thread(&s[0]);
    assert_false(util_fd_is_open(fd));
    assert_true(csock_idle(&s[0]));
    csock__leave_by_end_of_thread(&s[0]); /* nobody is left */
    assert_true(csock_idle(&s[0]));
    csock__forget_own_calls(&s[0]);
    util_close(&s[1]);
}

/* A child is inside a call of its parent's, and then inside one of its own. The first is counted
 * there once the child comes back to it from a callback, and takes nothing off the count before. */
static struct csock__call before_fork;

static int step_in_child(void *arg)
{
    struct csock__call own;
    bool aside = arg != NULL;
    if (csock__enter(&own, &s[0]) != 0)
        return __LINE__;
    if (!aside)
        csock__step_aside(&before_fork);
    if (csock__users(&s[0]) != 1 || csock__present(&s[0]) != 1)
        return __LINE__;
    csock__step_back(&before_fork);
    if (csock__users(&s[0]) != 2 || csock__present(&s[0]) != 2)
        return __LINE__;
    csock__leave(&own);
    csock__leave(&before_fork);
    return csock__users(&s[0]) == 0 && csock_close(&s[0]) == 0 ? 0 : __LINE__;
}

static int leave_in_child(void *arg)
{
    struct csock__call own;
    (void)arg;
    if (csock__enter(&own, &s[0]) != 0)
        return __LINE__;
    csock__leave(&before_fork);
    if (csock__users(&s[0]) != 1)
        return __LINE__;
    csock__leave(&own);
    return csock__users(&s[0]) == 0 && csock_close(&s[0]) == 0 ? 0 : __LINE__;
}

static void a_child_counts_the_call_that_it_comes_back_to(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock__enter(&before_fork, &s[0]), 0);
    util_in_child(step_in_child, NULL);
    util_in_child(leave_in_child, NULL);
    csock__step_aside(&before_fork);
    util_in_child(step_in_child, s);
    assert_int_equal(csock__present(&s[0]), 0);
    csock__step_back(&before_fork);
    assert_int_equal(csock__present(&s[0]), 1);
    csock__leave(&before_fork);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* ---- handlers that come at any moment, so between the reading of the count and its change, too */

static void (*in_handler)(void);
static atomic_int handled;

static void on_signal(int sig)
{
    (void)sig;
    atomic_fetch_add(&handled, 1);
    in_handler();
}

/* Until 300 signals have come: 30 ms, or a second where they come seldom. */
static void repeat_under_signals(void (*step)(void), void (*handler)(void))
{
    const struct itimerval often = {{.tv_usec = 100}, {.tv_usec = 100}}, never = {0};
    int64_t until = csock_now() + 1000 * MS;
    in_handler = handler;
    atomic_store(&handled, 0);
    util_handle(SIGALRM, on_signal, SA_RESTART);
    setitimer(ITIMER_REAL, &often, NULL);
    while (atomic_load(&handled) < 300 && csock_now() < until)
        for (int i = 0; i < 1000; i++)
            step();
    setitimer(ITIMER_REAL, &never, NULL);
    util_handle(SIGALRM, SIG_IGN, 0);
    util_sleep(MS); /* for one that is on its way */
    util_handle(SIGALRM, SIG_DFL, 0);
    alarm(120); /* that of util_setup */
}

static struct csock__call held[1000];
static atomic_int n_held;

static void enter_and_stay(void)
{
    int n = atomic_load(&n_held);
    if (n < (int)COUNT(held) && csock__enter(&held[n], &s[0]) == 0)
        atomic_store(&n_held, n + 1);
}

static void enter_and_leave(void)
{
    struct csock__call call;
    assert_int_equal(csock__enter(&call, &s[0]), 0);
    csock__leave(&call);
}

static void a_handler_enters_while_its_thread_does(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    atomic_store(&n_held, 0);
    repeat_under_signals(enter_and_leave, enter_and_stay);
    int n = atomic_load(&n_held);
    assert_int_equal(csock__users(&s[0]), n);
    while (n > 0)
        csock__leave(&held[--n]);
    assert_int_equal(csock__users(&s[0]), 0);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* 99 stands for a descriptor here, which nobody uses. */
static void begin_to_close(void)
{
    csock__init(&s[0], 99, AF_UNIX, SOCK_STREAM, 0, 0);
    assert_in_range(csock__begin_close(&s[0]), 0, (int)COUNT(held));
    assert_true(csock__closing(&s[0]));
}

static void a_handler_enters_while_its_thread_closes(void **state)
{
    (void)state;
    atomic_store(&n_held, 0);
    repeat_under_signals(begin_to_close, enter_and_stay);
}

static struct csock__call abandoned;
static atomic_bool may_step, stepped;

static void step_aside_once(void)
{
    if (atomic_exchange(&may_step, false)) {
        csock__step_aside(&abandoned);
        atomic_store(&stepped, true);
    }
}

/* Whoever leaves last closes. */
static void abandon_and_leave(void)
{
    unsigned closed = fake_calls(FAKE_CLOSE);
    csock__init(&s[0], 99, AF_UNIX, SOCK_STREAM, 0, 0);
    assert_int_equal(csock__enter(&abandoned, &s[0]), 0);
    assert_int_equal(csock__begin_close(&s[0]), 1);
    atomic_store(&stepped, false);
    atomic_store(&may_step, true);
    assert_true(csock__abandon(&s[0]));
    atomic_store(&may_step, false);
    if (atomic_load(&stepped))
        csock__step_back(&abandoned);
    csock__leave(&abandoned);
    assert_int_equal(fake_calls(FAKE_CLOSE), closed + 1);
}

static void a_handler_steps_aside_while_a_closer_gives_up(void **state)
{
    (void)state;
    fake_fail(FAKE_CLOSE, FAKE_EVERY, EINTR); /* which is success */
    repeat_under_signals(abandon_and_leave, step_aside_once);
}

/* Storage that is used again is closed until it is whole. */
static struct csock place;
static atomic_int found_unfinished;

static void look_at_place(void)
{
    struct csock__call call;
    if (csock__closing(&place))
        return;
    if (csock_fd(&place) != 99 || csock__enter(&call, &place) != 0) {
        atomic_fetch_add(&found_unfinished, 1);
        return;
    }
    if (csock__users(&place) != 1)
        atomic_fetch_add(&found_unfinished, 1);
    csock__leave(&call);
}

static void renew_and_close(void)
{
    struct csock from;
    csock__init(&from, 99, AF_UNIX, SOCK_STREAM, 0, 0);
    csock__renew(&from, &place);
    assert_int_equal(csock__begin_close(&place), 0);
    assert_int_equal(csock__take_fd(&place), 99);
}

static void a_handler_looks_while_its_thread_renews(void **state)
{
    (void)state;
    atomic_store(&found_unfinished, 0);
    renew_and_close();
    repeat_under_signals(renew_and_close, look_at_place);
    assert_int_equal(found_unfinished, 0);
}

/* The call may be listed and not counted yet, or not any more: it looks like another's, and is
 * waited for, but not for long. */
static int64_t longest;

static void close_patiently(void)
{
    int64_t start = csock_now();
    csock_close_within(&s[0], 2 * SOON);
    int64_t took = csock_now() - start;
    longest = took > longest ? took : longest;
}

static void open_and_use(void)
{
    struct csock__call call;
    csock__init(&s[0], 99, AF_UNIX, SOCK_STREAM, 0, 0);
    if (csock__enter(&call, &s[0]) == 0)
        csock__leave(&call);
}

static void a_handler_closes_while_its_thread_enters_or_leaves(void **state)
{
    (void)state;
    fake_fail(FAKE_CLOSE, FAKE_EVERY, EINTR);
    fake_fail(FAKE_PUT_PLACEHOLDER, FAKE_EVERY, EMFILE);
    fake_fail(FAKE_SHUTDOWN, FAKE_EVERY, ENOTCONN);
    longest = 0;
    repeat_under_signals(open_and_use, close_patiently);
    assert_in_range(longest, 0, SOON);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_newest_call_is_always_listed),
        TEST(who_steps_aside_is_not_present),
        TEST(a_call_that_was_left_is_forgotten_with_its_socket),
        TEST(a_call_that_ends_with_its_thread_leaves_once),
        TEST(a_child_counts_the_call_that_it_comes_back_to),
        TEST(a_handler_enters_while_its_thread_does),
        TEST(a_handler_enters_while_its_thread_closes),
        TEST(a_handler_looks_while_its_thread_renews),
        TEST(a_handler_closes_while_its_thread_enters_or_leaves),
        TEST(a_handler_steps_aside_while_a_closer_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
