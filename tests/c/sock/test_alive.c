/* Whether a connection stands, with data before its end, and taking nothing. */
#include "util.h"

static struct csock s[2];

static void close_both(void)
{
    util_close(&s[0]);
    csock_close(&s[1]); /* where a test has not */
}

/* What the other end does gets here in its own time. */
static void expect_dead(void)
{
    int r;
    for (int64_t end = csock_now() + SOON; (r = csock_alive(&s[0])) == 1 && csock_now() < end;)
        usleep(1000);
    assert_int_equal(r, 0);
}

static void expect_bytes(size_t n)
{
    char bytes[16];
    assert_int_equal(csock_recv(&s[0], bytes, sizeof bytes, 0, WITHIN(5000 * MS)), n);
}

static void await_input(void)
{
    assert_true(csock_ready(&s[0], POLLIN, WITHIN(5000 * MS)) > 0);
}

static const struct {
    int family, type;
} kinds[] = {{AF_INET, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_SEQPACKET}};

static void a_silent_peer_is_alive(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        util_pair(s, kinds[i].family, kinds[i].type);
        assert_int_equal(csock_alive(&s[0]), 1);
        assert_int_equal(csock_send(&s[1], "abc", 3, 0, NULL), 3);
        await_input();
        assert_int_equal(csock_alive(&s[0]), 1);
        expect_bytes(3);
        assert_int_equal(csock_alive(&s[0]), 1);
        close_both();
    }
}

static void an_end_is_seen_behind_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        util_pair(s, kinds[i].family, kinds[i].type);
        assert_int_equal(csock_send(&s[1], "abc", 3, 0, NULL), 3);
        util_close(&s[1]);
        expect_dead();
        expect_bytes(3);
        expect_bytes(0);
        expect_dead();
        close_both();
    }
}

static void a_half_closed_peer_has_ended(void **state)
{
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    assert_int_equal(csock_shutdown(&s[0], SHUT_WR), 0);
    assert_int_equal(csock_alive(&s[0]), 1); /* our own end is not theirs */
    assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
    expect_dead();
    close_both();
}

/* The error is still there for whoever receives. */
static void a_reset_is_seen_and_not_taken(void **state)
{
    char byte;
    struct linger hard = {.l_onoff = 1};
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    assert_int_equal(csock_opt_set(&s[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    util_close(&s[1]);
    expect_dead();
    expect_dead();
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(5000 * MS)), -ECONNRESET);
    expect_dead();
    close_both();
}

static void what_was_never_connected_is_dead(void **state)
{
    (void)state;
    assert_int_equal(csock_open(&s[0], AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_alive(&s[0]), 0);
    close_both();
}

/* A note in the error queue makes poll(2) say POLLERR, and is no end. */
static void a_note_of_the_kernel_is_no_end(void **state)
{
    struct pollfd p = {.events = POLLIN};
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_ZEROCOPY, 1), 0);
    assert_int_equal(csock_send(&s[0], "abc", 3, MSG_ZEROCOPY, NULL), 3);
    p.fd = csock_fd(&s[0]);
    for (int64_t end = csock_now() + SOON; poll(&p, 1, 10) == 0 && csock_now() < end;)
        ;
    if (p.revents == 0)
        skip(); /* under an emulator */
    assert_int_equal(p.revents, POLLERR);
    assert_int_equal(csock_alive(&s[0]), 1);
    close_both();
}

static void one_system_call(void **state)
{
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    unsigned before = fake_calls(FAKE_POLL);
    assert_int_equal(csock_alive(&s[0]), 1);
    assert_int_equal(fake_calls(FAKE_POLL), before + 1);
    close_both();
}

static void a_closed_socket_is_an_error(void **state)
{
    struct csock none = CSOCK_INIT;
    (void)state;
    assert_int_equal(csock_alive(&none), -EBADF);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    fake_fail(FAKE_POLL, 1, ENOMEM);
    assert_int_equal(csock_alive(&s[0]), -ENOMEM);
    close_both();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_silent_peer_is_alive),
        TEST(an_end_is_seen_behind_data),
        TEST(a_half_closed_peer_has_ended),
        TEST(a_reset_is_seen_and_not_taken),
        TEST(what_was_never_connected_is_dead),
        TEST(a_note_of_the_kernel_is_no_end),
        TEST(one_system_call),
        TEST(a_closed_socket_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
