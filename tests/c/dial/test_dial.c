/* csock_dial() over the real kernel, on loopback. */
#include "util.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

static struct csock listener, s;
static union csock_addr addr;
static socklen_t len;
static struct csock_dial_addr list[2];
static struct csock_dial_report report;

static int setup(void **state)
{
    util_setup(state);
    util_listener(&listener, AF_INET, 300, &addr, &len);
    list[0] = list[1] = (struct csock_dial_addr){&addr.any, len};
    return 0;
}

static int teardown(void **state)
{
    csock_close(&listener);
    return util_teardown(state);
}

static struct csock_dial dial_to(size_t n)
{
    return (struct csock_dial){.addrs = list, .n_addrs = n};
}

/* A second address, where nobody listens. */
static union csock_addr nobody;
static void add_nobody(size_t at)
{
    struct csock closed;
    util_listener(&closed, AF_INET6, 1, &nobody, &list[at].len);
    list[at].addr = &nobody.any;
    util_close(&closed);
}

static void expect_usable(bool nonblocking)
{
    struct csock conn;
    char byte;
    int err = -1;
    assert_int_equal(util_is_nonblocking(&s), nonblocking);
    assert_int_equal((csock_flags(&s) & CSOCK_NONBLOCK) != 0, nonblocking);
    assert_true(fcntl(csock_fd(&s), F_GETFD) & FD_CLOEXEC);
    assert_int_equal(csock_opt_get_int(&s, SOL_SOCKET, SO_ERROR, &err), 0);
    assert_int_equal(err, 0);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, WITHIN(SOON)), 0);
    assert_int_equal(csock_send(&s, "x", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&conn, &byte, 1, 0, WITHIN(SOON)), 1);
    util_close(&conn);
    util_close(&s);
}

/* Alone it connects by connect's own wait; with others to come, by poll. */
static void the_winner_is_as_asked(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 2; n++)
        for (unsigned flags = 0; flags <= CSOCK_NONBLOCK; flags++)
            for (int bounded = 0; bounded < 2; bounded++) {
                struct csock_dial d = dial_to(n);
                if (n == 2)
                    add_nobody(1);
                d.flags = flags;
                assert_int_equal(csock_dial(&s, &d, NULL, bounded ? WITHIN(SOON) : NULL), 0);
                expect_usable(flags);
            }
    struct csock_dial d = dial_to(1);
    assert_int_equal(csock_dial(&s, &d, NULL, NULL), 0);
    expect_usable(false);
}

static void the_next_address_after_one_that_refuses(void **state)
{
    struct csock_dial d = dial_to(2);
    (void)state;
    add_nobody(0);
    assert_int_equal(csock_dial(&s, &d, &report, NULL), 0);
    assert_int_equal(report.attempts[0].err, -ECONNREFUSED);
    assert_int_equal(report.decisive, 1);
    assert_ptr_equal(report.attempts[1].s, &s);
    csock_dial_report_free(&report);
    expect_usable(false);
}

static int look_at_option(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step)
{
    int value;
    union csock_addr name;
    socklen_t name_len;
    int *seen = arg;
    if (step != CSOCK_DIAL_CONNECT)
        return 0;
    assert_int_equal(csock_opt_get_int(a->s, IPPROTO_TCP, TCP_NODELAY, &value), 0);
    assert_int_equal(csock_peername(a->s, &name, &name_len), -ENOTCONN); /* not yet */
    *seen = value;
    return 0;
}

static void options_are_set_before_it_connects(void **state)
{
    int on = 1, seen = 0;
    struct csock_dial_option option = {IPPROTO_TCP, TCP_NODELAY, &on, sizeof on};
    struct csock_dial d = dial_to(1);
    (void)state;
    d.options = &option;
    d.n_options = 1;
    d.step = look_at_option;
    d.arg = &seen;
    assert_int_equal(csock_dial(&s, &d, NULL, NULL), 0);
    assert_int_equal(seen, 1);
    expect_usable(false);
}

static void it_comes_from_the_source(void **state)
{
    union csock_addr from = {0}, name;
    socklen_t name_len;
    struct csock_dial_addr source = {&from.any, sizeof from.in};
    struct csock_dial d = dial_to(1);
    int late = 0;
    (void)state;
    from.in.sin_family = AF_INET;
    from.in.sin_addr.s_addr = htonl(0x7f000002);
    d.sources = &source;
    d.n_sources = 1;
    assert_int_equal(csock_dial(&s, &d, NULL, NULL), 0);
    assert_int_equal(csock_sockname(&s, &name, &name_len), 0);
    assert_int_equal(name.in.sin_addr.s_addr, from.in.sin_addr.s_addr);
    if (csock_opt_get_int(&s, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &late) == 0)
        assert_int_equal(late, 1);
    in_port_t port = name.in.sin_port;
    expect_usable(false);
    from.in.sin_port = port; /* one of its own now */
    assert_int_equal(csock_dial(&s, &d, NULL, NULL), 0);
    assert_int_equal(csock_sockname(&s, &name, &name_len), 0);
    assert_int_equal(name.in.sin_port, port);
    expect_usable(false);
}

static void descriptors_above_1024(void **state)
{
    struct rlimit before, high;
    struct csock_dial d = dial_to(2);
    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    high = before;
    high.rlim_cur = before.rlim_max < 4096 ? before.rlim_max : 4096;
    if (high.rlim_cur < 2000 || setrlimit(RLIMIT_NOFILE, &high) != 0)
        skip();
    static int fds[1200];
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = fcntl(0, F_DUPFD_CLOEXEC, 0);
    add_nobody(0);
    int r = csock_dial(&s, &d, NULL, WITHIN(SOON)), fd = csock_fd(&s);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(r, 0);
    assert_true(fd > 1024);
    expect_usable(false);
}

/* ---- AF_UNIX */

static ssize_t accept_later(struct util_call *call)
{
    struct csock conn;
    util_sleep(20 * MS);
    for (intptr_t n = (intptr_t)call->arg; n > 0; n--) {
        int r = csock_accept(call->s, &conn, NULL, NULL, WITHIN(SOON));
        if (r < 0)
            return r;
        util_close(&conn);
    }
    return 0;
}

static void a_full_backlog_is_waited_for(void **state)
{
    struct csock unix_listener, fillers[8];
    (void)state;
    util_listener(&unix_listener, AF_UNIX, 1, &addr, &len);
    list[0].len = len;
    struct csock_dial d = dial_to(1);
    int n = util_fill_backlog(fillers, 8, &addr, len);
    assert_int_equal(csock_dial(&s, &d, NULL, WITHIN(20 * MS)), CSOCK_ETIMEOUT);
    struct util_call call = {.run = accept_later, .s = &unix_listener, .arg = (void *)(intptr_t)n};
    util_start(&call);
    assert_int_equal(csock_dial(&s, &d, NULL, WITHIN(SOON)), 0);
    assert_int_equal(util_join(&call), 0);
    assert_false(util_is_nonblocking(&s));
    util_close(&s);
    while (n-- > 0)
        util_close(&fillers[n]);
    util_close(&unix_listener);
}

/* ---- what ends it from outside */

/* A listener whose backlog is full does not answer: silence, without a firewall. */
static struct csock silent, fillers[8];
static int n_fillers;

static void make_silent(size_t at, int family)
{
    static union csock_addr silent_addr[2];
    util_listener(&silent, family, 0, &silent_addr[at], &list[at].len);
    n_fillers = 0;
    list[at].addr = &silent_addr[at].any;
    for (; n_fillers < 2; n_fillers++) {
        assert_int_equal(csock_open(&fillers[n_fillers], family, SOCK_STREAM, 0, 0), 0);
        int r = csock_connect(&fillers[n_fillers], list[at].addr, list[at].len, WITHIN(200 * MS));
        assert_true(r == 0 || r == CSOCK_ETIMEOUT);
    }
}

static void end_silent(void)
{
    while (n_fillers-- > 0)
        util_close(&fillers[n_fillers]);
    util_close(&silent);
}

static ssize_t dial_given(struct util_call *call)
{
    struct csock got;
    struct csock_dial *d = call->arg;
    int r = csock_dial(&got, d, NULL, call->w);
    if (r == 0)
        csock_close(&got);
    return r;
}

static void closing_the_socket_that_says_so_ends_it(void **state)
{
    struct csock until;
    struct csock_dial d = dial_to(1);
    (void)state;
    make_silent(0, AF_INET);
    assert_int_equal(csock_open(&until, AF_INET, SOCK_STREAM, 0, 0), 0);
    d.until_closed = &until;
    struct util_call call = {.run = dial_given, .arg = &d};
    util_start_asleep(&call);
    int64_t start = csock_now();
    util_close(&until);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_true(call.cpu < 200 * MS); /* it slept: an open socket that nobody uses is no event */
    assert_int_equal(csock_dial(&s, &d, NULL, NULL), CSOCK_ECLOSED);
    end_silent();
}

static int stop_now(void *arg)
{
    (void)arg;
    return 1;
}

static void a_signal_ends_it(void **state)
{
    struct csock_wait w = {.interrupted = stop_now};
    (void)state;
    make_silent(0, AF_INET);
    util_handle(SIGUSR1, util_count_signal, 0);
    for (size_t n = 1; n <= 2; n++) {
        struct csock_dial d = dial_to(n);
        if (n == 2)
            add_nobody(1);
        struct util_call call = {.run = dial_given, .arg = &d, .w = &w};
        util_start_asleep(&call);
        util_signal_call(&call, SIGUSR1);
        assert_int_equal(util_join(&call), CSOCK_EINTERRUPTED);
    }
    end_silent();
}

/* ---- very many at once */

#define AT_ONCE 200
static atomic_int connected;
static struct csock untils[AT_ONCE];

static ssize_t dial_one_of_many(struct util_call *call)
{
    struct csock got;
    struct csock_dial d = dial_to(2);
    d.until_closed = call->s;
    d.attempt_delay = 10 * MS;
    int r = csock_dial(&got, &d, NULL, call->w);
    if (r == 0) {
        atomic_fetch_add(&connected, 1);
        csock_close(&got);
    }
    return r;
}

static ssize_t accept_all(struct util_call *call)
{
    struct csock conn;
    while (csock_accept(call->s, &conn, NULL, NULL, NULL) == 0)
        csock_close(&conn);
    return 0;
}

/* A third is cancelled, somewhere on its way. That no descriptor is left is for the teardown. */
static void two_hundred_at_once(void **state)
{
    static struct util_call calls[AT_ONCE];
    struct util_call server = {.run = accept_all, .s = &listener};
    struct csock_wait w = {.deadline = csock_deadline(30000 * MS)};
    int cancelled = 0;
    (void)state;
    atomic_store(&connected, 0);
    make_silent(0, AF_INET);
    util_start(&server);
    for (int i = 0; i < AT_ONCE; i++) {
        assert_int_equal(csock_open(&untils[i], AF_INET, SOCK_DGRAM, 0, 0), 0);
        calls[i] = (struct util_call){.run = dial_one_of_many, .s = &untils[i], .w = &w};
    }
    for (int i = 0; i < AT_ONCE; i++) {
        util_start(&calls[i]);
        if (i % 3 == 0)
            csock_close(&untils[i]);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t r = util_join(&calls[i]);
        assert_true(r == 0 || (i % 3 == 0 && r == CSOCK_ECLOSED));
        cancelled += r < 0;
        csock_close(&untils[i]);
        assert_true(csock_idle(&untils[i]));
    }
    assert_int_equal(atomic_load(&connected), AT_ONCE - cancelled);
    assert_true(atomic_load(&connected) >= AT_ONCE * 2 / 3);
    util_close(&listener);
    util_join(&server);
    end_silent();
}

int main(void)
{
#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        HERE(the_winner_is_as_asked),
        HERE(the_next_address_after_one_that_refuses),
        HERE(options_are_set_before_it_connects),
        HERE(it_comes_from_the_source),
        HERE(descriptors_above_1024),
        HERE(a_full_backlog_is_waited_for),
        HERE(closing_the_socket_that_says_so_ends_it),
        HERE(a_signal_ends_it),
        HERE(two_hundred_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
