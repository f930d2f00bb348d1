/* The wake-up signal: whom it reaches. */
#include "util.h"

#include "call/wake.h"

static struct csock s[2];

static int setup(void **state)
{
    util_setup(state);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    return 0;
}

static int teardown(void **state)
{
    csock_close(&s[0]);
    csock_close(&s[1]);
    return util_teardown(state);
}

static void threads_that_mask_all_signals_are_woken(void **state)
{
    struct util_call calls[2] = {{.run = util_recv_masked, .s = &s[0]},
                                 {.run = util_recv_masked, .s = &s[0], .w = WITHIN(60000 * MS)}};
    (void)state;
    util_start_asleep(&calls[0]);
    util_start_asleep(&calls[1]);
    util_close(&s[0]);
    assert_int_equal(util_join(&calls[0]), CSOCK_ECLOSED);
    assert_int_equal(util_join(&calls[1]), CSOCK_ECLOSED);
}

static int resumed;

static void on_resume(void *arg)
{
    (void)arg;
    resumed++;
}

/* Only the first sleep of a thread needs memory, and only if no thread before it left a record. */
static int no_memory(void *arg)
{
    struct csock_wait forever = {.resume = on_resume}, timed = {.resume = on_resume};
    char byte;
    (void)arg;
    timed.deadline = csock_deadline(1000 * MS);
    fake_fail(FAKE_ALLOC, FAKE_EVERY, ENOMEM);
    if (csock_recv(&s[0], &byte, 1, 0, &forever) != -ENOMEM || resumed != 1)
        return __LINE__;
    if (csock_recv(&s[0], &byte, 1, 0, &timed) != -ENOMEM || resumed != 2)
        return __LINE__;
    fake_fail(FAKE_CONNECT, FAKE_EVERY, EAGAIN); /* a nap between tries */
    if (csock_connect(&s[0], &(union csock_addr){0}.any, 2, &timed) != -ENOMEM || resumed != 3)
        return __LINE__;
    if (csock_send(&s[1], "x", 1, 0, NULL) != 1)
        return __LINE__;
    return csock_recv(&s[0], &byte, 1, 0, NULL) == 1 ? 0 : __LINE__; /* no sleep, no memory */
}

static void without_memory_for_its_record_a_call_fails(void **state)
{
    (void)state;
    util_in_child(no_memory, NULL);
}

static void records_of_ended_threads_are_used_again(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct util_call call = {.run = util_recv, .s = &s[0], .w = WITHIN(MS / 10)};
        util_start(&call);
        assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    }
    assert_in_range(fake_calls(FAKE_ALLOC), 0, 1);
}

static void without_signal_masks_waiting_still_works(void **state)
{
    char byte;
    (void)state;
    fake_fail(FAKE_THREAD_MASK, FAKE_EVERY, EINVAL);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 1); /* nothing to restore */
}

/* One look at the mask is believed for 10 ms. */
static void a_look_at_the_mask_serves_several_waits(void **state)
{
    char byte;
    (void)state;
    fake_clock_set(1000000 * MS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 1);
    fake_clock_set(1000010 * MS - 1);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(1)), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 1);
    fake_clock_set(1000010 * MS);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 2);
}

/* Where the mask is in the way each time, whether the signal is still ours is asked as seldom. */
static ssize_t count_searches(struct util_call *call)
{
    static const int at[] = {1, 6, 10, 11, 16, 21}; /* ms, since the machine was started */
    sigset_t all;
    ssize_t searches = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (size_t i = 0; i < COUNT(at); i++) {
        unsigned before = fake_calls(FAKE_SIGACTION);
        fake_clock_set(at[i] * MS);
        if (util_recv(call) != CSOCK_ETIMEOUT)
            return -1;
        searches |= (ssize_t)(fake_calls(FAKE_SIGACTION) > before) << i;
    }
    return searches;
}

static void a_search_for_a_signal_serves_several_waits(void **state)
{
    struct csock_wait w = {.timeout = 1};
    struct util_call call = {.run = count_searches, .s = &s[0], .w = &w};
    (void)state;
    util_start(&call);
    assert_int_equal(util_join(&call), 1 << 0 | 1 << 3 | 1 << 5);
}

/* Neither nobody, nor who is being signalled already. */
static int woken_twice;

static void wake_again(void *arg)
{
    (void)arg;
    woken_twice = csock__wake(&s[0], 99);
}

static void who_needs_no_signal_is_no_failure(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    assert_true(csock__wake(&s[0], 99));
    woken_twice = -1;
    util_start_asleep(&call);
    fake_hook(FAKE_TGKILL, 1, wake_again, NULL);
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(woken_twice, true);
}

/* A mask that lets nothing through is looked at each time, and comes back each time. */
static ssize_t wait_masked_twice(struct util_call *call)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < 2; i++)
        if (util_recv(call) != CSOCK_ETIMEOUT)
            return -1;
    return 0;
}

static void a_mask_in_the_way_is_looked_at_each_time(void **state)
{
    struct util_call call = {.run = wait_masked_twice,
                             .s = &s[0],
                             .w = &(struct csock_wait){.deadline = CSOCK_FOREVER, .timeout = MS}};
    (void)state;
    util_start(&call);
    assert_int_equal(util_join(&call), 0);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 4);
}

/* Masked since the look: no signal arrives, and close() cuts the connection off in the end. */
static ssize_t mask_after_a_wait(struct util_call *call)
{
    char byte;
    sigset_t all;
    if (csock_recv(call->s, &byte, 1, 0, WITHIN(MS / 10)) != CSOCK_ETIMEOUT)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return util_recv(call);
}

static void who_masks_signals_after_the_look_is_cut_off(void **state)
{
    struct util_call call = {.run = mask_after_a_wait, .s = &s[0]};
    (void)state;
    fake_clock_set(2000000 * MS);
    util_start_asleep(&call);
    assert_int_equal(fake_calls(FAKE_THREAD_MASK), 1);
    assert_in_range(csock_close_within(&s[0], 150 * MS), 0, 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(fake_calls(FAKE_SHUTDOWN), 1);
}

/* A thread that was signalled just now, and has not had a processor since, masks nothing: whoever
 * else holds the connection keeps it. */
static int signal_later(pid_t tid, int sig)
{
    (void)tid, (void)sig;
    return 0;
}

static void without_patience_nobody_is_taken_for_masked(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_start_asleep(&call);
    fake_under()->tgkill = signal_later;
    assert_int_equal(csock_close_within(&s[0], 0), 1);
    assert_int_equal(fake_calls(FAKE_SHUTDOWN), 0);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
    assert_true(csock_idle(&s[0]));
}

static int stand_still(struct timespec *ret_now)
{
    *ret_now = (struct timespec){.tv_sec = 1};
    return 0;
}

/* A handler may mask what it likes, whatever its thread had found just before. */
static void wait_in_handler(int sig)
{
    char byte;
    (void)sig;
    csock_recv(&s[0], &byte, 1, 0, WITHIN(60000 * MS));
}

static void a_wait_in_a_handler_looks_for_itself(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[1]};
    struct sigaction act = {.sa_handler = wait_in_handler};
    (void)state;
    sigfillset(&act.sa_mask);
    sigaction(SIGUSR1, &act, NULL);
    fake_under()->coarse_clock = stand_still;
    util_start_asleep(&call);
    util_signal_call(&call, SIGUSR1);
    while (fake_calls(FAKE_POLL) == 0)
        util_sleep(MS);
    int64_t start = csock_now();
    util_close(&s[0]);
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_int_equal(util_join(&call), 0); /* its peer has gone */
}

/* The call ends by itself just when the closer has chosen its thread: the thread stays in the
 * library until the signal has come, and takes it there. */
static struct util_call late;
static int ended_early;

static void let_it_end(void *arg)
{
    (void)arg;
    (void)!write(csock_fd(&s[1]), "x", 1);
    util_sleep(20 * MS);
    ended_early = atomic_load(&late.tid) == -1;
}

static void a_signal_on_its_way_is_waited_for(void **state)
{
    (void)state;
    late = (struct util_call){.run = util_recv_masked, .s = &s[0]};
    fake_hook(FAKE_TGKILL, 1, let_it_end, NULL);
    util_start_asleep(&late);
    util_close(&s[0]);
    assert_int_equal(util_join(&late), 1); /* what came in time is not lost */
    assert_false(ended_early);
    assert_true(fake_calls(FAKE_YIELD) > 0);
}

/* The same where pthread_cancel(3) ends the thread in its sleep, in between. */
static void cancel_it(void *arg)
{
    (void)arg;
    pthread_cancel(late.thread);
    util_sleep(50 * MS);
    ended_early = pthread_tryjoin_np(late.thread, NULL) == 0;
}

static void a_cancelled_thread_waits_for_a_signal_on_its_way(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__ /* which does not understand pthread_cancel(3) */
    skip();
#endif
    late = (struct util_call){.run = util_recv, .s = &s[0]};
    fake_hook(FAKE_TGKILL, 1, cancel_it, NULL);
    util_start_asleep(&late);
    util_close(&s[0]); /* its call has ended with it */
    assert_false(ended_early);
    util_join(&late);
}

int main(void)
{
#define IN_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        IN_PAIR(without_memory_for_its_record_a_call_fails),
        IN_PAIR(threads_that_mask_all_signals_are_woken),
        IN_PAIR(records_of_ended_threads_are_used_again),
        IN_PAIR(without_signal_masks_waiting_still_works),
        IN_PAIR(a_look_at_the_mask_serves_several_waits),
        IN_PAIR(a_search_for_a_signal_serves_several_waits),
        IN_PAIR(who_needs_no_signal_is_no_failure),
        IN_PAIR(a_mask_in_the_way_is_looked_at_each_time),
        IN_PAIR(who_masks_signals_after_the_look_is_cut_off),
        IN_PAIR(without_patience_nobody_is_taken_for_masked),
        IN_PAIR(a_wait_in_a_handler_looks_for_itself),
        IN_PAIR(a_signal_on_its_way_is_waited_for),
        IN_PAIR(a_cancelled_thread_waits_for_a_signal_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
