/* Accepting and connecting, in one go and in two halves. */
#include "util.h"

static struct csock listener, client, conn;
static union csock_addr addr;
static socklen_t len;

static void listen_on(int family)
{
    util_listener(&listener, family, 4, &addr, &len);
    assert_int_equal(csock_open(&client, family, SOCK_STREAM, 0, 0), 0);
}

static void close_all(void)
{
    util_close(&conn);
    util_close(&client);
    util_close(&listener);
}

/* Both ends carry data. */
static void expect_connected(void)
{
    char byte = 0;
    assert_int_equal(csock_send(&client, "a", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&conn, &byte, 1, 0, WITHIN(5000 * MS)), 1);
    assert_int_equal(byte, 'a');
    close_all();
}

static void an_accepted_socket_is_the_listeners_child(void **state)
{
    union csock_addr peer;
    socklen_t peer_len;
    (void)state;
    assert_int_equal(csock_open(&listener, AF_INET, SOCK_STREAM, IPPROTO_TCP, CSOCK_SIGPIPE), 0);
    assert_int_equal(csock_opt_set_int(&listener, SOL_SOCKET, SO_RCVLOWAT, 3), 0);
    assert_int_equal(csock_listen(&listener, 1), 0);
    assert_int_equal(csock_sockname(&listener, &addr, &len), 0);
    assert_int_equal(csock_open(&client, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(csock_accept(&listener, &conn, &peer, &peer_len, WITHIN(5000 * MS)), 0);
    assert_int_equal(conn.family, AF_INET);
    assert_int_equal(conn.type, SOCK_STREAM);
    assert_int_equal(conn.proto, IPPROTO_TCP);
    /* The kernel hands SO_RCVLOWAT down; a receive has to know. */
    assert_int_equal(conn.flags, CSOCK_SIGPIPE | CSOCK_NO_TRY);
    assert_int_equal(peer_len, sizeof peer.in);
    assert_true(fcntl(csock_fd(&conn), F_GETFD) & FD_CLOEXEC);
    assert_false(util_is_nonblocking(&conn)); /* though the listener is by now */
    assert_true(util_is_nonblocking(&listener));
    close_all();
}

static void a_deadline_puts_the_listener_in_nonblocking_mode(void **state)
{
    struct util_call call = {.run = util_accept, .s = &listener};
    (void)state;
    listen_on(AF_UNIX);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NOWAIT), -EAGAIN);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, WITHIN(5 * MS)), CSOCK_ETIMEOUT);
    assert_true(util_is_nonblocking(&listener));
    assert_int_equal(fake_calls(FAKE_SET_NONBLOCK), 1);
    util_start_asleep(&call); /* for ever, on a listener that does not block */
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(util_join(&call), 0);
    fake_fail(FAKE_SET_NONBLOCK, 1, EIO);
    assert_int_equal(csock_set_blocking(&listener, true), -EIO);
    assert_int_equal(csock_set_blocking(&listener, true), 0);
    fake_fail(FAKE_SET_NONBLOCK, 1, EIO);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NOWAIT), -EIO);
    util_close(&client);
    util_close(&listener);
}

/* Another process takes the connection between poll and accept: wait on, do not block. */
static void take_it_away(void *arg)
{
    (void)arg;
    close(accept4(csock_fd(&listener), NULL, NULL, SOCK_CLOEXEC));
}

static void a_connection_taken_by_another_is_not_waited_for_in_accept(void **state)
{
    (void)state;
    listen_on(AF_UNIX);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    fake_fail(FAKE_ACCEPT4, 1, EAGAIN); /* the try: so that it polls */
    fake_hook(FAKE_ACCEPT4, 2, take_it_away, NULL);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, WITHIN(20 * MS)), CSOCK_ETIMEOUT);
    util_close(&client);
    util_close(&listener);
}

static void errors_of_accept_leave_the_listener_usable(void **state)
{
    static const int errors[] = {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO};
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        struct csock_wait w = {.deadline = deadline ? csock_deadline(5000 * MS) : CSOCK_FOREVER};
        listen_on(AF_INET);
        assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
        for (unsigned i = 0; i < COUNT(errors); i++) {
            fake_fail(FAKE_ACCEPT4, 1, errors[i]);
            assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, &w), -errors[i]);
        }
        fake_fail(FAKE_ACCEPT4, 1, EINTR); /* goes on by itself */
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, &w), 0);
        expect_connected();
        fake_install();
    }
}

static int accept_and_close_listener(int fd, struct sockaddr *a, socklen_t *l, int flags)
{
    int r = csock__sys_linux.accept4(fd, a, l, flags);
    csock_close(&listener);
    return r;
}

/* Descriptor 0 is a connection like any other: it came before the listener closed. */
static void accept_may_give_descriptor_0(void **state)
{
    (void)state;
    int stdin_copy = dup(0);
    listen_on(AF_UNIX);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    fake_under()->accept4 = accept_and_close_listener;
    close(0);
    int r = csock_accept(&listener, &conn, NULL, NULL, NULL), fd = csock_fd(&conn);
    if (r == 0)
        util_close(&conn);
    dup2(stdin_copy, 0);
    close(stdin_copy);
    assert_int_equal(r, 0);
    assert_int_equal(fd, 0);
    util_close(&client);
}

static void connect_in_two_halves(void **state)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    (void)state;
    for (unsigned i = 0; i < COUNT(families); i++) {
        listen_on(families[i]);
        int r = csock_connect_begin(&client, &addr.any, len);
        assert_true(r == 0 || r == -EINPROGRESS);
        assert_int_equal(csock_connect_finish(&client, WITHIN(5000 * MS)), 0);
        assert_true(util_is_nonblocking(&client));
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
        expect_connected();
    }
}

static int begin_and_finish(struct csock *s)
{
    int r = csock_connect_begin(s, &addr.any, len);
    return r == -EINPROGRESS ? csock_connect_finish(s, NULL) : r;
}

static void a_refused_connection_is_refused_in_every_way(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        listen_on(AF_INET);
        util_close(&listener);
        assert_int_equal(way == 0   ? csock_connect(&client, &addr.any, len, NULL)
                         : way == 1 ? csock_connect(&client, &addr.any, len, WITHIN(5000 * MS))
                                    : begin_and_finish(&client),
                         -ECONNREFUSED);
        util_close(&client);
    }
}

/* poll(2) would call it writable, without an error. */
static void an_absent_unix_listener_is_no_connection(void **state)
{
    (void)state;
    listen_on(AF_UNIX);
    util_close(&listener);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), -ECONNREFUSED);
    assert_int_equal(csock_connect(&client, &addr.any, len, WITHIN(5000 * MS)), -ECONNREFUSED);
    assert_int_equal(csock_connect_begin(&client, &addr.any, len), -ECONNREFUSED);
    util_close(&client);
}

/* Where the answer does not come: the backlog is full, so the kernel drops it. */
static void connect_keeps_its_deadline(int family)
{
    struct csock backlog[12];
    util_listener(&listener, family, 0, &addr, &len);
    int n = util_fill_backlog(backlog, 12, &addr, len);
    assert_int_equal(csock_open(&client, family, SOCK_STREAM, 0, 0), 0);
    int64_t start = csock_now(), cpu = util_thread_cpu();
    assert_int_equal(csock_connect(&client, &addr.any, len, WITHIN(150 * MS)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 149 * MS, SOON);
    assert_in_range(util_thread_cpu() - cpu, 0, 30 * MS);
    if (family == AF_INET)
        assert_int_equal(csock_connect_finish(&client, NOWAIT), CSOCK_ETIMEOUT);
    else
        assert_int_equal(csock_connect_begin(&client, &addr.any, len), -EAGAIN);
    while (n > 0)
        util_close(&backlog[--n]);
    util_close(&client);
    util_close(&listener);
}

static void connect_to_a_full_backlog_keeps_its_deadline(void **state)
{
    (void)state;
    connect_keeps_its_deadline(AF_INET);
    connect_keeps_its_deadline(AF_UNIX);
}

static ssize_t do_connect(struct util_call *call)
{
    return csock_connect(call->s, &addr.any, len, call->w);
}

/* Room appears while it waits. poll(2) would have called the socket writable all along. */
static void a_full_unix_backlog_is_waited_for(void **state)
{
    atomic_int interruptions = 0;
    struct csock_wait waits[] = {{.deadline = CSOCK_FOREVER},
                                 {.deadline = csock_deadline(60000 * MS)},
                                 {.interrupted = util_count_interrupted, .arg = &interruptions}};
    (void)state;
    util_count_signal(SIGUSR1);
    for (unsigned i = 0; i < COUNT(waits); i++) {
        struct csock backlog[12];
        struct util_call call = {.run = do_connect, .s = &client, .w = &waits[i]};
        util_listener(&listener, AF_UNIX, 0, &addr, &len);
        int n = util_fill_backlog(backlog, 12, &addr, len);
        assert_int_equal(csock_open(&client, AF_UNIX, SOCK_STREAM, 0, 0), 0);
        util_start_asleep(&call);
        util_signal_call(&call, SIGUSR1); /* a signal does not make it "connected" */
        util_sleep(5 * MS);
        assert_int_not_equal(call.tid, -1);
        for (int k = 0; k < n - 1; k++) { /* the last of them never got in */
            assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
            util_close(&conn);
        }
        assert_int_equal(util_join(&call), 0);
        while (n > 0)
            util_close(&backlog[--n]);
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
        expect_connected();
    }
}

/* An Internet socket goes on connecting by itself: ask for the outcome, do not connect again. */
static void an_interrupted_connect_goes_on(void **state)
{
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        struct csock_wait w = {.deadline = deadline ? csock_deadline(5000 * MS) : CSOCK_FOREVER};
        listen_on(AF_INET);
        assert_int_equal(csock_set_blocking(&client, false), 0);
        assert_true(connect(csock_fd(&client), &addr.any, len) == 0 || errno == EINPROGRESS);
        assert_int_equal(csock_set_blocking(&client, true), 0);
        fake_install();
        fake_fail(FAKE_CONNECT, 1, deadline ? EINPROGRESS : EINTR);
        fake_fail(FAKE_POLL, 1, EINTR);
        if (!deadline) /* SO_SNDTIMEO is not known: then it has none */
            fake_fail(FAKE_GETSOCKOPT, 1, ENOBUFS);
        assert_int_equal(csock_connect(&client, &addr.any, len, &w), 0);
        assert_int_equal(fake_calls(FAKE_CONNECT), 1);
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
        expect_connected();
    }
}

static void a_failing_question_for_the_outcome_is_reported(void **state)
{
    (void)state;
    listen_on(AF_INET);
    assert_true(csock_connect_begin(&client, &addr.any, len) <= 0);
    fake_fail(FAKE_GETSOCKOPT, 1, EINTR);
    assert_int_equal(csock_connect_finish(&client, NULL), -EINTR);
    assert_int_equal(csock_connect_finish(&client, NULL), 0);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
    expect_connected();
}

static void an_address_of_another_family_is_an_error(void **state)
{
    union csock_addr wrong;
    socklen_t wrong_len;
    (void)state;
    listen_on(AF_INET);
    assert_int_equal(csock_addr_parse(AF_UNIX, "@nobody", &wrong, &wrong_len), 0);
    assert_true(csock_connect(&client, &wrong.any, wrong_len, NULL) < 0);
    assert_true(csock_bind(&client, &wrong.any, wrong_len) < 0);
    assert_int_equal(csock_connect(&client, &addr.any, 1, NULL), -EINVAL);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
    expect_connected();
}

/* The error comes at once and once: whoever goes on after it has to pause, csock does not spin. */
static void no_descriptor_left_is_told_at_once(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    (void)state;
    listen_on(AF_INET);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    for (size_t i = 0; i < 2 * COUNT(errors); i++) {
        const struct csock_wait *w = i % 2 ? WITHIN(60000 * MS) : NULL;
        unsigned before = fake_calls(FAKE_ACCEPT4);
        fake_fail(FAKE_ACCEPT4, 1, errors[i / 2]);
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, w), -errors[i / 2]);
        assert_int_equal(fake_calls(FAKE_ACCEPT4), before + 1);
    }
    assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0); /* it is still there */
    expect_connected();
}

/* As programs have them: aligned as their own type asks, which is less than the union does. */
static void a_plain_sockaddr_will_do(void **state)
{
    struct {
        _Alignas(8) uint32_t before;
        struct sockaddr_in in;
    } odd = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    const struct sockaddr *to = (const struct sockaddr *)&odd.in;
    union csock_addr name;
    socklen_t name_len;
    struct csock s[2];
    char byte;
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(csock_open(&s[i], AF_INET, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_bind(&s[1], to, sizeof odd.in), 0);
    assert_int_equal(csock_sockname(&s[1], &name, &name_len), 0);
    odd.in.sin_port = name.in.sin_port;
    assert_int_equal(csock_try_send_to(&s[0], "x", 1, 0, to, sizeof odd.in), 1);
    assert_int_equal(csock_send_to(&s[0], "x", 1, 0, to, sizeof odd.in, NULL), 1);
    assert_int_equal(csock_connect(&s[0], to, sizeof odd.in, NULL), 0);
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(csock_recv(&s[1], &byte, 1, 0, WITHIN(5000 * MS)), 1);
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(an_accepted_socket_is_the_listeners_child),
        TEST(a_deadline_puts_the_listener_in_nonblocking_mode),
        TEST(a_connection_taken_by_another_is_not_waited_for_in_accept),
        TEST(errors_of_accept_leave_the_listener_usable),
        TEST(accept_may_give_descriptor_0),
        TEST(connect_in_two_halves),
        TEST(a_refused_connection_is_refused_in_every_way),
        TEST(an_absent_unix_listener_is_no_connection),
        TEST(connect_to_a_full_backlog_keeps_its_deadline),
        TEST(a_full_unix_backlog_is_waited_for),
        TEST(an_interrupted_connect_goes_on),
        TEST(a_failing_question_for_the_outcome_is_reported),
        TEST(an_address_of_another_family_is_an_error),
        TEST(no_descriptor_left_is_told_at_once),
        TEST(a_plain_sockaddr_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
