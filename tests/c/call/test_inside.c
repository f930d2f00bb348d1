/* csock_enter and csock_leave: what another library does to the descriptor counts as a call inside.
 * */
#include "util.h"

#include "call/users.h"

static struct csock s[2];

/* A read of another library's, on a blocking descriptor. */
static ssize_t read_inside(struct util_call *call)
{
    struct csock_inside in;
    char byte;
    int r = csock_enter(call->s, &in);
    if (r < 0)
        return r;
    ssize_t n = read(csock_fd(call->s), &byte, 1);
    n = n < 0 ? -errno : n;
    if (call->arg)
        assert_true(util_fd_is_open(*(int *)call->arg));
    csock_leave(&in);
    return n;
}

static void closing_ends_what_sleeps_inside_and_waits_for_it(void **state)
{
    (void)state;
    for (int detach = 0; detach < 2; detach++) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        int fd = csock_fd(&s[0]);
        struct util_call call = {.run = read_inside, .s = &s[0], .arg = &fd};
        util_start_asleep(&call);
        int64_t start = csock_now();
        assert_int_equal(detach ? csock_detach(&s[0]) : csock_close(&s[0]), detach ? fd : 0);
        assert_in_range(csock_now() - start, 0, PROMPT);
        assert_int_equal(util_join(&call), -EINTR);
        assert_int_equal(util_fd_is_open(fd), detach);
        if (detach)
            close(fd);
        util_close(&s[1]);
    }
}

static void nobody_enters_a_closed_socket(void **state)
{
    struct csock_inside in;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_enter(&s[0], &in), 0);
    assert_int_equal(csock__users(&s[0]), 1);
    csock_leave(&in);
    assert_int_equal(csock__users(&s[0]), 0);
    util_close(&s[0]);
    assert_int_equal(csock_enter(&s[0], &in), -EBADF);
    assert_true(csock_idle(&s[0]));
    util_close(&s[1]);
}

/* A callback of that library closes the socket: the number is kept until it is done. */
static void closing_from_inside_does_not_wait(void **state)
{
    struct csock_inside outer, inner;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    int fd = csock_fd(&s[0]);
    assert_int_equal(csock_enter(&s[0], &outer), 0);
    assert_int_equal(csock_enter(&s[0], &inner), 0);
    int64_t start = csock_now();
    assert_int_equal(csock_close(&s[0]), 1);
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_true(util_fd_is_open(fd));
    csock_leave(&inner);
    assert_true(util_fd_is_open(fd));
    csock_leave(&outer);
    assert_false(util_fd_is_open(fd));
    assert_true(csock_idle(&s[0]));
    util_close(&s[1]);
}

/* In one call of another library, those of this one, on this socket and on others. */
static void calls_within_are_as_ever(void **state)
{
    struct csock_inside in;
    struct csock other[2];
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_pair(other, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_enter(&s[0], &in), 0);
    assert_int_equal(csock_ready(&s[0], POLLIN, WITHIN(10 * MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_recv(&other[0], &byte, 1, 0, WITHIN(10 * MS)), CSOCK_ETIMEOUT);
    util_close(&other[0]);
    util_close(&other[1]);
    csock_leave(&in);
    assert_int_equal(csock__users(&s[0]), 0);
    util_close(&s[0]);
    util_close(&s[1]);
}

static void without_memory_nobody_is_inside(void **state)
{
    struct util_call call = {.run = read_inside, .s = &s[0]};
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    fake_fail(FAKE_ALLOC, FAKE_EVERY, ENOMEM);
    util_start(&call); /* a thread that has no record yet */
    assert_int_equal(util_join(&call), -ENOMEM);
    assert_int_equal(csock__users(&s[0]), 0);
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(closing_ends_what_sleeps_inside_and_waits_for_it),
        TEST(nobody_enters_a_closed_socket),
        TEST(closing_from_inside_does_not_wait),
        TEST(calls_within_are_as_ever),
        TEST(without_memory_nobody_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
