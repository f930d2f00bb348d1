/* Closing under running calls: each blocked call ends, soon, and no number is given back early. */
#include "util.h"

#define MANY 12

/* One kind of call that blocks: how to get there, and the call. */
static struct csock target, others[MANY];
static int n_others;
static union csock_addr addr;
static socklen_t len;

static void one_of_a_pair(int family, int type)
{
    struct csock s[2];
    util_pair(s, family, type);
    target = s[0]; /* not in use yet */
    others[0] = s[1];
    n_others = 1;
}

static void tcp_pair(void)
{
    one_of_a_pair(AF_INET, SOCK_STREAM);
}
static void udp_pair(void)
{
    one_of_a_pair(AF_INET6, SOCK_DGRAM);
}
static void unix_pair(void)
{
    one_of_a_pair(AF_UNIX, SOCK_STREAM);
}
static void unix_datagrams(void)
{
    one_of_a_pair(AF_UNIX, SOCK_DGRAM);
}

static void full_tcp_pair(void)
{
    tcp_pair();
    util_fill(&target);
}

static void full_unix_pair(void)
{
    unix_pair();
    util_fill(&target);
}

static void full_unix_datagrams(void)
{
    unix_datagrams();
    util_fill(&target);
}

static void tcp_listener(void)
{
    util_listener(&target, AF_INET6, 1, &addr, &len);
}
static void unix_listener(void)
{
    util_listener(&target, AF_UNIX, 1, &addr, &len);
}

static void full_backlog(int family)
{
    util_listener(&others[0], family, 0, &addr, &len);
    n_others = 1 + util_fill_backlog(others + 1, MANY - 1, &addr, len);
    assert_int_equal(csock_open(&target, family, SOCK_STREAM, 0, 0), 0);
}

static void full_tcp_backlog(void)
{
    full_backlog(AF_INET);
}
static void full_unix_backlog(void)
{
    full_backlog(AF_UNIX);
}

static void tcp_attempt(void)
{
    full_tcp_backlog();
    assert_int_equal(csock_connect_begin(&target, &addr.any, len), -EINPROGRESS);
}

static ssize_t recv_from(struct util_call *call)
{
    char byte;
    return csock_recv_from(call->s, &byte, 1, 0, NULL, NULL, call->w);
}

static ssize_t recv_all(struct util_call *call)
{
    char bytes[9];
    return csock_recv(call->s, bytes, sizeof bytes, MSG_WAITALL, call->w);
}

static ssize_t recv_new(struct util_call *call)
{
    void *memory;
    return csock_recv_new(call->s, 99, 0, &memory, call->w);
}

static ssize_t do_connect(struct util_call *call)
{
    return csock_connect(call->s, &addr.any, len, call->w);
}

static ssize_t finish_connect(struct util_call *call)
{
    return csock_connect_finish(call->s, call->w);
}

static ssize_t send_all(struct util_call *call)
{
    static const char megabyte[1 << 20];
    size_t sent = 99;
    ssize_t r = csock_send_all(call->s, megabyte, sizeof megabyte, 0, &sent, call->w);
    return sent < sizeof megabyte ? r : -1;
}

static const struct {
    const char *name;
    void (*prepare)(void);
    ssize_t (*run)(struct util_call *call);
} blocked[] = {
    {"recv, TCP", tcp_pair, util_recv},
    {"recv, AF_UNIX", unix_pair, util_recv},
    {"recv with MSG_WAITALL", tcp_pair, recv_all},
    {"recv_new", unix_pair, recv_new},
    {"recv_from, UDP", udp_pair, recv_from},
    {"recv_from, AF_UNIX", unix_datagrams, recv_from},
    {"accept, TCP", tcp_listener, util_accept},
    {"accept, AF_UNIX", unix_listener, util_accept},
    {"connect, TCP", full_tcp_backlog, do_connect},
    {"connect, AF_UNIX", full_unix_backlog, do_connect},
    {"connect_finish", tcp_attempt, finish_connect},
    {"send, TCP", full_tcp_pair, util_send},
    {"send, AF_UNIX", full_unix_pair, util_send},
    {"send, AF_UNIX datagram", full_unix_datagrams, util_send},
    {"send_all, TCP", tcp_pair, send_all},
    {"send_all, AF_UNIX", unix_pair, send_all},
    {"ready", unix_pair, util_pollin},
};

/* How long after the closing the call came back. */
static int64_t time_to_wake(unsigned row, bool with_deadline)
{
    struct csock_wait w = {.deadline = with_deadline ? csock_deadline(20000 * MS) : CSOCK_FOREVER};
    struct util_call call = {.run = blocked[row].run, .s = &target, .w = &w};
    n_others = 0;
    blocked[row].prepare();
    util_start_asleep(&call);
    int fd = csock_fd(&target);
    int64_t start = csock_now();
    util_close(&target);
    assert_false(util_fd_is_open(fd));
    if (util_join(&call) != CSOCK_ECLOSED)
        fail_msg("%s: %zd", blocked[row].name, call.result);
    while (n_others > 0)
        util_close(&others[--n_others]);
    return call.ended - start;
}

static void wakes_every_blocked_call(bool with_deadline)
{
    for (unsigned row = 0; row < COUNT(blocked); row++) {
        int64_t best = INT64_MAX;
        for (int tries = 0; tries < 3 && best >= PROMPT / 2; tries++) {
            int64_t t = time_to_wake(row, with_deadline);
            best = t < best ? t : best;
        }
        if (best >= PROMPT / 2)
            fail_msg("%s: %d ms", blocked[row].name, (int)(best / MS));
    }
}

static void closing_wakes_every_blocked_call(void **state)
{
    (void)state;
    wakes_every_blocked_call(false);
}

static void closing_wakes_every_call_with_a_deadline(void **state)
{
    (void)state;
    wakes_every_blocked_call(true);
}

static ssize_t send_all_and_count(struct util_call *call)
{
    static const char megabyte[1 << 20];
    return csock_send_all(call->s, megabyte, sizeof megabyte, 0, call->arg, call->w);
}

static void send_all_that_was_closed_says_how_much_went(void **state)
{
    size_t sent = 0, came = 0;
    struct util_call call = {.run = send_all_and_count, .s = &target, .arg = &sent};
    char buf[4096];
    ssize_t r;
    (void)state;
    unix_pair();
    util_start_asleep(&call);
    util_close(&target);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    while ((r = csock_recv(&others[0], buf, sizeof buf, 0, NULL)) > 0)
        came += (size_t)r;
    assert_true(came > 0);
    assert_int_equal(sent, came);
    util_close(&others[0]);
}

static void close_reports_an_error_but_not_eintr(void **state)
{
    struct csock s[2];
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fds[2] = {csock_fd(&s[0]), csock_fd(&s[1])};
    fake_fail(FAKE_CLOSE, 1, EINTR); /* Linux has freed the number by then: close(2) */
    assert_int_equal(csock_close(&s[0]), 0);
    fake_fail(FAKE_CLOSE, 1, EIO);
    assert_int_equal(csock_close(&s[1]), -EIO);
    assert_int_equal(csock_fd(&s[1]), -1);
    assert_int_equal(fake_calls(FAKE_CLOSE), 2);
    close(fds[0]);
    close(fds[1]);
}

static void queued_data_still_goes_out(void **state)
{
    struct csock s[2];
    char buf[8];
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    assert_int_equal(csock_send(&s[0], "goodbye", 7, 0, NULL), 7);
    util_close(&s[0]);
    assert_int_equal(csock_recv(&s[1], buf, 7, MSG_WAITALL, NULL), 7);
    assert_memory_equal(buf, "goodbye", 7);
    assert_int_equal(csock_recv(&s[1], buf, 1, 0, NULL), 0);
    util_close(&s[1]);
}

static void detach_wakes_and_gives_the_descriptor(void **state)
{
    struct csock s[2];
    struct util_call calls[2] = {{.run = util_recv, .s = &s[0]},
                                 {.run = util_recv, .s = &s[0], .w = WITHIN(20000 * MS)}};
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    util_start_asleep(&calls[0]);
    util_start_asleep(&calls[1]);
    assert_int_equal(csock_detach(&s[0]), fd);
    assert_int_equal(util_join(&calls[0]), CSOCK_ECLOSED);
    assert_int_equal(util_join(&calls[1]), CSOCK_ECLOSED);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(read(fd, &byte, 1), 1);
    close(fd);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(closing_wakes_every_blocked_call),
        TEST(closing_wakes_every_call_with_a_deadline),
        TEST(send_all_that_was_closed_says_how_much_went),
        TEST(close_reports_an_error_but_not_eintr),
        TEST(queued_data_still_goes_out),
        TEST(detach_wakes_and_gives_the_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
