/* Messages: what goes and comes beside the data, and what is left of it under faults. */
#include "util.h"

#include <sys/uio.h>

static struct csock s[2];
static char buf[64];

static void open_pair(int family, int type)
{
    util_pair(s, family, type);
}

static void close_pair(void)
{
    util_close(&s[0]);
    util_close(&s[1]);
}

/* A message of two parts, "ab" and "cdefg", with room for ancillary data. */
struct letter {
    struct msghdr msg;
    struct iovec parts[3];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
};

static struct letter *letter(void)
{
    static struct letter l;
    l = (struct letter){
        .parts = {{(void *)(uintptr_t) "ab", 2}, {NULL, 0}, {(void *)(uintptr_t) "cdefg", 5}}};
    l.msg = (struct msghdr){.msg_iov = l.parts, .msg_iovlen = 3, .msg_control = l.control};
    return &l;
}

/* n descriptors, of standard input. */
static struct letter *letter_with_fds(size_t n)
{
    static const int fds[8];
    struct letter *l = letter();
    assert_int_equal(
        csock_cmsg_add(&l->msg, sizeof l->control, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof *fds),
        0);
    return l;
}

/* Receives into parts of 3 and 61 bytes of buf, and `room` bytes of ancillary data. */
static struct letter *envelope(size_t room)
{
    static struct letter l;
    memset(buf, 0, sizeof buf);
    l = (struct letter){.parts = {{buf, 3}, {buf + 3, sizeof buf - 3}}};
    l.msg = (struct msghdr){.msg_iov = l.parts,
                            .msg_iovlen = 2,
                            .msg_control = l.control,
                            .msg_controllen = room,
                            .msg_flags = 99};
    return &l;
}

static ssize_t receive(struct letter *l, const struct csock_wait *w)
{
    return csock_recvmsg(&s[1], &l->msg, MSG_CMSG_CLOEXEC, w);
}

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
static void expect_fds(const struct letter *l, size_t n)
{
    assert_int_equal(csock_cmsg_close_fds(&l->msg), n);
}

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

/* The kernel under a send that takes only `most` bytes of each call, and what it was given. */
static size_t most, given[4], n_given;
static bool with_control[4];

static ssize_t short_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct iovec part = {NULL, 0};
    struct msghdr cut = *msg;
    size_t all = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        all += msg->msg_iov[i].iov_len;
    assert_true(n_given < COUNT(given));
    given[n_given] = all;
    with_control[n_given++] = msg->msg_control != NULL;
    char *joined = malloc(all);
    for (size_t i = 0, at = 0; i < msg->msg_iovlen; i++) {
        if (msg->msg_iov[i].iov_len > 0)
            memcpy(joined + at, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
        at += msg->msg_iov[i].iov_len;
    }
    part = (struct iovec){joined, all < most ? all : most};
    cut.msg_iov = &part;
    cut.msg_iovlen = 1;
    ssize_t r = csock__sys_linux.sendmsg(fd, &cut, flags);
    free(joined);
    most = SIZE_MAX;
    return r;
}

static void takes_at_first(size_t n)
{
    n_given = 0;
    most = n;
    fake_under()->sendmsg = short_sendmsg;
}

static void the_rest_goes_without_ancillary_data(void **state)
{
    (void)state;
    for (size_t n = 1; n < 7; n++) {
        open_pair(AF_UNIX, SOCK_STREAM);
        takes_at_first(n);
        assert_int_equal(csock_sendmsg(&s[0], &letter_with_fds(2)->msg, 0, NULL), 7);
        assert_int_equal(n_given, 2);
        assert_int_equal(given[1], 7 - n);
        assert_true(with_control[0]);
        assert_false(with_control[1]);
        struct letter *l = envelope(sizeof l->control);
        size_t came = (size_t)receive(l, NULL); /* the stream is cut where the descriptors are */
        expect_fds(l, 2);
        while (came < 7) {
            ssize_t r = csock_recv(&s[1], buf + came, 7 - came, 0, NULL);
            assert_true(r > 0);
            came += (size_t)r;
        }
        assert_string_equal(buf, "abcdefg");
        assert_int_equal(csock_recvmsg(&s[1], &envelope(64)->msg, 0, NOWAIT), -EAGAIN);
        assert_int_equal(fake_live(), 0);
        close_pair();
    }
}

static void without_memory_for_the_rest_the_count_is_short(void **state)
{
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    takes_at_first(3);
    fake_fail(FAKE_ALLOC, 1, ENOMEM);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), 3);
    assert_int_equal(n_given, 1);
    close_pair();
}

static void an_error_after_the_first_part_waits_for_the_next_call(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    takes_at_first(3);
    fake_fail(FAKE_SENDMSG, 2, ENOBUFS);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), 3);
    fake_fail(FAKE_SENDMSG, 1, ENOBUFS);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, NULL), -ENOBUFS);
    assert_int_equal(fake_live(), 0);
    close_pair();
}

static ssize_t short_once(const struct csock_wait *w, int flags)
{
    takes_at_first(3);
    ssize_t r = csock_sendmsg(&s[0], &letter()->msg, flags, w);
    assert_int_equal(n_given, 1);
    return r;
}

static void other_sends_are_not_continued(void **state)
{
    static const int kinds[][2] = {
        {AF_UNIX, SOCK_SEQPACKET}, {AF_UNIX, SOCK_DGRAM}, {AF_INET, SOCK_DGRAM}};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(short_once(WITHIN(5000 * MS), 0), 3);
    assert_int_equal(short_once(NOWAIT, 0), 3);
    assert_int_equal(short_once(NULL, MSG_DONTWAIT), 3);
    assert_int_equal(csock_set_blocking(&s[0], false), 0);
    assert_int_equal(short_once(NULL, 0), 3);
    close_pair();
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        open_pair(kinds[i][0], kinds[i][1]);
        assert_int_equal(short_once(NULL, 0), 3);
        close_pair();
    }
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

static void signals_do_not_end_it_unless_they_say_so(void **state)
{
    atomic_int heard = 0;
    struct csock_wait goes_on = {.interrupted = util_count_interrupted, .arg = &heard};
    struct csock_wait stops = {.interrupted = stop};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_fail(FAKE_SENDMSG, 1, EINTR);
    fake_fail(FAKE_SENDMSG, 2, EAGAIN); /* the try; then the blocking call */
    fake_fail(FAKE_SENDMSG, 3, EINTR);
    assert_int_equal(csock_sendmsg(&s[0], &letter_with_fds(1)->msg, 0, &goes_on), 7);
    assert_int_equal(heard, 2);
    fake_fail(FAKE_RECVMSG, 1, EINTR);
    fake_fail(FAKE_RECVMSG, 2, EAGAIN);
    fake_fail(FAKE_RECVMSG, 3, EINTR);
    struct letter *l = envelope(sizeof l->control);
    assert_int_equal(receive(l, &goes_on), 7);
    assert_int_equal(heard, 4);
    expect_fds(l, 1);
    fake_fail(FAKE_SENDMSG, 1, EINTR);
    assert_int_equal(csock_sendmsg(&s[0], &letter()->msg, 0, &stops), CSOCK_EINTERRUPTED);
    fake_fail(FAKE_RECVMSG, 1, EINTR);
    assert_int_equal(receive(envelope(0), &stops), CSOCK_EINTERRUPTED);
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
        TEST(the_rest_goes_without_ancillary_data),
        TEST(without_memory_for_the_rest_the_count_is_short),
        TEST(an_error_after_the_first_part_waits_for_the_next_call),
        TEST(other_sends_are_not_continued),
        TEST(signals_do_not_end_it_unless_they_say_so),
        TEST(closing_ends_it),
        TEST(descriptors_that_nobody_hears_of_are_closed),
        TEST(a_broken_pipe_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
