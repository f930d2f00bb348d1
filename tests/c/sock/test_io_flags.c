/* Receiving with flags and options that promise something: MSG_WAITALL, SO_RCVLOWAT, MSG_DONTWAIT,
 * MSG_ERRQUEUE, MSG_TRUNC. */
#include "util.h"

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

static void put(const char *text)
{
    assert_int_equal(csock_send(&s[1], text, strlen(text), 0, NULL), strlen(text));
}

static ssize_t recv_waitall(struct util_call *call)
{
    return csock_recv(call->s, buf, 8, MSG_WAITALL, call->w);
}

static void waitall_waits_for_all(void **state)
{
    struct util_call call = {.run = recv_waitall, .s = &s[0]};
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    put("abc"); /* a try would give 3 */
    util_start_asleep(&call);
    put("de");
    util_sleep(5 * MS);
    assert_int_not_equal(call.tid, -1);
    put("fgh");
    assert_int_equal(util_join(&call), 8);
    assert_memory_equal(buf, "abcdefgh", 8);
    assert_int_equal(fake_calls(FAKE_RECV), 1);
    close_pair();
}

static ssize_t recv_8(struct util_call *call)
{
    return csock_recv(call->s, buf, 8, 0, call->w);
}

static void the_low_water_mark_is_honoured(void **state)
{
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        struct util_call call = {.run = recv_8, .s = &s[0], .w = deadline ? &timed : NULL};
        open_pair(AF_INET, SOCK_STREAM);
        assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_RCVLOWAT, 4), 0);
        put("ab"); /* a try would give 2 */
        if (deadline)
            assert_int_equal(csock_recv(&s[0], buf, 8, 0, WITHIN(10 * MS)), CSOCK_ETIMEOUT);
        util_start_asleep(&call);
        put("cdef"); /* TCP has consumed "ab" and waits for 4 more */
        assert_int_equal(util_join(&call), 6);
        put("e");
        assert_int_equal(csock_ready(&s[0], 0, NOWAIT), CSOCK_ETIMEOUT);
        assert_int_equal(csock_recv(&s[0], buf, 8, 0, NOWAIT), 1);
        close_pair();
    }
}

static void dontwait_does_not_wait(void **state)
{
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_recv(&s[0], buf, 1, MSG_DONTWAIT, NULL), -EAGAIN);
    assert_int_equal(fake_calls(FAKE_RECV), 1);
    util_fill(&s[0]);
    assert_int_equal(csock_send(&s[0], "x", 1, MSG_DONTWAIT, NULL), -EAGAIN);
    close_pair();
}

/* An error report on a UDP socket whose peer is not there. ip(7), IP_RECVERR */
static void the_error_queue_never_waits_by_itself(void **state)
{
    struct csock u;
    union csock_addr nobody;
    socklen_t len;
    (void)state;
    util_hears_errors(&u, &nobody, &len);
    assert_int_equal(csock_recv(&u, buf, 9, MSG_ERRQUEUE, NULL), -EAGAIN);
    assert_int_equal(fake_calls(FAKE_RECV), 1);
    assert_int_equal(csock_recv(&u, buf, 9, MSG_ERRQUEUE, WITHIN(5 * MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_send_to(&u, "lost", 4, 0, &nobody.any, len, NULL), 4);
    assert_int_equal(csock_recv(&u, buf, 9, MSG_ERRQUEUE, WITHIN(5000 * MS)), 4);
    assert_memory_equal(buf, "lost", 4);
    util_close(&u);
}

static ssize_t recv_errqueue(struct util_call *call)
{
    return csock_recv(call->s, buf, 8, MSG_ERRQUEUE, call->w);
}

/* unix(7) has no such queue: the flag means nothing. */
static void without_an_error_queue_the_flag_means_nothing(void **state)
{
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    (void)state;
    for (int deadline = 0; deadline < 2; deadline++) {
        struct util_call call = {.run = recv_errqueue, .s = &s[0], .w = deadline ? &timed : NULL};
        open_pair(AF_UNIX, SOCK_DGRAM);
        util_start_asleep(&call);
        put("data");
        assert_int_equal(util_join(&call), 4);
        close_pair();
    }
}

static void trunc_counts_more_than_was_written(void **state)
{
    (void)state;
    open_pair(AF_INET, SOCK_DGRAM);
    put("datagram");
    memset(buf, '.', sizeof buf);
    ssize_t r = csock_recv(&s[0], buf, 3, MSG_TRUNC, NULL);
    assert_int_equal(r, 8);
    assert_memory_equal(buf, "dat.", 4);
    assert_int_equal(csock_recv_written(&s[0], r, 3, MSG_TRUNC), 3);
    assert_int_equal(csock_recv_written(&s[0], 2, 3, MSG_TRUNC), 2);
    assert_int_equal(csock_recv_written(&s[0], -EAGAIN, 3, 0), 0);
    close_pair();
    open_pair(AF_UNIX, SOCK_STREAM); /* where the flag means nothing */
    put("stream");
    assert_int_equal(csock_recv(&s[0], buf, 3, MSG_TRUNC, NULL), 3);
    assert_int_equal(csock_recv_written(&s[0], 3, 3, MSG_TRUNC), 3);
    close_pair();
}

static void trunc_on_tcp_writes_nothing(void **state)
{
    (void)state;
    for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET) {
        open_pair(family, SOCK_STREAM);
        put("thrown away");
        memset(buf, '.', sizeof buf);
        assert_int_equal(csock_ready(&s[0], POLLIN, NULL), POLLIN);
        assert_int_equal(csock_recv(&s[0], buf, 6, MSG_TRUNC, NULL), 6);
        assert_memory_equal(buf, "......", 6);
        assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 0);
        assert_int_equal(csock_recv_written(&s[0], 6, 6, 0), 6);
        assert_int_equal(csock_recv(&s[0], buf, 6, 0, NULL), 5);
        assert_memory_equal(buf, " away", 5);
        close_pair();
    }
}

/* What the kernel says of a socket that it need not have here: AF_SMC, and TLS in the kernel. */
static int domain_to_say;
static const char *layer_to_say;

static int say(int fd, int level, int name, void *value, socklen_t *len)
{
    int r = csock__sys_linux.getsockopt(fd, level, name, value, len);
    if (level == SOL_SOCKET && name == SO_DOMAIN && domain_to_say)
        memcpy(value, &domain_to_say, sizeof domain_to_say);
    if (level != IPPROTO_TCP || !layer_to_say)
        return r;
    *len = (socklen_t)strlen(layer_to_say) + 1;
    memcpy(value, layer_to_say, *len);
    return 0;
}

static void what_throws_away_is_asked_of_the_kernel(void **state)
{
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    fake_under()->getsockopt = say;
    layer_to_say = "tls";
    assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 6);
    layer_to_say = "mptcp";
    assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 0);
    layer_to_say = NULL;
    close_pair();
    open_pair(AF_UNIX, SOCK_STREAM);
    fake_under()->getsockopt = say;
    domain_to_say = AF_SMC;
    assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 0);
    domain_to_say = 0;
    assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 6);
    for (unsigned nth = 1; nth <= 2; nth++) {
        fake_fail(FAKE_GETSOCKOPT, nth, ENOBUFS); /* nothing is known: nothing is promised */
        assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 0);
    }
    close_pair();
    assert_int_equal(csock_recv_written(&s[0], 6, 6, MSG_TRUNC), 0);
}

/* What was sent comes back with its time stamp, on TCP, too, where MSG_TRUNC else throws away. */
static void the_error_queue_writes_what_it_counts(void **state)
{
    const int stamps = 1 << 1 | 1 << 4 | 1 << 7; /* TX_SOFTWARE, SOFTWARE, OPT_ID: timestamping */
    char packet[300] = "";                       /* with its headers */
    (void)state;
    util_not_emulated("SO_TIMESTAMPING is refused");
    open_pair(AF_INET, SOCK_STREAM);
    assert_int_equal(csock_opt_set_int(&s[1], SOL_SOCKET, SO_TIMESTAMPING, stamps), 0);
    put("payload");
    assert_true(csock_ready(&s[1], 0, WITHIN(5000 * MS)) & POLLERR);
    const int flags = MSG_ERRQUEUE | MSG_TRUNC;
    ssize_t r = csock_recv(&s[1], packet, sizeof packet, flags, NULL);
    assert_true(r >= 7);
    assert_int_equal(csock_recv_written(&s[1], r, sizeof packet, flags), r);
    assert_memory_equal(packet + r - 7, "payload", 7);
    close_pair();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(waitall_waits_for_all),
        TEST(the_low_water_mark_is_honoured),
        TEST(dontwait_does_not_wait),
        TEST(the_error_queue_never_waits_by_itself),
        TEST(without_an_error_queue_the_flag_means_nothing),
        TEST(trunc_counts_more_than_was_written),
        TEST(trunc_on_tcp_writes_nothing),
        TEST(what_throws_away_is_asked_of_the_kernel),
        TEST(the_error_queue_writes_what_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
