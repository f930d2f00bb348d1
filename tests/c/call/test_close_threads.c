/* Closing beside other threads: many of them, and stuck ones. */
#include "util.h"

#define THREADS 1000

/* 1,000 threads on as many sockets as given, some with a deadline and all with every signal masked.
 * Returns how long it took from the first close to the end of the last call. */
static int64_t time_to_wake_all(int n_sockets)
{
    static struct util_call calls[THREADS];
    static struct csock s[THREADS];
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    sigset_t all, before;
    for (int i = 0; i < n_sockets; i++)
        assert_int_equal(csock_open(&s[i], AF_UNIX, SOCK_DGRAM, 0, 0), 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < THREADS; i++) {
        calls[i] = (struct util_call){
            .run = util_recv, .s = &s[i % n_sockets], .w = i % 4 ? NULL : &timed};
        util_start(&calls[i]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < THREADS; i++)
        util_await_sleep(&calls[i]);
    int64_t start = csock_now(), last = start;
    for (int i = 0; i < n_sockets; i++) /* 1: a thread that got no processor for a second */
        assert_in_range(csock_close(&s[i]), 0, 1);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(util_join(&calls[i]), CSOCK_ECLOSED);
        last = calls[i].ended > last ? calls[i].ended : last;
    }
    return last - start;
}

/* One by one, each after the patience of its closer, 200 would take as many seconds. Each close()
 * hears from a thread of its own, which on a busy machine takes a time slice or two. */
static void closing_wakes_a_thousand_threads(void **state)
{
    (void)state;
    for (int n_sockets = 1; n_sockets <= 200; n_sockets += 199) {
        int64_t t = time_to_wake_all(n_sockets);
        print_message("%d threads, %d sockets: %d ms\n", THREADS, n_sockets, (int)(t / MS));
        assert_in_range(t, 0, 6 * SOON);
    }
}

/* A call that is stuck, until let go: in its own callback, or in a signal handler, of which nobody
 * can tell from without. */
static atomic_int is_stuck, let_go;

static void get_stuck(int sig)
{
    (void)sig;
    atomic_store(&is_stuck, 1);
    while (!atomic_load(&let_go))
        util_sleep(MS);
}

static int get_stuck_in_callback(void *arg)
{
    (void)arg;
    get_stuck(0);
    return 0;
}

static const struct csock_wait stuck = {.interrupted = get_stuck_in_callback};

static void start_stuck(struct util_call *call)
{
    atomic_store(&is_stuck, 0);
    atomic_store(&let_go, 0);
    if (call->w == &stuck)
        util_count_signal(SIGUSR1);
    else
        util_handle(SIGUSR1, get_stuck, 0);
    util_start_asleep(call);
    util_signal_call(call, SIGUSR1);
    while (!atomic_load(&is_stuck))
        util_sleep(MS);
}

static void the_last_user_gives_the_number_back(const struct csock_wait *w, int64_t patience)
{
    struct csock s[2], other;
    struct util_call call = {.run = util_recv, .s = &s[0], .w = w};
    char byte;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    start_stuck(&call);
    int64_t start = csock_now();
    assert_int_equal(csock_close_within(&s[0], 30 * MS), 1);
    assert_false(csock_idle(&s[0]));
    assert_in_range(csock_now() - start, patience, PROMPT);
    assert_int_equal(csock_fd(&s[0]), -1);
    assert_true(util_fd_is_open(fd));
    assert_int_equal(csock_open(&other, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_not_equal(csock_fd(&other), fd);
    /* The number stays, the connection does not. */
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, WITHIN(5000 * MS)), 0);
    atomic_store(&let_go, 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_true(csock_idle(&s[0]));
    assert_false(util_fd_is_open(fd));
    util_close(&other);
    util_close(&s[1]);
}

static void the_last_user_out_of_a_handler_gives_the_number_back(void **state)
{
    (void)state;
    the_last_user_gives_the_number_back(NULL, 30 * MS);
}

static void the_last_user_out_of_its_callback_gives_the_number_back(void **state)
{
    (void)state;
    the_last_user_gives_the_number_back(&stuck, 0);
}

static void *close_all_of_it(void *arg)
{
    return (void *)(intptr_t)csock_close(arg);
}

/* As where a callback ends a program in order, and waits for the threads that do it. */
static int join_the_closer(void *s)
{
    pthread_t closer;
    void *closed;
    if (pthread_create(&closer, NULL, close_all_of_it, s) != 0 || pthread_join(closer, &closed))
        return -1;
    return (intptr_t)closed != 1;
}

static void a_callback_waits_for_whoever_closes_its_socket(void **state)
{
    struct csock s[2];
    struct csock_wait w = {.interrupted = join_the_closer, .arg = &s[0]};
    struct util_call call = {.run = util_recv, .s = &s[0], .w = &w};
    (void)state;
    util_count_signal(SIGUSR1);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    util_start_asleep(&call);
    int64_t start = csock_now();
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(call.ended - start, 0, PROMPT);
    assert_false(util_fd_is_open(fd));
    util_close(&s[1]);
}

static void detaching_waits_for_no_callback(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0], .w = &stuck};
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    start_stuck(&call);
    int64_t start = csock_now();
    int fd = csock_detach(&s[0]);
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_false(csock_idle(&s[0]));
    atomic_store(&let_go, 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_true(csock_idle(&s[0]));
    assert_int_equal(close(fd), 0); /* it was left open */
    util_close(&s[1]);
}

static void without_a_spare_descriptor_the_last_user_closes(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0], .w = &stuck};
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    start_stuck(&call);
    fake_fail(FAKE_PUT_PLACEHOLDER, 1, EMFILE);
    assert_int_equal(csock_close_within(&s[0], 0), 1);
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NOWAIT), -EAGAIN);
    atomic_store(&let_go, 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NULL), 0);
    util_close(&s[1]);
}

static void close_is_patient_for_about_a_second(void **state)
{
    struct csock s[2];
    struct util_call calls[2] = {{.run = util_recv, .s = &s[0]}, {.run = util_recv, .s = &s[0]}};
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    start_stuck(&calls[0]);
    util_start_asleep(&calls[1]);
    int64_t start = csock_now();
    assert_int_equal(csock_close(&s[0]), 1);
    assert_in_range(csock_now() - start, 1000 * MS, SOON);
    assert_int_equal(util_join(&calls[1]), CSOCK_ECLOSED);
    assert_in_range(calls[1].ended - start, 0, PROMPT); /* the stuck one does not hold it up */
    assert_true(util_fd_is_open(fd));
    atomic_store(&let_go, 1);
    assert_int_equal(util_join(&calls[0]), CSOCK_ECLOSED);
    assert_false(util_fd_is_open(fd));
    util_close(&s[1]);
}

static void only_one_of_two_closers_succeeds(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0], .w = &stuck};
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    start_stuck(&call);
    assert_int_equal(csock_close_within(&s[0], 0), 1);
    assert_int_equal(csock_close(&s[0]), -EBADF);
    assert_int_equal(csock_detach(&s[0]), -EBADF);
    atomic_store(&let_go, 1);
    util_join(&call);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(closing_wakes_a_thousand_threads),
        TEST(the_last_user_out_of_a_handler_gives_the_number_back),
        TEST(the_last_user_out_of_its_callback_gives_the_number_back),
        TEST(a_callback_waits_for_whoever_closes_its_socket),
        TEST(detaching_waits_for_no_callback),
        TEST(without_a_spare_descriptor_the_last_user_closes),
        TEST(close_is_patient_for_about_a_second),
        TEST(only_one_of_two_closers_succeeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
