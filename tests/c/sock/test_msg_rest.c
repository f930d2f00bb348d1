/* Messages of which the kernel takes a part: what becomes of the rest. */
#include "letter.h"

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
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_recv(&s[1], buf, 1, 0, WITHIN(1)), CSOCK_ETIMEOUT);
    close_pair();
    int kept = fake_live(); /* the thread's record, if this was its first wait */
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
        assert_int_equal(fake_live(), kept);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_rest_goes_without_ancillary_data),
        TEST(without_memory_for_the_rest_the_count_is_short),
        TEST(an_error_after_the_first_part_waits_for_the_next_call),
        TEST(other_sends_are_not_continued),
        TEST(signals_do_not_end_it_unless_they_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
