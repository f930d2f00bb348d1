/* The two waits: deadlines, signals while waiting, and what surrounds a sleep. */
#include "util.h"

#include <limits.h>

static struct csock s[2];
static char buf[64];

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

static void write_byte(void *arg)
{
    struct csock *to = arg;
    (void)!write(csock_fd(to), "x", 1);
}

/* Each EINTR takes 10 ms of a scripted clock; the deadline stays where it was. */
static void pass_10_ms(void *arg)
{
    (void)arg;
    fake_clock_add(10 * MS);
}

static void a_signal_storm_does_not_extend_a_deadline(void **state)
{
    atomic_int storms = 0;
    (void)state;
    fake_clock_set(1000 * MS);
    fake_hook(FAKE_POLL, FAKE_EVERY, pass_10_ms, NULL);
    fake_fail(FAKE_POLL, FAKE_EVERY, EINTR);
    struct csock_wait w = {
        .deadline = csock_deadline(95 * MS), .interrupted = util_count_interrupted, .arg = &storms};
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_POLL), 10);
    assert_int_equal(storms, 10);
    assert_true(csock_now() == 1100 * MS);
}

static void a_signal_storm_loses_no_data(void **state)
{
    (void)state;
    fake_clock_set(1000 * MS);
    for (unsigned nth = 1; nth <= 5; nth++) {
        fake_fail(FAKE_RECV, nth, EINTR);
        fake_fail(FAKE_POLL, nth, EINTR);
    }
    fake_hook(FAKE_POLL, 4, write_byte, &s[1]);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), 1);
    assert_int_equal(buf[0], 'x');
    assert_int_equal(fake_calls(FAKE_RECV), 7);
    assert_int_equal(fake_calls(FAKE_POLL), 6);
}

static void real_signals_do_not_extend_a_deadline(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0], .w = WITHIN(500 * MS)};
    (void)state;
    util_count_signal(SIGUSR1);
    int64_t start = csock_now();
    util_start(&call);
    while (csock_now() - start < 150 * MS) {
        util_signal_call(&call, SIGUSR1);
        util_sleep(MS);
    }
    assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    assert_in_range(call.ended - start, 490 * MS, SOON);
    assert_in_range(util_signals, 2, 200);
}

/* poll counts milliseconds: rounded down, it would give up early and spin through the last one. */
static void a_deadline_is_not_early_and_does_not_spin(void **state)
{
    (void)state;
    fake_clock_set(1000 * MS);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS + 1)), CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_POLL), 1);
    assert_true(csock_now() == 1002 * MS);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(7 * MS)), CSOCK_ETIMEOUT);
    assert_true(csock_now() == 1009 * MS);
}

static int polled_for[2];

static int note_timeout(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    polled_for[0] = polled_for[1];
    polled_for[1] = timeout_ms;
    if (polled_for[0] != 0) /* the second */
        write_byte(&s[1]);
    return csock__sys_linux.poll(fds, n, 0);
}

static void a_huge_deadline_does_not_overflow(void **state)
{
    (void)state;
    memset(polled_for, 0, sizeof polled_for);
    fake_under()->poll = note_timeout;
    struct csock_wait w = {.deadline = INT64_MAX};
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1);
    assert_int_equal(polled_for[0], INT_MAX); /* in parts of 24 days */
    assert_int_equal(polled_for[1], INT_MAX);
    w = (struct csock_wait){.timeout = INT64_MAX}; /* for ever, by poll */
    memset(polled_for, 0, sizeof polled_for);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1);
    assert_int_equal(polled_for[1], -1);
}

static void a_timeout_counts_from_the_first_wait(void **state)
{
    struct csock_wait w = {.timeout = 30 * MS};
    (void)state;
    write_byte(&s[1]);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1);
    assert_int_equal(fake_calls(FAKE_CLOCK), 0); /* data was ready: the clock is not read */
    fake_clock_set(1000 * MS);
    fake_fail(FAKE_POLL, 1, EINTR);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), CSOCK_ETIMEOUT);
    assert_true(csock_now() == 1030 * MS);
}

/* What is left of a time that is over: a program counts it itself, and comes below 0. */
static void a_negative_timeout_has_passed(void **state)
{
    static const int64_t over[] = {-1, -5 * MS, INT64_MIN + 1, INT64_MIN};
    struct csock conn;
    (void)state;
    for (size_t i = 0; i < COUNT(over); i++) {
        struct csock_wait w = {.timeout = over[i]};
        assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), CSOCK_ETIMEOUT);
        assert_int_equal(csock_ready(&s[0], POLLIN, &w), CSOCK_ETIMEOUT);
        write_byte(&s[1]);
        assert_int_equal(csock_ready(&s[0], POLLIN, &w), POLLIN);
        assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1); /* what is there is taken */
    }
    struct csock_wait w = {.timeout = -1};
    union csock_addr addr;
    socklen_t len;
    util_listener(&conn, AF_INET, 1, &addr, &len);
    assert_int_equal(csock_accept(&conn, &s[0], NULL, NULL, &w), CSOCK_ETIMEOUT);
    util_close(&conn);
}

static void nowait_makes_one_try(void **state)
{
    (void)state;
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, NOWAIT), -EAGAIN);
    assert_int_equal(fake_calls(FAKE_RECV), 1);
    assert_int_equal(fake_calls(FAKE_POLL), 0);
    assert_int_equal(csock_ready(&s[0], POLLIN, NOWAIT), CSOCK_ETIMEOUT);
    write_byte(&s[1]);
    assert_int_equal(csock_ready(&s[0], POLLIN, NOWAIT), POLLIN);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, NOWAIT), 1);
    assert_int_equal(fake_calls(FAKE_SET_NONBLOCK), 0);
}

static void ready_waits_for_ever_too(void **state)
{
    struct util_call call = {.run = util_pollin, .s = &s[0]};
    (void)state;
    util_start_asleep(&call);
    write_byte(&s[1]);
    assert_int_equal(util_join(&call), POLLIN);
    assert_int_equal(csock_ready(&s[0], POLLIN | POLLOUT, NULL), POLLIN | POLLOUT);
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

static void interrupted_ends_the_call_wherever_the_signal_came(void **state)
{
    static const struct csock_wait forever = {.interrupted = stop};
    struct csock_wait timed = {.deadline = csock_deadline(5000 * MS), .interrupted = stop};
    (void)state;
    fake_fail(FAKE_RECV, 1, EINTR); /* in the try */
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &forever), CSOCK_EINTERRUPTED);
    fake_fail(FAKE_RECV, 2, EINTR); /* in the blocking call */
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &forever), CSOCK_EINTERRUPTED);
    fake_fail(FAKE_POLL, 1, EINTR); /* in poll */
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &timed), CSOCK_EINTERRUPTED);
    assert_int_equal(csock_ready(&s[0], POLLOUT, &timed), POLLOUT);
    fake_hook(FAKE_POLL, 1, write_byte, &s[1]);
    fake_fail(FAKE_RECV, 2, EINTR); /* in the try after poll: the byte stays where it is */
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &timed), CSOCK_EINTERRUPTED);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &timed), 1);
}

static void a_failing_poll_is_reported(void **state)
{
    (void)state;
    fake_fail(FAKE_POLL, 1, ENOMEM);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), -ENOMEM);
    write_byte(&s[1]);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), 1);
}

/* pause and resume pair up, never nest, and interrupted runs outside of them. */
static int depth, sleeps, wrong;

static void on_pause(void *arg)
{
    (void)arg;
    sleeps++;
    wrong += depth++ != 0;
}

static void on_resume(void *arg)
{
    (void)arg;
    wrong += --depth != 0;
}

static int on_interrupted(void *arg)
{
    (void)arg;
    wrong += depth != 0;
    return 0;
}

static void pause_and_resume_surround_every_sleep(void **state)
{
    struct csock_wait w = {.pause = on_pause, .resume = on_resume, .interrupted = on_interrupted};
    (void)state;
    depth = sleeps = wrong = 0;
    write_byte(&s[1]);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1);
    assert_int_equal(sleeps, 0); /* ready: nothing to drop a lock for */
    fake_fail(FAKE_RECV, 2, EINTR);
    fake_hook(FAKE_RECV, 3, write_byte, &s[1]);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), 1);
    assert_int_equal(sleeps, 2);
    w.deadline = csock_deadline(5 * MS);
    fake_fail(FAKE_POLL, 1, EINTR);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, &w), CSOCK_ETIMEOUT);
    assert_true(sleeps >= 4);
    assert_int_equal(depth, 0);
    assert_int_equal(wrong, 0);
}

int main(void)
{
#define IN_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        IN_PAIR(a_signal_storm_does_not_extend_a_deadline),
        IN_PAIR(a_signal_storm_loses_no_data),
        IN_PAIR(real_signals_do_not_extend_a_deadline),
        IN_PAIR(a_deadline_is_not_early_and_does_not_spin),
        IN_PAIR(a_huge_deadline_does_not_overflow),
        IN_PAIR(a_timeout_counts_from_the_first_wait),
        IN_PAIR(a_negative_timeout_has_passed),
        IN_PAIR(nowait_makes_one_try),
        IN_PAIR(ready_waits_for_ever_too),
        IN_PAIR(interrupted_ends_the_call_wherever_the_signal_came),
        IN_PAIR(a_failing_poll_is_reported),
        IN_PAIR(pause_and_resume_surround_every_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
