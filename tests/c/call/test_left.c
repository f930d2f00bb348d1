/* Calls that never end, and calls that end in another order than they began: siglongjmp(3) out of a
 * signal handler or a callback, and stacks that are switched inside one. What the library keeps of
 * a call must not lie on such a stack. */
#include "util.h"

#include "call/users.h"

#ifdef __GLIBC__
#include <ucontext.h>
#endif

/* More than one thread can list. */
#define OFTEN 20

static struct csock s[2];
static sigjmp_buf way_out;

static int setup(void **state)
{
    util_setup(state);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    return 0;
}

static int teardown(void **state)
{
    csock_close(&s[1]);
    return util_teardown(state);
}

static void jump(int sig)
{
    (void)sig;
    siglongjmp(way_out, 1);
}

static int jump_out_of_callback(void *arg)
{
    (void)arg;
    siglongjmp(way_out, 1);
}

/* Some way down, so that what comes next overwrites its frame. */
static __attribute__((noinline)) void recv_from_deep_below(const struct csock_wait *w)
{
    volatile char deep[2048];
    char byte;
    deep[0] = 1;
    csock_recv(&s[0], &byte, 1, 0, w);
    deep[1] = deep[0];
}

static __attribute__((noinline)) void overwrite_the_stack(void)
{
    volatile char junk[8192];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = 0x41;
    (void)junk[0];
}

static void raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

/* Out of the system call, as far as the call can know: it had announced that it sleeps. */
static void leave_by_handler(void)
{
    util_handle(SIGUSR1, jump, 0);
    fake_hook(FAKE_RECV, 2, raise_usr1, NULL);
    if (sigsetjmp(way_out, 1) == 0)
        recv_from_deep_below(NULL);
    overwrite_the_stack();
}

static void leave_by_callback(void)
{
    fake_fail(FAKE_RECV, 2, EINTR);
    if (sigsetjmp(way_out, 1) == 0)
        recv_from_deep_below(&(struct csock_wait){.interrupted = jump_out_of_callback});
    overwrite_the_stack();
}

/* Waiting in this thread and closing by another, and the other way round, cost what they always
 * do. */
static void others_work_as_ever(void)
{
    struct csock other[2];
    struct util_call call = {.run = util_recv, .s = &other[0]};
    char byte;
    int64_t start = csock_now();
    util_pair(other, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_recv(&other[0], &byte, 1, 0, WITHIN(MS / 10)), CSOCK_ETIMEOUT);
    util_start_asleep(&call);
    util_close(&other[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    util_close(&other[1]);
    assert_in_range(csock_now() - start, 0, PROMPT);
}

/* It has no other way than to let the connection go and to keep the number. */
static void expect_closed_with_its_number_kept(int fd)
{
    char byte;
    assert_false(csock_idle(&s[0]));
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, WITHIN(5000 * MS)), 0);
    assert_int_equal(close(fd), 0);
}

static void its_own_thread_closes_at_once(void (*leave)(void))
{
    int fd = csock_fd(&s[0]);
    for (int i = 0; i < OFTEN; i++) {
        leave();
        others_work_as_ever();
    }
    int64_t start = csock_now();
    assert_int_equal(csock_close(&s[0]), 1);
    assert_in_range(csock_now() - start, 0, leave == leave_by_handler ? SOON : PROMPT);
    expect_closed_with_its_number_kept(fd);
    others_work_as_ever();
}

static void calls_left_from_a_handler(void **state)
{
    (void)state;
    its_own_thread_closes_at_once(leave_by_handler);
}

static void calls_left_from_a_callback(void **state)
{
    (void)state;
    its_own_thread_closes_at_once(leave_by_callback);
}

static void a_call_left_once_costs_its_thread_no_patience(void **state)
{
    (void)state;
    int fd = csock_fd(&s[0]);
    leave_by_handler();
    int64_t start = csock_now();
    assert_int_equal(csock_close(&s[0]), 1);
    assert_in_range(csock_now() - start, 0, PROMPT);
    expect_closed_with_its_number_kept(fd);
}

static void a_moved_socket_leaves_them_behind(void **state)
{
    struct csock moved;
    (void)state;
    leave_by_handler();
    csock_move(&s[0], &moved);
    int fd = csock_detach(&moved);
    assert_true(csock_idle(&moved));
    assert_int_equal(csock_fd_close(fd), 0);
}

/* Leaves a call, and lives on until the second time at the barrier. */
static void *leave_and_move_away(void *barrier)
{
    struct csock moved;
    leave_by_handler();
    csock_move(&s[0], &moved);
    csock_move(&moved, &s[0]);
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    return NULL;
}

/* The thread that left a call takes it along when it ends: not out of the socket that has come to
 * that place since. */
static void who_comes_to_the_old_place_is_not_theirs(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    pthread_barrier_t barrier;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, leave_and_move_away, &barrier), 0);
    pthread_barrier_wait(&barrier);
    util_start_asleep(&call);
    pthread_barrier_wait(&barrier);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(csock__users(&s[0]), 1);
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
}

/* They sleep, but not on this one: nobody is waited for. */
static void sleepers_on_other_sockets_cost_no_patience(void **state)
{
    struct csock other[2];
    struct util_call call = {.run = util_recv, .s = &other[0]};
    (void)state;
    int fd = csock_fd(&s[0]);
    util_pair(other, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    leave_by_handler();
    int64_t start = csock_now();
    assert_int_equal(csock_close_within(&s[0], 2 * SOON), 1);
    assert_in_range(csock_now() - start, 0, SOON);
    assert_int_equal(fake_calls(FAKE_TGKILL), 0);
    expect_closed_with_its_number_kept(fd);
    util_close(&other[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    util_close(&other[1]);
}

static ssize_t close_elsewhere(struct util_call *call)
{
    return csock_close(call->s);
}

/* What is there later at the same address is another socket. */
static void another_thread_closes_what_was_left(void **state)
{
    struct util_call closer = {.run = close_elsewhere, .s = &s[0]};
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    int fd = csock_fd(&s[0]);
    leave_by_handler();
    util_start(&closer);
    assert_int_equal(util_join(&closer), 1);
    expect_closed_with_its_number_kept(fd);
    util_close(&s[1]);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    int64_t start = csock_now();
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(csock_now() - start, 0, PROMPT);
}

/* A closer that a handler jumps out of, between choosing whom to wake and having done so: nobody
 * may be left spinning for it. */
static void a_closer_that_is_left_while_it_wakes(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    int fd = csock_fd(&s[0]);
    util_handle(SIGUSR1, jump, 0);
    util_start_asleep(&call);
    fake_hook(FAKE_TGKILL, 1, raise_usr1, NULL);
    if (sigsetjmp(way_out, 1) == 0)
        csock_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(call.cpu, 0, PROMPT);
    assert_int_equal(close(fd), 0); /* nobody else does */
}

/* ---- stacks that are switched, where libc can: musl cannot */

#ifdef __GLIBC__

static ucontext_t first, second;
static _Alignas(16) char stack_of_second[256 * 1024];
static struct csock at_first[2], at_second[2];
static ssize_t got_second;
static int switches;

static int to_second(void *arg)
{
    (void)arg;
    switches++;
    return swapcontext(&first, &second);
}

static int to_first(void *arg)
{
    (void)arg;
    switches++;
    return swapcontext(&second, &first);
}

static void pause_second(void *arg)
{
    if (switches < 2)
        to_first(arg);
}

static void resume_second(void *arg)
{
    (void)arg;
}

/* Goes away inside its call, by either callback, while the first one, which began before it,
 * ends. */
static void run_second(void)
{
    static const struct csock_wait waits[2] = {{.interrupted = to_first},
                                               {.pause = pause_second, .resume = resume_second}};
    char byte;
    for (int i = 0; i < 2; i++) {
        got_second = csock_recv(&at_second[0], &byte, 1, 0, &waits[i]);
        to_first(NULL);
    }
}

static void end_of_first(bool by_pause)
{
    struct csock_wait w = {.interrupted = to_second};
    struct csock other[2];
    char byte;
    util_pair(at_first, AF_UNIX, SOCK_STREAM);
    util_pair(at_second, AF_UNIX, SOCK_STREAM);
    switches = 0;
    got_second = 99;
    fake_fail(FAKE_RECV, 2, EINTR); /* the first goes to the second ... */
    if (!by_pause)
        fake_fail(FAKE_RECV, 4, EINTR); /* ... and this back to the first */
    assert_int_equal(csock_send(&at_first[1], "x", 1, 0, NULL), 1);
    fake_fail(FAKE_RECV, 1, EAGAIN);
    assert_int_equal(csock_recv(&at_first[0], &byte, 1, 0, &w), 1);
    assert_int_equal(got_second, 99);
    assert_int_equal(switches, 2);
    util_pair(other, AF_UNIX, SOCK_STREAM);
    util_close(&other[0]);
    util_close(&other[1]);
    util_close(&at_first[0]);
    util_close(&at_first[1]);
    assert_int_equal(csock_send(&at_second[1], "x", 1, 0, NULL), 1);
    to_second(NULL); /* it ends */
    assert_int_equal(got_second, 1);
    util_close(&at_second[0]);
    util_close(&at_second[1]);
}

static void stacks_are_switched_inside_callbacks(void **state)
{
    (void)state;
    getcontext(&second);
    second.uc_stack.ss_sp = stack_of_second;
    second.uc_stack.ss_size = sizeof stack_of_second;
    makecontext(&second, run_second, 0);
    end_of_first(false);
    end_of_first(true);
    csock_close(&s[0]);
}

#else

static void stacks_are_switched_inside_callbacks(void **state)
{
    (void)state;
    util_close(&s[0]);
    util_close(&s[1]);
    skip();
}

#endif

int main(void)
{
#define IN_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        IN_PAIR(calls_left_from_a_handler),
        IN_PAIR(calls_left_from_a_callback),
        IN_PAIR(a_call_left_once_costs_its_thread_no_patience),
        IN_PAIR(a_moved_socket_leaves_them_behind),
        IN_PAIR(who_comes_to_the_old_place_is_not_theirs),
        IN_PAIR(sleepers_on_other_sockets_cost_no_patience),
        IN_PAIR(another_thread_closes_what_was_left),
        IN_PAIR(a_closer_that_is_left_while_it_wakes),
        IN_PAIR(stacks_are_switched_inside_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
