/* Calls that a child goes on with, because it was forked in a signal handler above them. The kernel
 * may restart their system call, so that nothing of the library runs until they end. */
#include "util.h"

#include <sys/wait.h>

#include "call/thread.h"

#define ENDED 7

static struct csock inside[2], other[2];
static atomic_int child;
static pid_t (*fork_somehow)(void);
static void (*begin_in_child)(void);
static atomic_int closed_with;

/* As by a handler that uses _Fork(3), which is async-signal-safe, and csock before any thread. */
static pid_t fork_unheard(void)
{
    pid_t pid = _Fork();
    if (pid == 0)
        csock_forks();
    return pid;
}

static void fork_in_handler(int sig)
{
    (void)sig;
    child = fork_somehow();
    if (child == 0) {
        alarm(20);
        begin_in_child();
    }
}

static void *close_soon(void *arg)
{
    util_sleep(100 * MS);
    atomic_store(&closed_with, csock_close(&inside[0]));
    return arg;
}

static void close_by_thread(void)
{
    pthread_t closer;
    atomic_store(&closed_with, -1);
    pthread_create(&closer, NULL, close_soon, NULL);
}

static void close_here(void)
{
    atomic_store(&closed_with, csock_close(&inside[0]) == 1 ? 0 : -1);
}

static int end_of_closed_call(ssize_t r)
{
    for (int64_t until = csock_now() + SOON; closed_with == -1 && csock_now() < until;)
        util_sleep(MS);
    if (r != CSOCK_ECLOSED || closed_with != 0 || csock_fd(&inside[0]) != -1)
        return 1;
    return csock_idle(&inside[0]) ? ENDED : 2;
}

static ssize_t recv_in_both(struct util_call *call)
{
    ssize_t r = util_recv(call);
    if (child == 0)
        util_exit(end_of_closed_call(r));
    return r;
}

static void expect_end_of_child(void)
{
    int status;
    while (child == -1)
        util_sleep(MS);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ENDED);
}

static void start_and_fork(struct util_call *call)
{
    child = -1;
    util_pair(inside, AF_UNIX, SOCK_STREAM);
    util_start_asleep(call);
    util_signal_call(call, SIGUSR1);
    expect_end_of_child();
}

static void closing_ends_the_call_in_the_child(void)
{
    struct util_call calls[] = {{.run = recv_in_both, .s = &inside[0]},
                                {.run = recv_in_both, .s = &inside[0], .w = WITHIN(60000 * MS)}};
    for (size_t i = 0; i < COUNT(calls); i++) {
        start_and_fork(&calls[i]);
        util_await_sleep(&calls[i]); /* the parent's goes on */
        assert_int_equal(csock_send(&inside[1], "x", 1, 0, NULL), 1);
        assert_int_equal(util_join(&calls[i]), 1);
        util_close(&inside[0]);
        util_close(&inside[1]);
    }
}

static void a_child_closes_the_call_that_goes_on_in_it(void **state)
{
    static pid_t (*const forks[])(void) = {fork, fork_unheard};
    static void (*const begins[])(void) = {close_by_thread, close_here};
    (void)state;
    for (size_t i = 0; i < COUNT(forks); i++) {
        fork_somehow = forks[i];
        if (fork_somehow != fork)
            util_needs_wiped_memory();
        for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART)
            for (size_t j = 0; j < COUNT(begins); j++) {
                util_handle(SIGUSR1, fork_in_handler, flags);
                begin_in_child = begins[j];
                closing_ends_the_call_in_the_child();
            }
    }
}

/* ---- what ends by itself in the child, and in the parent: a byte for each */

static void *send_soon(void *arg)
{
    util_sleep(100 * MS);
    csock_send(&inside[1], "xy", 2, 0, NULL);
    return arg;
}

static void send_by_thread(void)
{
    pthread_t sender;
    pthread_create(&sender, NULL, send_soon, NULL);
}

/* Counted once, and not any more. */
static ssize_t recv_and_close_in_child(struct util_call *call)
{
    ssize_t r = util_recv(call);
    if (child == 0) {
        int64_t start = csock_now();
        int closed = csock_close(&inside[0]);
        bool at_once = csock_now() - start < PROMPT;
        util_exit(r == 1 && closed == 0 && at_once && csock_idle(&inside[0]) ? ENDED : 1);
    }
    return r;
}

static void the_call_is_counted_once_in_the_child(void **state)
{
    static pid_t (*const forks[])(void) = {fork, fork_unheard, _Fork};
    (void)state;
    begin_in_child = send_by_thread;
    for (size_t i = 0; i < COUNT(forks); i++) {
        fork_somehow = forks[i];
        if (fork_somehow != fork)
            util_needs_wiped_memory();
        for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
            struct util_call call = {.run = recv_and_close_in_child, .s = &inside[0]};
            util_handle(SIGUSR1, fork_in_handler, flags);
            start_and_fork(&call);
            assert_int_equal(util_join(&call), 1);
            util_close(&inside[0]);
            util_close(&inside[1]);
        }
    }
}

/* ---- the record of the thread that goes on */

static struct util_call other_call = {.run = util_recv, .s = &other[0]};

static void wait_elsewhere_by_thread(void)
{
    util_start_asleep(&other_call);
    send_by_thread();
}

static ssize_t recv_and_close_other(struct util_call *call)
{
    ssize_t r = util_recv(call);
    if (child == 0) {
        int64_t start = csock_now();
        int closed = csock_close(&other[0]);
        if (r != 1 || closed != 0 || csock_now() - start > PROMPT)
            util_exit(1);
        util_exit(util_join(&other_call) == CSOCK_ECLOSED ? ENDED : 2);
    }
    return r;
}

/* After _Fork(3) a new thread may be the first to use csock, and take the record of the thread that
 * forked. */
static void a_call_that_goes_on_leaves_the_records_of_others_alone(void **state)
{
    struct util_call call = {.run = recv_and_close_other, .s = &inside[0]};
    (void)state;
    util_needs_wiped_memory();
    fork_somehow = _Fork;
    begin_in_child = wait_elsewhere_by_thread;
    util_handle(SIGUSR1, fork_in_handler, SA_RESTART);
    util_pair(other, AF_UNIX, SOCK_STREAM);
    start_and_fork(&call);
    assert_int_equal(util_join(&call), 1);
    util_close(&inside[0]);
    util_close(&inside[1]);
    util_close(&other[0]);
    util_close(&other[1]);
}

/* The same record, and the same socket: on that, too, the new thread sleeps on. */
static struct util_call beside;

static ssize_t wait_for_urgent_data(struct util_call *call)
{
    return csock_ready(call->s, POLLPRI, NULL);
}

static void wait_here_by_thread(void)
{
    beside = (struct util_call){.run = wait_for_urgent_data, .s = &inside[0]};
    util_start_asleep(&beside);
    send_by_thread();
}

static ssize_t recv_and_close_beside(struct util_call *call)
{
    ssize_t r = util_recv(call);
    if (child == 0) {
        if (r != 1 || csock__threads()->next) /* there is but one record */
            util_exit(1);
        if (csock_close_within(&inside[0], 2 * SOON) != 0)
            util_exit(2);
        util_exit(util_join(&beside) == CSOCK_ECLOSED ? ENDED : 3);
    }
    return r;
}

static void a_call_that_goes_on_leaves_others_asleep_on_its_socket(void **state)
{
    struct util_call call = {.run = recv_and_close_beside, .s = &inside[0]};
    (void)state;
    util_needs_wiped_memory();
    fork_somehow = _Fork;
    begin_in_child = wait_here_by_thread;
    util_handle(SIGUSR1, fork_in_handler, SA_RESTART);
    start_and_fork(&call);
    assert_int_equal(util_join(&call), 1);
    util_close(&inside[0]);
    util_close(&inside[1]);
}

/* ---- a call that was left before the fork */

static sigjmp_buf way_out;

static void jump(int sig)
{
    (void)sig;
    siglongjmp(way_out, 1);
}

static void raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

static void *close_now(void *arg)
{
    atomic_store((atomic_int *)arg, csock_close(&inside[0]));
    return NULL;
}

static int close_what_was_left(void *arg)
{
    pthread_t closer;
    atomic_int closed = -1;
    (void)arg;
    pthread_create(&closer, NULL, close_now, &closed);
    pthread_join(closer, NULL);
    return closed == 1 ? 0 : __LINE__;
}

/* Nothing tells it from one that the child goes on with; but the connection is the parent's. */
static void a_child_does_not_shut_down_what_its_parent_uses(void **state)
{
    char byte;
    (void)state;
    util_pair(inside, AF_UNIX, SOCK_STREAM);
    util_handle(SIGUSR1, jump, 0);
    fake_hook(FAKE_RECV, 2, raise_usr1, NULL);
    if (sigsetjmp(way_out, 1) == 0)
        csock_recv(&inside[0], &byte, 1, 0, NULL);
    util_in_child(close_what_was_left, NULL);
    assert_int_equal(csock_send(&inside[0], "x", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&inside[1], &byte, 1, 0, NULL), 1);
    int fd = csock_fd(&inside[0]);
    assert_int_equal(csock_close(&inside[0]), 1);
    assert_int_equal(close(fd), 0);
    util_close(&inside[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_child_closes_the_call_that_goes_on_in_it),
        TEST(the_call_is_counted_once_in_the_child),
        TEST(a_call_that_goes_on_leaves_the_records_of_others_alone),
        TEST(a_call_that_goes_on_leaves_others_asleep_on_its_socket),
        TEST(a_child_does_not_shut_down_what_its_parent_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
