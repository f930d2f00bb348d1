/* Closing from a signal handler, mostly that of the thread which is itself inside. */
#include "util.h"

static struct csock *to_close;
static atomic_int closed_with; /* what csock_close returned in the handler */

static void close_it(int sig)
{
    (void)sig;
    atomic_store(&closed_with, csock_close(to_close));
}

/* Blocked by then, or not yet: in the latter case there may be nothing more to close. */
static bool is_closed(ssize_t r)
{
    return r == CSOCK_ECLOSED || r == -EBADF;
}

static ssize_t do_connect(struct util_call *call)
{
    const union csock_addr *addr = call->arg;
    /* AF_UNIX: a NUL and five digits, the names that the kernel chooses. unix(7) */
    socklen_t len = addr->any.sa_family == AF_UNIX ? sizeof(sa_family_t) + 6 : sizeof addr->in;
    return csock_connect(call->s, &addr->any, len, call->w);
}

static void expect_closed_by_own_handler(struct util_call *call)
{
    int fd = csock_fd(call->s);
    to_close = call->s;
    atomic_store(&closed_with, -1);
    util_start_asleep(call);
    util_signal_call(call, SIGUSR1);
    assert_int_equal(util_join(call), CSOCK_ECLOSED);
    assert_int_equal(closed_with, 1); /* its own call was still inside */
    assert_false(util_fd_is_open(fd));
    assert_int_equal(csock_fd(call->s), -1);
}

static void closes_what_its_thread_waits_on(const struct csock_wait *w)
{
    struct csock s[2], backlog[12];
    union csock_addr addr;
    socklen_t len;
    char byte;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    expect_closed_by_own_handler(&(struct util_call){.run = util_recv, .s = &s[0], .w = w});
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NULL), 0);
    util_close(&s[1]);
    util_pair(s, AF_INET, SOCK_STREAM);
    util_fill(&s[0]);
    expect_closed_by_own_handler(&(struct util_call){.run = util_send, .s = &s[0], .w = w});
    util_close(&s[1]);
    for (int family = AF_UNIX; family <= AF_INET; family++) {
        util_listener(&s[0], family, 0, &addr, &len);
        int n = util_fill_backlog(backlog, 12, &addr, len);
        assert_int_equal(csock_open(&s[1], family, SOCK_STREAM, 0, 0), 0);
        expect_closed_by_own_handler(
            &(struct util_call){.run = do_connect, .s = &s[1], .arg = &addr, .w = w});
        while (n > 0)
            util_close(&backlog[--n]);
        util_close(&s[0]);
        util_listener(&s[0], family, 0, &addr, &len);
        expect_closed_by_own_handler(&(struct util_call){.run = util_accept, .s = &s[0], .w = w});
    }
}

static void a_handler_closes_what_its_thread_waits_on(void **state)
{
    (void)state;
    util_handle(SIGUSR1, close_it, 0);
    closes_what_its_thread_waits_on(NULL);
    closes_what_its_thread_waits_on(WITHIN(60000 * MS));
}

/* The kernel restarts the call: on a number that then stands for nothing. signal(7) */
static void a_restarting_handler_closes_what_its_thread_waits_on(void **state)
{
    (void)state;
    util_handle(SIGUSR1, close_it, SA_RESTART);
    closes_what_its_thread_waits_on(NULL);
    closes_what_its_thread_waits_on(WITHIN(60000 * MS));
}

/* At RLIMIT_NOFILE, say: the number cannot be made to stand for nothing. */
static void without_a_spare_descriptor_the_restarted_call_ends(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_handle(SIGUSR1, close_it, SA_RESTART);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        util_pair(s, AF_UNIX, type);
        fake_fail(FAKE_PUT_PLACEHOLDER, FAKE_EVERY, EMFILE);
        expect_closed_by_own_handler(&call);
        util_close(&s[1]);
    }
}

static void raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

/* Right before the nth call of one kind, so too late for any look at the socket's state. */
static void a_handler_closes_between_any_two_steps(void **state)
{
    static const struct {
        ssize_t (*run)(struct util_call *call);
        enum fake_entry entry;
        unsigned nth;
        int timed;
    } moments[] = {
        {util_recv, FAKE_RECV, 1, 0},           {util_recv, FAKE_COARSE_CLOCK, 1, 0},
        {util_recv, FAKE_RECV, 2, 0},           {util_recv, FAKE_RECV, 1, 1},
        {util_recv, FAKE_CLOCK, 1, 1},          {util_recv, FAKE_POLL, 1, 1},
        {util_pollin, FAKE_POLL, 1, 0},         {util_accept, FAKE_ACCEPT4, 1, 0},
        {util_accept, FAKE_SET_NONBLOCK, 1, 2}, {util_accept, FAKE_POLL, 1, 1},
        {util_accept, FAKE_ACCEPT4, 1, 2},
    };
    (void)state;
    util_handle(SIGUSR1, close_it, 0);
    for (unsigned i = 0; i < COUNT(moments); i++) {
        struct csock s[2];
        union csock_addr addr;
        socklen_t len;
        struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
        const struct csock_wait *const waits[] = {NULL, &timed, NOWAIT};
        struct util_call call = {.run = moments[i].run, .s = &s[0], .w = waits[moments[i].timed]};
        if (call.run == util_accept)
            util_listener(&s[0], AF_INET, 1, &addr, &len);
        else
            util_pair(s, AF_UNIX, SOCK_STREAM);
        int fd = csock_fd(&s[0]);
        to_close = &s[0];
        fake_hook(moments[i].entry, moments[i].nth, raise_usr1, NULL);
        ssize_t r = call.run(&call);
        if (r != CSOCK_ECLOSED)
            fail_msg("moment %u: %zd", i, r);
        /* Asleep or about to be: one system call, on whose way out a late signal is handled. */
        if (moments[i].entry == FAKE_POLL)
            assert_true(fake_calls(FAKE_YIELD) > 0);
        assert_false(util_fd_is_open(fd));
        if (call.run != util_accept)
            util_close(&s[1]);
    }
}

/* The same with no hook: a signal at any moment. */
static atomic_int armed;
static pthread_t victim;

static void *signal_soon(void *arg)
{
    unsigned random = 1;
    for (;;) {
        int what;
        while ((what = atomic_load(&armed)) == 0)
            ;
        if (what < 0)
            return arg;
        random = random * 1103515245 + 12345;
        for (int64_t until = csock_now() + random / 65536 % 30000; csock_now() < until;)
            ;
        atomic_store(&armed, 0);
        pthread_kill(victim, SIGUSR1);
    }
}

static void a_handler_closes_at_any_moment(void **state)
{
    struct csock s;
    pthread_t thread;
    char byte;
    int64_t until = csock_now() + 3000 * MS;
    (void)state;
    fake_remove();
    victim = pthread_self();
    to_close = &s;
    util_handle(SIGUSR1, close_it, SA_RESTART);
    pthread_create(&thread, NULL, signal_soon, NULL);
    /* Often; less so where the other thread hardly gets a processor. */
    for (int i = 0; i < 400 || (i < 4000 && csock_now() < until); i++) {
        assert_int_equal(csock_open(&s, AF_UNIX, SOCK_DGRAM, 0, 0), 0);
        atomic_store(&closed_with, -1);
        atomic_store(&armed, 1);
        ssize_t r = csock_recv(&s, &byte, 1, 0, i % 2 ? NULL : WITHIN(60000 * MS));
        assert_true(is_closed(r));
        while (atomic_load(&closed_with) == -1)
            ;
        assert_in_range(closed_with, 0, 1); /* by whether the call was inside just then */
    }
    atomic_store(&armed, -1);
    pthread_join(thread, NULL);
}

static void a_handler_closes_what_another_thread_waits_on(void **state)
{
    struct csock mine[2], theirs[2];
    struct util_call calls[2] = {{.run = util_recv, .s = &mine[0]},
                                 {.run = util_recv, .s = &theirs[0]}};
    (void)state;
    util_pair(mine, AF_UNIX, SOCK_STREAM);
    util_pair(theirs, AF_UNIX, SOCK_STREAM);
    to_close = &theirs[0];
    util_handle(SIGUSR1, close_it, 0);
    util_start_asleep(&calls[0]);
    util_start_asleep(&calls[1]);
    util_signal_call(&calls[0], SIGUSR1);
    assert_int_equal(util_join(&calls[1]), CSOCK_ECLOSED);
    assert_int_equal(csock_send(&mine[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&calls[0]), 1);
    util_close(&mine[0]);
    util_close(&mine[1]);
    util_close(&theirs[1]);
}

/* ---- two at once, of which each closes what the other is inside of */

static struct csock crossed[2][2];
static pthread_t first_thread;
static atomic_int closers;

static void close_the_others(int sig)
{
    (void)sig;
    struct csock *others = crossed[pthread_equal(pthread_self(), first_thread) != 0];
    atomic_fetch_add(&closers, 1);
    while (atomic_load(&closers) < 2)
        sched_yield();
    csock_close(others);
}

/* How long both take. */
static int64_t close_each_other(int flags)
{
    struct util_call calls[2] = {{.run = util_recv, .s = crossed[0]},
                                 {.run = util_recv, .s = crossed[1]}};
    util_handle(SIGUSR1, close_the_others, flags);
    atomic_store(&closers, 0);
    for (int i = 0; i < 2; i++) {
        util_pair(crossed[i], AF_UNIX, SOCK_STREAM);
        util_start_asleep(&calls[i]);
    }
    first_thread = calls[0].thread;
    int64_t start = csock_now();
    for (int i = 0; i < 2; i++)
        util_signal_call(&calls[i], SIGUSR1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(util_join(&calls[i]), CSOCK_ECLOSED);
    int64_t took = csock_now() - start;
    for (int i = 0; i < 2; i++)
        util_close(&crossed[i][1]);
    return took;
}

/* Closing that waits in vain takes its time each time it is tried; a busy machine does not. */
static void handlers_that_wait_for_each_other_give_up_at_once(void **state)
{
    (void)state;
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        int64_t took = close_each_other(flags);
        for (int tries = 1; took > PROMPT && tries < 5; tries++)
            took = close_each_other(flags);
        assert_in_range(took, 0, PROMPT);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_handler_closes_what_its_thread_waits_on),
        TEST(a_restarting_handler_closes_what_its_thread_waits_on),
        TEST(without_a_spare_descriptor_the_restarted_call_ends),
        TEST(a_handler_closes_between_any_two_steps),
        TEST(a_handler_closes_at_any_moment),
        TEST(a_handler_closes_what_another_thread_waits_on),
        TEST(handlers_that_wait_for_each_other_give_up_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
