/* Messages: what goes and comes beside the data, also where a socket is being closed. */
#include "letter.h"

static void it_goes_in_parts_and_comes_in_others(void **state)
{
    static const int kinds[][2] = {{AF_INET, SOCK_STREAM},    {AF_UNIX, SOCK_STREAM},
                                   {AF_INET, SOCK_DGRAM},     {AF_INET6, SOCK_DGRAM},
                                   {AF_UNIX, SOCK_SEQPACKET}, {AF_UNIX, SOCK_DGRAM}};
    (void)state;
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        open_pair(kinds[i][0], kinds[i][1]);
        fake_install();
        assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, WITHIN(5000 * MS)), 7);
        assert_int_equal(receive(envelope(0), WITHIN(5000 * MS)), 7);
        assert_string_equal(buf, "abcdefg");
        assert_int_equal(fake_calls(FAKE_SENDMSG), 1);
        assert_int_equal(fake_calls(FAKE_SEND) + fake_calls(FAKE_RECV), 0);
        close_pair();
    }
}

static void a_datagram_goes_to_an_address_and_tells_the_senders(void **state)
{
    union csock_addr addr, from;
    socklen_t len;
    struct csock client;
    (void)state;
    util_bound(&s[1], AF_INET, SOCK_DGRAM, &addr, &len);
    assert_int_equal(csock_open(&client, AF_INET, SOCK_DGRAM, 0, 0), 0);
    struct letter *l = letter();
    l->msg.msg_name = &addr;
    l->msg.msg_namelen = len;
    assert_int_equal(csock_sendmsg(&client, &l->msg, 0, NULL), 7);
    l = envelope(0);
    l->msg.msg_name = &from;
    l->msg.msg_namelen = sizeof from;
    assert_int_equal(receive(l, NULL), 7);
    assert_int_equal(l->msg.msg_namelen, sizeof from.in);
    assert_int_equal(l->msg.msg_flags, MSG_CMSG_CLOEXEC);
    assert_int_equal(csock_sockname(&client, &addr, &len), 0);
    assert_int_equal(csock_addr_port(&from.any, sizeof from.in), csock_addr_port(&addr.any, len));
    util_close(&client);
    util_close(&s[1]);
}

static void failure_leaves_the_header_as_it_was(void **state)
{
    union csock_addr from;
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    struct letter *l = envelope(sizeof l->control);
    l->msg.msg_name = &from;
    l->msg.msg_namelen = sizeof from;
    struct msghdr before = l->msg;
    assert_int_equal(receive(l, NOWAIT), -EAGAIN);
    assert_int_equal(receive(l, WITHIN(20 * MS)), CSOCK_ETIMEOUT);
    fake_fail(FAKE_RECVMSG, 1, ECONNRESET);
    assert_int_equal(receive(l, NULL), -ECONNRESET);
    assert_memory_equal(&l->msg, &before, sizeof before);
    close_pair();
}

/* Asserts that n descriptors came, and closes them. */
static void descriptors_come_close_on_exec_if_asked(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    for (int cloexec = 0; cloexec < 2; cloexec++) {
        struct csock_cmsg item;
        size_t at = 0;
        int fd;
        assert_int_equal(csock_sendmsg(&s[0], &letter_with_fds(1)->msg, 0, NULL), 7);
        struct letter *l = envelope(sizeof l->control);
        assert_int_equal(csock_recvmsg(&s[1], &l->msg, cloexec ? MSG_CMSG_CLOEXEC : 0, NULL), 7);
        assert_int_equal(csock_cmsg_next(&l->msg, &at, &item), 1);
        memcpy(&fd, item.data, sizeof fd);
        assert_int_equal(fcntl(fd, F_GETFD), cloexec ? FD_CLOEXEC : 0);
        expect_fds(l, 1);
    }
    close_pair();
}

static void descriptors_without_room_are_not_ours(void **state)
{
    (void)state;
    util_not_emulated("descriptors without room come all the same, and MSG_CTRUNC does not");
    open_pair(AF_UNIX, SOCK_SEQPACKET);
    assert_int_equal(csock_sendmsg(&s[0], &letter_with_fds(8)->msg, 0, NULL), 7);
    struct letter *l = envelope(CMSG_LEN(3 * sizeof(int)));
    assert_int_equal(receive(l, NULL), 7);
    assert_true(l->msg.msg_flags & MSG_CTRUNC);
    expect_fds(l, 3);
    close_pair(); /* the teardown counts the descriptors of the process */
}

static void a_datagram_longer_than_its_buffers_says_so(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_DGRAM);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), 7);
    struct letter *l = envelope(0);
    l->msg.msg_iovlen = 1;
    assert_int_equal(csock_recvmsg(&s[1], &l->msg, MSG_TRUNC, NULL), 7);
    assert_true(l->msg.msg_flags & MSG_TRUNC);
    assert_string_equal(buf, "abc");
    close_pair();
}

static ssize_t recvmsg_call(struct util_call *call)
{
    struct letter l = {.parts = {{buf, sizeof buf}}};
    l.msg = (struct msghdr){.msg_iov = l.parts, .msg_iovlen = 1};
    return csock_recvmsg(call->s, &l.msg, 0, call->w);
}

static ssize_t sendmsg_call(struct util_call *call)
{
    return csock_sendmsg(call->s, &letter()->msg, 0, call->w);
}

static void closing_ends_it(void **state)
{
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    const struct csock_wait *const waits[] = {NULL, &timed};
    (void)state;
    for (unsigned i = 0; i < COUNT(waits); i++) {
        struct util_call in = {.run = recvmsg_call, .s = &s[1], .w = waits[i]};
        struct util_call out = {.run = sendmsg_call, .s = &s[0], .w = waits[i]};
        open_pair(AF_UNIX, SOCK_STREAM);
        util_fill(&s[0]);
        util_start_asleep(&out);
        util_close(&s[0]);
        assert_int_equal(util_join(&out), CSOCK_ECLOSED);
        while (csock_recv(&s[1], buf, sizeof buf, 0, NULL) > 0)
            continue;
        util_close(&s[1]);
        open_pair(AF_UNIX, SOCK_STREAM);
        util_start_asleep(&in);
        util_close(&s[1]);
        assert_int_equal(util_join(&in), CSOCK_ECLOSED);
        util_close(&s[0]);
    }
}

static ssize_t close_call(struct util_call *call)
{
    return csock_close(call->s);
}

/* Until the socket is being closed, by another thread. */
static void begin_closing(void *arg)
{
    int type;
    util_start(arg);
    while (csock_opt_get_int(&s[1], SOL_SOCKET, SO_TYPE, &type) == 0)
        util_sleep(MS / 10);
}

/* A message without a byte counts as nothing where the socket is being closed: its descriptors
 * would be nobody's. The teardown counts those of the process. */
static void descriptors_that_nobody_hears_of_are_closed(void **state)
{
    (void)state;
    util_not_emulated("a message without buffers is not sent");
    open_pair(AF_UNIX, SOCK_SEQPACKET);
    struct util_call closer = {.run = close_call, .s = &s[1]};
    struct letter *l = letter_with_fds(3);
    l->msg.msg_iovlen = 0;
    assert_int_equal(csock_sendmsg(&s[0], &l->msg, 0, NULL), 0);
    fake_hook(FAKE_RECVMSG, 1, begin_closing, &closer);
    assert_int_equal(receive(envelope(sizeof l->control), NULL), CSOCK_ECLOSED);
    assert_int_equal(util_join(&closer), 0);
    assert_int_equal(fake_calls(FAKE_CLOSE), 4);
    util_close(&s[0]);
}

static void a_broken_pipe_is_an_error_and_no_signal(void **state)
{
    (void)state;
    util_count_signal(SIGPIPE);
    open_pair(AF_UNIX, SOCK_STREAM);
    util_close(&s[1]);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), -EPIPE);
    assert_int_equal(util_signals, 0);
    util_close(&s[0]);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), -EBADF);
    assert_int_equal(receive(envelope(0), NULL), -EBADF);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(it_goes_in_parts_and_comes_in_others),
        TEST(a_datagram_goes_to_an_address_and_tells_the_senders),
        TEST(failure_leaves_the_header_as_it_was),
        TEST(descriptors_come_close_on_exec_if_asked),
        TEST(descriptors_without_room_are_not_ours),
        TEST(a_datagram_longer_than_its_buffers_says_so),
        TEST(closing_ends_it),
        TEST(descriptors_that_nobody_hears_of_are_closed),
        TEST(a_broken_pipe_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
