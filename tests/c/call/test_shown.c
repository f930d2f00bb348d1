/* What threads show of their waits to other processes. */
#include "util.h"

#include "call/thread.h"

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

/* As another process would: from csock__records on, by what stands there. */
static const struct csock__thread *record_of(pid_t tid)
{
    for (const struct csock__thread *t = atomic_load(&csock__records.first); t; t = t->next)
        if (t->tid == tid && t->taken == **csock__records.generation)
            return t;
    return NULL;
}

static struct csock__shown shown_by(pid_t tid)
{
    const struct csock__thread *t = record_of(tid);
    assert_non_null(t);
    assert_true(t->on[0] != 0);
    const char *first = (const char *)t + csock__records.shown;
    assert_int_equal(csock__records.size, sizeof(struct csock__shown));
    const struct csock__shown *shown = (const struct csock__shown *)first;
    assert_int_equal(shown->count % 2, 0);
    return *shown;
}

static void the_head_says_what_is_behind_it(void **state)
{
    (void)state;
    assert_memory_equal(csock__records.magic, "csock's threads", 16);
    assert_int_equal(csock__records.layout, 1);
    assert_int_equal(csock__records.word, sizeof(void *));
    assert_int_equal(csock__records.sleeps, CSOCK__SLEEPS);
    assert_string_equal(csock__records.version, csock_version());
    assert_int_equal(csock__records.off, 0);
}

static void check_recv(const struct csock_wait *w, int64_t deadline)
{
    struct util_call call = {.run = util_recv, .s = &s[0], .w = w};
    int64_t before = csock_now();
    util_start_asleep(&call);
    pid_t tid = call.tid;
    struct csock__shown now = shown_by(tid);
    assert_int_equal(now.what, CSOCK__RECV);
    assert_int_equal(now.fd, csock_fd(&s[0]));
    assert_int_equal(now.about_size, 0);
    assert_true(now.frame != 0);
    assert_in_range(now.since + 100 * MS - before, 0, SOON); /* by a coarse clock */
    assert_true(now.deadline == deadline);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
}

static void a_wait_without_deadline(void **state)
{
    (void)state;
    check_recv(NULL, CSOCK_FOREVER);
}

static void a_wait_until_a_deadline(void **state)
{
    int64_t deadline = csock_deadline(60000 * MS);
    (void)state;
    check_recv(&(struct csock_wait){.deadline = deadline}, deadline);
}

static void nothing_after_it(void **state)
{
    (void)state;
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    const struct csock__thread *t = record_of(gettid());
    assert_non_null(t);
    assert_true(t->on[0] == 0);
    assert_int_equal(t->shown[0].what, CSOCK__NOTHING);
}

/* All of the ways that a transfer may go. */
static void use_what_is_ready(void)
{
    struct iovec part = {buf, 1};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    const struct csock_wait *w = WITHIN(60000 * MS);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, w), 1);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, w), 1);
    assert_int_equal(csock_sendmsg(&s[1], &msg, 0, w), 1);
    assert_int_equal(csock_recvmsg(&s[0], &msg, 0, w), 1);
    assert_int_equal(csock_send_all(&s[1], "x", 1, 0, NULL, w), 0);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, NULL), 1);
}

static void nothing_is_written_when_data_is_ready(void **state)
{
    (void)state;
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    const struct csock__thread *t = record_of(gettid());
    assert_non_null(t);
    const struct csock__shown before = t->shown[0];
    use_what_is_ready();
    assert_memory_equal(&before, &t->shown[0], sizeof before);
}

static void signals_do_not_make_a_wait_younger(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_count_signal(SIGUSR1);
    util_start_asleep(&call);
    const pid_t tid = call.tid;
    struct csock__shown first = shown_by(tid);
    util_sleep(20 * MS);
    util_signal_call(&call, SIGUSR1);
    for (struct csock__shown now = first; now.count == first.count; util_sleep(MS)) {
        util_await_sleep(&call);
        now = shown_by(tid);
        assert_true(now.since == first.since);
    }
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
}

struct letter {
    union csock_addr to;
    socklen_t len;
};

static ssize_t send_letter(struct util_call *call)
{
    const struct letter *letter = call->arg;
    return csock_send_to(call->s, "x", 1, 0, &letter->to.any, letter->len, call->w);
}

static void whom_a_datagram_is_for(void **state)
{
    struct csock to = CSOCK_INIT, from = CSOCK_INIT;
    struct letter letter;
    (void)state;
    util_bound(&to, AF_UNIX, SOCK_DGRAM, &letter.to, &letter.len);
    assert_int_equal(csock_open(&from, AF_UNIX, SOCK_DGRAM, 0, 0), 0);
    while (csock_send_to(&from, "x", 1, 0, &letter.to.any, letter.len, NOWAIT) == 1)
        ;
    struct util_call call = {.run = send_letter, .s = &from, .arg = &letter};
    util_start_asleep(&call);
    struct csock__shown now = shown_by(call.tid);
    assert_int_equal(now.what, CSOCK__SENDTO);
    assert_int_equal(now.about_size, letter.len);
    assert_true(now.about == (uintptr_t)&letter.to);
    assert_int_equal(csock_recv(&to, buf, 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
    util_close(&to);
    util_close(&from);
}

static ssize_t await_events(struct util_call *call)
{
    return csock_ready(call->s, *(const short *)call->arg, call->w);
}

static void what_is_polled_for(void **state)
{
    static struct {
        short events;
        unsigned what;
    } rows[] = {{POLLIN, CSOCK__POLL_IN}, {POLLIN | POLLPRI, CSOCK__POLL_IN}, {0, CSOCK__POLL}};
    (void)state;
    for (unsigned i = 0; i < COUNT(rows); i++) {
        struct util_call call = {.run = await_events, .s = &s[0], .arg = &rows[i].events};
        util_start_asleep(&call);
        assert_int_equal(shown_by(call.tid).what, rows[i].what);
        if (rows[i].events)
            assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
        else
            util_close(&s[1]);
        assert_true(util_join(&call) > 0);
        if (rows[i].events)
            assert_int_equal(csock_recv(&s[0], buf, 1, 0, NULL), 1);
    }
}

static ssize_t await_further(struct util_call *call)
{
    return csock_ready_since(call->s, POLLIN, call->w, call->arg);
}

static void several_waits_that_are_one(void **state)
{
    int64_t since = 0, before = csock_now();
    struct util_call call = {.run = await_further, .s = &s[0], .arg = &since};
    (void)state;
    assert_int_equal(csock_ready_since(&s[0], POLLIN, WITHIN(MS), &since), CSOCK_ETIMEOUT);
    const int64_t first = since;
    assert_in_range(first + 100 * MS - before, 0, SOON); /* by a coarse clock */
    util_sleep(20 * MS);
    util_start_asleep(&call);
    assert_true(shown_by(call.tid).since == first);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), POLLIN);
    assert_true(since == first);
}

static ssize_t await_two(struct util_call *call)
{
    struct csock_polled two[] = {{.s = &call->s[0], .events = POLLIN}, {.s = &call->s[1]}};
    return csock_poll(two, 2, call->w);
}

static void one_of_many(void **state)
{
    struct util_call call = {.run = await_two, .s = s, .w = WITHIN(60000 * MS)};
    (void)state;
    util_start_asleep(&call);
    struct csock__shown now = shown_by(call.tid);
    assert_int_equal(now.what, CSOCK__POLL_MANY);
    assert_int_equal(now.fd, csock_fd(&s[0]));
    assert_true(now.deadline == call.w->deadline && now.since != 0);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
}

static void nothing_is_shown_where_that_is_off(void **state)
{
    (void)state;
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    const struct csock__thread *t = record_of(gettid());
    assert_non_null(t);
    uint32_t before = t->shown[0].count;
    csock__records.off = 1;
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    csock__records.off = 0;
    assert_int_equal(t->shown[0].count, before);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_not_equal(t->shown[0].count, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        ROW(the_head_says_what_is_behind_it),
        ROW(a_wait_without_deadline),
        ROW(a_wait_until_a_deadline),
        ROW(nothing_after_it),
        ROW(nothing_is_written_when_data_is_ready),
        ROW(signals_do_not_make_a_wait_younger),
        ROW(whom_a_datagram_is_for),
        ROW(what_is_polled_for),
        ROW(several_waits_that_are_one),
        ROW(one_of_many),
        ROW(nothing_is_shown_where_that_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
