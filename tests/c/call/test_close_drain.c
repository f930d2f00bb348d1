/* How a closer waits for others: how often it looks, how long it naps, when it gives up. By calls
 * that stand inside without a thread that sleeps, on a clock that moves with the naps alone. */
#include "util.h"

#include <sched.h>

#include "call/users.h"
#include "call/wake.h"

static struct csock s[2];

/* Another thread, inside and not asleep: it looks like one in a signal handler. */
static struct util_call other;
static atomic_bool is_inside, may_leave;

static ssize_t stay(struct util_call *call)
{
    struct csock__call inside;
    int r = csock__enter(&inside, call->s);
    atomic_store(&is_inside, true);
    while (!atomic_load(&may_leave))
        sched_yield();
    csock__leave(&inside);
    return r;
}

static void start_with_another_inside(void)
{
    other = (struct util_call){.run = stay, .s = &s[0]};
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start(&other);
    while (!atomic_load(&is_inside))
        sched_yield();
    util_note_naps();
}

/* It closes the descriptor: whose number it is no longer, but that of the placeholder. */
static void end_with_another_inside(int fd)
{
    assert_true(util_fd_is_open(fd));
    atomic_store(&may_leave, true);
    assert_int_equal(util_join(&other), 0);
    assert_false(util_fd_is_open(fd));
    assert_true(csock_idle(&s[0]));
    util_close(&s[1]);
}

/* Patience begins after the first nap, and is over in the very nanosecond; then all are signalled
 * once more. */
static void naps_double_up_to_a_millisecond(void **state)
{
    static const int expected[] = {20, 40, 80, 160, 320, 640, 1000, 1000, 1000}; /* us */
    (void)state;
    start_with_another_inside();
    int fd = csock_fd(&s[0]);
    assert_int_equal(csock_close_within(&s[0], 3240000), 1);
    util_assert_naps(expected, COUNT(expected));
    assert_int_equal(fake_calls(FAKE_YIELD), 20 * COUNT(expected)); /* before each of them */
    end_with_another_inside(fd);
}

/* The closer's looks end as soon as all have left. */
static struct util_call sleeper;
static pthread_t closer;
static int naps_of_closer;

static int note_whose_nap(const struct timespec *span)
{
    naps_of_closer += pthread_equal(pthread_self(), closer) != 0;
    return csock__sys_linux.nanosleep(span);
}

static void let_it_leave(void *arg)
{
    (void)arg;
    if (pthread_equal(pthread_self(), closer))
        for (int64_t until = csock_now() + SOON;
             atomic_load(&sleeper.tid) != -1 && csock_now() < until;)
            util_sleep(MS / 10);
}

static void who_has_left_costs_no_nap(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    closer = pthread_self();
    sleeper = (struct util_call){.run = util_recv, .s = &s[0]};
    util_start_asleep(&sleeper);
    fake_under()->nanosleep = note_whose_nap;
    fake_hook(FAKE_YIELD, FAKE_EVERY, let_it_leave, NULL);
    assert_int_equal(csock_close_within(&s[0], 2 * SOON), 0);
    assert_int_equal(util_join(&sleeper), CSOCK_ECLOSED);
    assert_int_equal(naps_of_closer, 0);
    assert_int_equal(fake_calls(FAKE_TGKILL), 1);
    util_close(&s[1]);
}

/* A call of the closer's own, under its signal handler, say: nobody is waited for, and whoever else
 * has the connection keeps it. */
static void its_own_call_costs_nothing(void **state)
{
    struct csock__call call;
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]), copy = dup(fd);
    assert_int_equal(csock__enter(&call, &s[0]), 0);
    assert_int_equal(csock_close(&s[0]), 1);
    assert_int_equal(fake_calls(FAKE_CLOCK) + fake_calls(FAKE_YIELD), 0);
    assert_int_equal(fake_calls(FAKE_SHUTDOWN), 0);
    assert_int_equal(fake_calls(FAKE_PUT_PLACEHOLDER), 1);
    csock__leave(&call);
    assert_false(util_fd_is_open(fd));
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NOWAIT), -EAGAIN);
    close(copy);
    util_close(&s[1]);
}

static int signal_nobody(pid_t tid, int sig)
{
    (void)tid, (void)sig;
    return 0;
}

/* Who was signalled for a tenth of a second, and sleeps on, has masked the signal. */
static void who_sleeps_on_is_cut_off_after_a_tenth_of_a_second(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        sleeper = (struct util_call){.run = util_recv, .s = &s[0]};
        util_start_asleep(&sleeper);
        util_note_naps();
        fake_under()->tgkill = signal_nobody;
        unsigned shut = fake_calls(FAKE_SHUTDOWN);
        assert_in_range(csock_close_within(&s[0], 100 * MS - before), before, 1);
        assert_int_equal(fake_calls(FAKE_SHUTDOWN), shut + !before);
        if (before)
            assert_false(csock__someone_sleeps(&s[0])); /* nobody looks for it any more */
        if (before)
            assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
        assert_int_equal(util_join(&sleeper), before ? 1 : CSOCK_ECLOSED);
        util_close(&s[1]);
    }
}

/* It may have entered the kernel just before the number came to stand for nothing. */
static bool cut_off;

static int signal_when_cut_off(pid_t tid, int sig)
{
    return cut_off ? csock__sys_linux.tgkill(tid, sig) : 0;
}

static void now_it_is_cut_off(void *arg)
{
    (void)arg;
    cut_off = true;
}

static void who_is_cut_off_is_signalled_once_more(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    sleeper = (struct util_call){.run = util_recv, .s = &s[0]};
    cut_off = false;
    fake_under()->tgkill = signal_when_cut_off;
    fake_hook(FAKE_PUT_PLACEHOLDER, 1, now_it_is_cut_off, NULL);
    util_start_asleep(&sleeper);
    assert_in_range(csock_close_within(&s[0], 0), 0, 1);
    assert_int_equal(util_join(&sleeper), CSOCK_ECLOSED);
    assert_int_equal(fake_calls(FAKE_SHUTDOWN), 0);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(naps_double_up_to_a_millisecond),
        TEST(who_has_left_costs_no_nap),
        TEST(who_is_cut_off_is_signalled_once_more),
        TEST(its_own_call_costs_nothing),
        TEST(who_sleeps_on_is_cut_off_after_a_tenth_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
