/* O_NONBLOCK belongs to the open description: another thread, a duplicate, another process may
 * switch it while a call waits or is about to. */
#include "util.h"

static void a_duplicate_does_not_take_the_deadline_away(void **state)
{
    struct csock s, copy;
    union csock_addr addr;
    socklen_t len;
    (void)state;
    util_listener(&s, AF_INET, 1, &addr, &len);
    assert_int_equal(csock_accept(&s, &copy, NULL, NULL, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_dup(&s, &copy), 0);
    assert_int_equal(csock_set_blocking(&copy, true), 0);
    struct util_call call = {.run = util_accept, .s = &s, .w = WITHIN(50 * MS)};
    util_start(&call);
    assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    util_close(&copy);
    util_close(&s);
}

/* ---- calls that know no MSG_DONTWAIT, beside somebody who switches O_NONBLOCK off */

static struct csock target, peers[12];
static int n_peers, file;
static union csock_addr to;
static socklen_t to_len;

static ssize_t do_connect(struct util_call *call)
{
    return csock_connect(call->s, &to.any, to_len, call->w);
}

static ssize_t do_sendfile(struct util_call *call)
{
    return csock_sendfile(call->s, file, 0, 1 << 20, call->w);
}

static void quiet_listener(void)
{
    util_listener(&target, AF_INET, 1, &to, &to_len);
}

static void full_backlog(void)
{
    util_listener(&peers[0], AF_INET, 0, &to, &to_len);
    n_peers = 1 + util_fill_backlog(peers + 1, (int)COUNT(peers) - 1, &to, to_len);
    assert_int_equal(csock_open(&target, AF_INET, SOCK_STREAM, 0, 0), 0);
}

static void full_socket(void)
{
    struct csock s[2];
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_fill(&s[0]);
    csock_move(&s[0], &target);
    csock_move(&s[1], &peers[0]);
    n_peers = 1;
}

static const struct {
    const char *name;
    void (*prepare)(void);
    ssize_t (*run)(struct util_call *call);
    enum fake_entry entry;
    ssize_t at_once; /* what it gives with CSOCK_NOWAIT */
} cannot_be_told[] = {
    {"accept", quiet_listener, util_accept, FAKE_ACCEPT4, -EAGAIN},
    {"connect", full_backlog, do_connect, FAKE_CONNECT, -EINPROGRESS},
    {"sendfile", full_socket, do_sendfile, FAKE_SENDFILE, -EAGAIN},
};

static void prepare(unsigned row)
{
    n_peers = 0;
    file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cannot_be_told[row].prepare();
    assert_int_equal(csock_set_blocking(&target, false), 0);
}

static void finish(void)
{
    csock_close(&target);
    while (n_peers > 0)
        util_close(&peers[--n_peers]);
    close(file);
}

static void switch_off(void *arg)
{
    int fd = csock_fd(&target);
    (void)arg;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static int switch_off_in_child(void *arg)
{
    (void)arg;
    return csock_set_blocking(&target, true);
}

static void expect_its_deadline_holds(unsigned row, const struct csock_wait *w, ssize_t result)
{
    struct util_call call = {.run = cannot_be_told[row].run, .s = &target, .w = w};
    util_start(&call);
    if (util_join(&call) != result)
        fail_msg("%s: %zd", cannot_be_told[row].name, call.result);
}

static void deadlines_hold_if_the_mode_was_switched_off_before(void **state)
{
    (void)state;
    for (unsigned row = 0; row < COUNT(cannot_be_told); row++)
        for (int in_child = 0; in_child < 2; in_child++)
            for (int now = 0; now < 2; now++) {
                prepare(row);
                if (in_child)
                    util_in_child(switch_off_in_child, NULL);
                else
                    switch_off(NULL);
                expect_its_deadline_holds(row, now ? NOWAIT : WITHIN(50 * MS),
                                          now ? cannot_be_told[row].at_once : CSOCK_ETIMEOUT);
                finish();
            }
}

/* Nobody can keep such a call from sleeping, and the deadline with it; but closing ends it. */
static void closing_ends_what_sleeps_against_its_will(void **state)
{
    (void)state;
    for (unsigned row = 0; row < COUNT(cannot_be_told); row++) {
        struct util_call call = {.run = cannot_be_told[row].run, .s = &target, .w = NOWAIT};
        prepare(row);
        fake_hook(cannot_be_told[row].entry, 1, switch_off, NULL);
        util_start_asleep(&call);
        int64_t start = csock_now();
        util_close(&target);
        if (util_join(&call) != CSOCK_ECLOSED)
            fail_msg("%s: %zd", cannot_be_told[row].name, call.result);
        assert_in_range(call.ended - start, 0, PROMPT);
        finish();
    }
}

/* The kernel looks at the mode when a call begins, so it takes a signal for the call to notice. */
static void waiting_for_ever_goes_on_in_non_blocking_mode(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_count_signal(SIGUSR1);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    assert_int_equal(csock_set_blocking(&s[0], false), 0);
    util_signal_call(&call, SIGUSR1);
    util_await_sleep(&call); /* in poll by now */
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1);
    util_close(&s[0]);
    util_close(&s[1]);
}

static void switch_on(struct csock *s)
{
    int fd = csock_fd(s);
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static ssize_t recv_all(struct util_call *call)
{
    char bytes[2];
    return csock_recv(call->s, bytes, sizeof bytes, MSG_WAITALL, call->w);
}

static ssize_t recv_message(struct util_call *call)
{
    char byte;
    struct msghdr msg = {.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1};
    return csock_recvmsg(call->s, &msg, 0, call->w);
}

static void empty_socket(void)
{
    struct csock s[2];
    util_pair(s, AF_INET, SOCK_STREAM);
    csock_move(&s[0], &target);
    csock_move(&s[1], &peers[0]);
    n_peers = 1;
}

static void full_unix_backlog(void)
{
    util_listener(&peers[0], AF_UNIX, 0, &to, &to_len);
    n_peers = 1 + util_fill_backlog(peers + 1, (int)COUNT(peers) - 1, &to, to_len);
    assert_int_equal(csock_open(&target, AF_UNIX, SOCK_STREAM, 0, 0), 0);
}

static const struct {
    const char *name;
    void (*prepare)(void);
    ssize_t (*run)(struct util_call *call);
    ssize_t kernels;
} for_ever[] = {
    {"recv", empty_socket, util_recv, -EAGAIN},
    {"recv with MSG_WAITALL", empty_socket, recv_all, -EAGAIN},
    {"recvmsg", empty_socket, recv_message, -EAGAIN},
    {"send", full_socket, util_send, -EAGAIN},
    {"sendfile", full_socket, do_sendfile, -EAGAIN},
    {"accept", quiet_listener, util_accept, -EAGAIN},
    {"connect", full_backlog, do_connect, -EINPROGRESS},
    {"connect, AF_UNIX", full_unix_backlog, do_connect, -EAGAIN},
};

static void without_a_deadline_who_switched_it_on_does_not_matter(void **state)
{
    (void)state;
    for (unsigned row = 0; row < COUNT(for_ever); row++) {
        struct util_call call = {.run = for_ever[row].run, .s = &target};
        n_peers = 0;
        file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        for_ever[row].prepare();
        switch_on(&target);
        util_start_asleep(&call);
        util_close(&target);
        if (util_join(&call) != CSOCK_ECLOSED)
            fail_msg("%s: %zd", for_ever[row].name, call.result);
        finish();
    }
}

/* Whether the mode was there when the descriptor was adopted, or came later. */
static void as_the_kernel_says(bool before)
{
    for (unsigned row = 0; row < COUNT(for_ever); row++) {
        struct util_call call = {.run = for_ever[row].run, .s = &target};
        struct csock same;
        n_peers = 0;
        file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        for_ever[row].prepare();
        if (before)
            switch_on(&target);
        int fd = csock_detach(&target);
        assert_int_equal(csock_adopt(&same, fd, -1, -1, -1, CSOCK_EAGAIN), 0);
        csock_move(&same, &target);
        if (!before)
            switch_on(&target);
        util_start(&call);
        if (util_join(&call) != for_ever[row].kernels)
            fail_msg("%s: %zd", for_ever[row].name, call.result);
        finish();
    }
}

static void with_csock_eagain_it_is_as_the_kernel_says(void **state)
{
    (void)state;
    as_the_kernel_says(false);
    as_the_kernel_says(true);
}

/* -EAGAIN, or -EINPROGRESS, with O_NONBLOCK off. socket(7) */
static void a_time_limit_of_the_kernels_is_heard(void **state)
{
    struct timeval soon = {.tv_usec = 20000};
    (void)state;
    for (unsigned row = 0; row < COUNT(for_ever); row++) {
        struct util_call call = {.run = for_ever[row].run, .s = &target};
        n_peers = 0;
        file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        for_ever[row].prepare();
        csock_opt_set(&target, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
        csock_opt_set(&target, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
        util_start(&call);
        if (util_join(&call) != for_ever[row].kernels)
            fail_msg("%s: %zd", for_ever[row].name, call.result);
        finish();
    }
}

static void accept_for_ever_goes_on_in_non_blocking_mode(void **state)
{
    struct csock s, client;
    union csock_addr addr;
    socklen_t len;
    struct util_call call = {.run = util_accept, .s = &s};
    (void)state;
    util_count_signal(SIGUSR1);
    util_listener(&s, AF_UNIX, 1, &addr, &len);
    util_start_asleep(&call);
    assert_int_equal(csock_set_blocking(&s, false), 0);
    util_signal_call(&call, SIGUSR1);
    util_await_sleep(&call);
    assert_int_equal(csock_open(&client, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(util_join(&call), 0);
    util_close(&client);
    util_close(&s);
}

static void what_never_waits_does_not_wait_in_either_mode(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    for (int blocking = 0; blocking < 2; blocking++) {
        assert_int_equal(csock_set_blocking(&s[0], blocking), 0);
        assert_int_equal(csock_recv(&s[0], &byte, 1, MSG_DONTWAIT, NULL), -EAGAIN);
        assert_int_equal(csock_recv(&s[0], &byte, 1, MSG_ERRQUEUE, NULL), -EAGAIN);
    }
    assert_int_equal(fake_calls(FAKE_RECV), 4); /* one try each */
    util_close(&s[0]);
    util_close(&s[1]);
}

/* Nothing was begun: SO_ERROR alone would call it a success. */
static void an_outcome_needs_an_attempt(void **state)
{
    struct csock s;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect_finish(&s, WITHIN(5000 * MS)), -ENOTCONN);
    util_close(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_duplicate_does_not_take_the_deadline_away),
        TEST(deadlines_hold_if_the_mode_was_switched_off_before),
        TEST(closing_ends_what_sleeps_against_its_will),
        TEST(waiting_for_ever_goes_on_in_non_blocking_mode),
        TEST(without_a_deadline_who_switched_it_on_does_not_matter),
        TEST(with_csock_eagain_it_is_as_the_kernel_says),
        TEST(a_time_limit_of_the_kernels_is_heard),
        TEST(accept_for_ever_goes_on_in_non_blocking_mode),
        TEST(what_never_waits_does_not_wait_in_either_mode),
        TEST(an_outcome_needs_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
