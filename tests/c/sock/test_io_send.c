/* Sending: the whole of it on a blocking stream, what went when something came between, and no
 * SIGPIPE. Receiving is in test_io.c. */
#include "util.h"

#define LARGE (1 << 20)

static struct csock s[2];
static char large[LARGE];

static void open_pair(int family, int type)
{
    util_pair(s, family, type);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 >> 3);
}

static void close_pair(void)
{
    util_close(&s[0]);
    util_close(&s[1]);
}

/* Receives all until the end and compares. Returns the count, or -1. */
static ssize_t drain(struct util_call *call)
{
    static char came[LARGE];
    size_t n = 0;
    ssize_t r;
    while ((r = csock_recv(call->s, came + n, LARGE - n, 0, WITHIN(20000 * MS))) > 0)
        n += (size_t)r;
    return r == 0 && memcmp(came, large, n) == 0 ? (ssize_t)n : -1;
}

static struct util_call reader = {.run = drain, .s = &s[1]};

static ssize_t end_and_count(void)
{
    assert_int_equal(csock_shutdown(&s[0], SHUT_WR), 0);
    return util_join(&reader);
}

static void a_blocking_stream_sends_the_whole_length(void **state)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    (void)state;
    for (unsigned i = 0; i < COUNT(families); i++) {
        open_pair(families[i], SOCK_STREAM);
        util_start(&reader);
        fake_short(FAKE_SEND, 1, 3); /* the try */
        assert_int_equal(csock_send(&s[0], large, LARGE, 0, NULL), LARGE);
        assert_int_equal(end_and_count(), LARGE);
        close_pair();
    }
}

static ssize_t send_large(struct util_call *call)
{
    return csock_send(call->s, large, LARGE, 0, call->w);
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

/* What went before the signal: the kernel's own count if the blocking call had begun. */
static void a_signal_during_send_gives_what_went(void **state)
{
    struct csock_wait w = {.interrupted = stop};
    struct util_call call = {.run = send_large, .s = &s[0], .w = &w};
    (void)state;
    util_count_signal(SIGUSR1);
    for (int full = 0; full < 2; full++) {
        open_pair(AF_UNIX, SOCK_STREAM);
        fake_install();
        if (full) /* the try gives nothing, so all is done by one blocking call */
            fake_fail(FAKE_SEND, 1, EAGAIN);
        util_start_asleep(&call);
        util_signal_call(&call, SIGUSR1);
        ssize_t sent = util_join(&call);
        assert_in_range(sent, 1, LARGE - 1);
        assert_int_equal(fake_calls(FAKE_SEND), 2); /* it was not sent on after the signal */
        util_start(&reader);
        assert_int_equal(end_and_count(), sent);
        close_pair();
    }
}

static void a_signal_before_any_byte_is_survived(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_fail(FAKE_SEND, 1, EINTR); /* the try */
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), 9);
    fake_fail(FAKE_SEND, 1, EAGAIN);
    fake_fail(FAKE_SEND, 2, EINTR); /* the blocking call */
    assert_int_equal(csock_send(&s[0], large + 9, 9, 0, NULL), 9);
    util_start(&reader);
    assert_int_equal(end_and_count(), 18);
    close_pair();
}

/* After some bytes went out their count is the answer; the next call tells the rest. */
static void an_error_after_some_bytes_waits_for_the_next_call(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_short(FAKE_SEND, 1, 3);
    fake_fail(FAKE_SEND, 2, ENOBUFS);
    fake_fail(FAKE_SEND, 3, ENOBUFS);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), 3);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), -ENOBUFS);
    close_pair();
}

static void the_kernels_own_send_timeout_ends_the_call(void **state)
{
    struct timeval tv = {.tv_usec = 50000};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_opt_set(&s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv), 0);
    fake_fail(FAKE_SEND, 1, EAGAIN);
    int64_t start = csock_now();
    assert_in_range(csock_send(&s[0], large, LARGE, 0, NULL), 1, LARGE - 1);
    assert_in_range(csock_now() - start, 45 * MS, SOON);
    assert_int_equal(fake_calls(FAKE_SEND), 2);
    close_pair();
}

/* Elsewhere the count may be short: with a deadline, MSG_DONTWAIT, or on a non-blocking stream. */
static void other_sends_are_not_continued(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_short(FAKE_SEND, FAKE_EVERY, 3);
    assert_int_equal(csock_send(&s[0], large, 9, 0, WITHIN(5000 * MS)), 3);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NOWAIT), 3);
    assert_int_equal(csock_send(&s[0], large, 9, MSG_DONTWAIT, NULL), 3);
    assert_int_equal(csock_set_blocking(&s[0], false), 0);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), 3);
    close_pair();
    open_pair(AF_UNIX, SOCK_SEQPACKET);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), 3);
    close_pair();
    open_pair(AF_INET, SOCK_DGRAM);
    assert_int_equal(csock_send(&s[0], large, 9, 0, NULL), 3);
    close_pair();
}

static void a_datagram_goes_whole_or_not_at_all(void **state)
{
    (void)state;
    open_pair(AF_INET, SOCK_DGRAM);
    assert_int_equal(csock_send(&s[0], large, 70000, 0, NULL), -EMSGSIZE);
    assert_int_equal(csock_recv(&s[1], large, LARGE, 0, NOWAIT), -EAGAIN);
    close_pair();
}

static void send_all_sends_all_under_one_deadline(void **state)
{
    size_t sent = 99;
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        open_pair(AF_INET, SOCK_STREAM);
        util_start(&reader);
        for (unsigned nth = 1; nth <= 4; nth++) {
            fake_fail(FAKE_SEND, 2 * nth, EINTR);
            fake_short(FAKE_SEND, 2 * nth + 1, nth);
        }
        struct csock_wait w = {.deadline = deadline ? csock_deadline(20000 * MS) : CSOCK_FOREVER};
        assert_int_equal(csock_send_all(&s[0], large, LARGE, 0, &sent, &w), 0);
        assert_int_equal(sent, LARGE);
        assert_int_equal(end_and_count(), LARGE);
        close_pair();
        fake_install();
    }
}

static void send_all_tells_how_much_went(void **state)
{
    size_t sent = 99;
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_send_all(&s[0], large, LARGE, 0, &sent, WITHIN(30 * MS)),
                     CSOCK_ETIMEOUT);
    assert_in_range(sent, 1, LARGE - 1);
    size_t first = sent;
    assert_int_equal(csock_send_all(&s[0], large, LARGE, 0, &sent, NOWAIT), -EAGAIN);
    assert_int_equal(sent, 0);
    assert_int_equal(csock_send_all(&s[0], large, LARGE, 0, NULL, NOWAIT), -EAGAIN);
    util_start(&reader);
    assert_int_equal(end_and_count(), first);
    close_pair();
}

static void send_all_hears_a_signal_between_its_parts(void **state)
{
    atomic_int heard = 0;
    size_t sent = 99;
    struct csock_wait goes_on = {.interrupted = util_count_interrupted, .arg = &heard};
    struct csock_wait stops = {.interrupted = stop};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    for (unsigned nth = 1; nth <= 2; nth++)
        fake_short(FAKE_SEND, nth, 3);
    assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, &goes_on), 0);
    assert_int_equal(sent, 9);
    assert_int_equal(heard, 1); /* the try and the blocking call took 6 */
    fake_short(FAKE_SEND, 1, 3);
    fake_short(FAKE_SEND, 2, 3);
    assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, &stops), CSOCK_EINTERRUPTED);
    assert_int_equal(sent, 6);
    assert_int_equal(csock_send_all(&s[0], large, 0, 0, &sent, &stops), 0);
    assert_int_equal(sent, 0);
    close_pair();
}

/* Each send finds room, and none has to wait. */
static void send_all_looks_at_the_clock_between_its_parts(void **state)
{
    struct csock_wait waits[] = {{.deadline = MS}, {.timeout = 5}, {.timeout = -1}};
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        size_t sent = 99;
        open_pair(AF_UNIX, SOCK_STREAM);
        fake_clock_set(MS - 1);
        assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, &waits[i]), 0);
        assert_int_equal(fake_calls(FAKE_CLOCK), 0); /* nobody looks in one part */
        fake_clock_add(waits[i].deadline ? 1 : 0);
        fake_short(FAKE_SEND, 1, 3);
        int r = csock_send_all(&s[0], large, 9, 0, &sent, &waits[i]), wanted = i == 1;
        assert_int_equal(r, wanted ? 0 : CSOCK_ETIMEOUT);
        assert_int_equal(sent, wanted ? 9 : 3);
        fake_short(FAKE_SEND, 1, 3);
        assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, NOWAIT), 0);
        close_pair();
        fake_install();
    }
}

static int an_hour_passes(void *arg)
{
    (void)arg;
    fake_clock_add(3600000 * MS);
    return 0;
}

static void send_all_has_one_timeout_for_its_parts(void **state)
{
    struct csock_wait w = {.timeout = MS, .interrupted = an_hour_passes};
    size_t sent = 99;
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_clock_set(MS);
    fake_short(FAKE_SEND, 1, 2);
    fake_short(FAKE_SEND, 2, 2);
    assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, &w), CSOCK_ETIMEOUT);
    assert_int_equal(sent, 4); /* the time began after the first part */
    close_pair();
}

static int stop_once(void *arg)
{
    atomic_int *asked = arg;
    return atomic_fetch_add(asked, 1) == 0;
}

/* A binding has its exception from the first "stop"; asked again it would say "go on". */
static void send_all_stops_at_the_first_stop(void **state)
{
    atomic_int asked = 0;
    size_t sent = 99;
    struct csock_wait w = {.interrupted = stop_once, .arg = &asked};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_short(FAKE_SEND, 1, 3);
    fake_fail(FAKE_SEND, 2, EINTR); /* the blocking call, after the try */
    assert_int_equal(csock_send_all(&s[0], large, 9, 0, &sent, &w), CSOCK_EINTERRUPTED);
    assert_int_equal(sent, 3);
    assert_int_equal(asked, 1);
    close_pair();
}

static void no_sigpipe(void **state)
{
    static const int kinds[][2] = {
        {AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_SEQPACKET}};
    (void)state;
    util_count_signal(SIGPIPE);
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        open_pair(kinds[i][0], kinds[i][1]);
        assert_int_equal(csock_shutdown(&s[0], SHUT_WR), 0);
        assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), -EPIPE);
        assert_int_equal(csock_send(&s[0], "x", 1, 0, WITHIN(5000 * MS)), -EPIPE);
        assert_int_equal(csock_send_all(&s[0], "x", 1, 0, NULL, NULL), -EPIPE);
        close_pair();
    }
    assert_int_equal(util_signals, 0);
}

static void sigpipe_for_those_who_want_it(void **state)
{
    (void)state;
    util_count_signal(SIGPIPE);
    assert_int_equal(csock_pair(s, AF_UNIX, SOCK_STREAM, 0, CSOCK_SIGPIPE), 0);
    util_close(&s[1]);
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), -EPIPE);
    assert_int_equal(util_signals, 1);
    assert_int_equal(csock_send(&s[0], "x", 1, MSG_NOSIGNAL, NULL), -EPIPE);
    assert_int_equal(util_signals, 1);
    util_close(&s[0]);
}

static int flags_seen;

static ssize_t note_flags(int fd, const void *buf, size_t n, int flags)
{
    flags_seen = flags;
    return csock__sys_linux.send(fd, buf, n, flags);
}

/* Families that nobody knows of here may reject a flag that they do not know. */
static void nosignal_is_for_stream_families_only(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_under()->send = note_flags;
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    assert_true(flags_seen & MSG_NOSIGNAL);
    s[0].family = AF_PACKET;
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    assert_false(flags_seen & MSG_NOSIGNAL);
    s[0].family = AF_UNIX;
    s[0].type = SOCK_DGRAM;
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    assert_false(flags_seen & MSG_NOSIGNAL);
    close_pair();
}

static void send_all_makes_no_call_that_it_does_not_need(void **state)
{
    size_t sent = 99;
    char came[16];
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_send_all(&s[0], "abc", 3, 0, &sent, NULL), 0);
    assert_int_equal(fake_calls(FAKE_SEND), 1);
    assert_int_equal(csock_try_send(&s[0], "def", 3, 0), 3); /* of "defghijkl" */
    fake_short(FAKE_SEND, 1, 2);
    fake_short(FAKE_SEND, 2, 1);
    assert_int_equal(csock_send_all_tried(&s[0], "defghijkl", 9, 0, &sent, 3, NULL), 0);
    assert_int_equal(sent, 9);
    assert_int_equal(csock_recv(&s[1], came, sizeof came, 0, NOWAIT), 12);
    assert_memory_equal(came, "abcdefghijkl", 12);
    close_pair();
}

/* Each call makes a notification, or begins a connection: so the blocking call is the first. */
static void what_is_to_be_one_call_is_not_tried(void **state)
{
    static const int flags[] = {MSG_FASTOPEN, MSG_ZEROCOPY};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_under()->send = note_flags;
    for (size_t i = 0; i < COUNT(flags); i++) {
        assert_int_equal(csock_send(&s[0], "x", 1, flags[i], NULL), 1);
        assert_int_equal(flags_seen & MSG_DONTWAIT, 0);
    }
    assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_RCVLOWAT, 2), 0); /* CSOCK_NO_TRY */
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    assert_int_equal(flags_seen & MSG_DONTWAIT, 0);
    assert_int_equal(fake_calls(FAKE_SEND), 3);
    close_pair();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_blocking_stream_sends_the_whole_length),
        TEST(a_signal_during_send_gives_what_went),
        TEST(a_signal_before_any_byte_is_survived),
        TEST(an_error_after_some_bytes_waits_for_the_next_call),
        TEST(the_kernels_own_send_timeout_ends_the_call),
        TEST(other_sends_are_not_continued),
        TEST(a_datagram_goes_whole_or_not_at_all),
        TEST(send_all_sends_all_under_one_deadline),
        TEST(send_all_tells_how_much_went),
        TEST(send_all_hears_a_signal_between_its_parts),
        TEST(send_all_stops_at_the_first_stop),
        TEST(send_all_looks_at_the_clock_between_its_parts),
        TEST(send_all_has_one_timeout_for_its_parts),
        TEST(no_sigpipe),
        TEST(sigpipe_for_those_who_want_it),
        TEST(send_all_makes_no_call_that_it_does_not_need),
        TEST(what_is_to_be_one_call_is_not_tried),
        TEST(nosignal_is_for_stream_families_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
