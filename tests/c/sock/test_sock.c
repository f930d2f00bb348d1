/* Making sockets, and taking over what others made; nothing leaks where that fails. */
#include "util.h"

#include <sys/resource.h>

static void open_gives_what_was_asked(void **state)
{
    struct csock s;
    int type;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0), 0);
    assert_int_equal(csock_family(&s), AF_INET6);
    assert_int_equal(csock_type(&s), SOCK_DGRAM);
    assert_int_equal(csock_proto(&s), IPPROTO_UDP);
    assert_int_equal(csock_opt_get_int(&s, SOL_SOCKET, SO_TYPE, &type), 0);
    assert_int_equal(type, SOCK_DGRAM);
    assert_true(fcntl(csock_fd(&s), F_GETFD) & FD_CLOEXEC);
    assert_false(util_is_nonblocking(&s));
    assert_int_equal(csock_get_blocking(&s), true);
    util_close(&s);
}

static void nonblocking_from_birth(void **state)
{
    struct csock s, pair[2];
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, 0), 0);
    assert_true(util_is_nonblocking(&s));
    assert_int_equal(csock_type(&s), SOCK_STREAM);
    assert_int_equal(csock_get_blocking(&s), false);
    util_close(&s);
    assert_int_equal(csock_pair(pair, AF_UNIX, SOCK_SEQPACKET, 0, CSOCK_NONBLOCK), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(util_is_nonblocking(&pair[i]));
        assert_true(fcntl(csock_fd(&pair[i]), F_GETFD) & FD_CLOEXEC);
        util_close(&pair[i]);
    }
}

static void arguments_that_make_no_socket(void **state)
{
    struct csock s[2] = {{.fd_plus_1 = 78}, {.fd_plus_1 = 79}};
    (void)state;
    assert_int_equal(csock_open(&s[0], AF_INET, SOCK_STREAM, 0, 1u << 9), -EINVAL);
    assert_int_equal(csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 1u << 9), -EINVAL);
    assert_int_equal(csock_adopt(&s[0], 0, -1, -1, -1, 1u << 9), -EINVAL);
    assert_int_equal(csock_open(&s[0], 9999, SOCK_STREAM, 0, 0), -EAFNOSUPPORT);
    assert_int_equal(csock_open(&s[0], -1, SOCK_STREAM, 0, 0), -EAFNOSUPPORT);
    assert_int_equal(csock_open(&s[0], AF_INET, SOCK_STREAM, IPPROTO_UDP, 0), -EPROTONOSUPPORT);
    assert_int_equal(csock_pair(s, AF_INET, SOCK_STREAM, 0, 0), -EOPNOTSUPP);
    assert_int_equal(csock_fd(&s[0]), 77); /* untouched */
}

/* Each way to a new descriptor, when there is none: a clear error and nothing left open. The
 * teardown counts. */
static void without_descriptors_nothing_leaks(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR};
    struct csock listener, client, s[2];
    union csock_addr addr;
    socklen_t len;
    (void)state;
    util_listener(&listener, AF_INET, 4, &addr, &len);
    assert_int_equal(csock_open(&client, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    int before = fake_open_fds();
    for (unsigned i = 0; i < COUNT(errors); i++) {
        fake_fail(FAKE_SOCKET, 1, errors[i]);
        fake_fail(FAKE_SOCKETPAIR, 1, errors[i]);
        fake_fail(FAKE_DUP_CLOEXEC, 1, errors[i]);
        assert_int_equal(csock_open(&s[0], AF_INET, SOCK_STREAM, 0, 0), -errors[i]);
        assert_int_equal(csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0), -errors[i]);
        assert_int_equal(csock_dup(&client, &s[0]), -errors[i]);
        if (errors[i] == EINTR)
            continue; /* accept goes on */
        fake_fail(FAKE_ACCEPT4, 1, errors[i]);
        assert_int_equal(csock_accept(&listener, &s[0], NULL, NULL, NULL), -errors[i]);
    }
    assert_int_equal(fake_open_fds(), before);
    assert_int_equal(csock_accept(&listener, &s[0], NULL, NULL, NULL), 0); /* it was not lost */
    util_close(&s[0]);
    util_close(&client);
    util_close(&listener);
}

static void the_table_of_descriptors_is_really_full(void **state)
{
    struct csock s[2], first;
    struct rlimit before, low;
    (void)state;
    if (getenv("CSOCK_VALGRIND")) /* it keeps a limit of its own */
        skip();
    assert_int_equal(csock_open(&first, AF_INET, SOCK_STREAM, 0, 0), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)csock_fd(&first) + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    int opened = csock_open(&s[0], AF_INET, SOCK_STREAM, 0, 0);
    int paired = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0);
    int copied = csock_dup(&first, &s[0]);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(opened, -EMFILE);
    assert_int_equal(paired, -EMFILE);
    assert_int_equal(copied, -EMFILE);
    util_close(&first);
}

static void adopt_asks_what_it_is_not_told(void **state)
{
    struct csock s;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    (void)state;
    assert_int_equal(csock_adopt(&s, fd, -1, -1, -1, 0), 0);
    assert_int_equal(csock_fd(&s), fd);
    assert_int_equal(s.family, AF_INET6);
    assert_int_equal(s.type, SOCK_DGRAM);
    assert_int_equal(s.proto, IPPROTO_UDP);
    assert_int_equal(csock_get_blocking(&s), false); /* noticed, and kept */
    assert_int_equal(csock_detach(&s), fd);
    fcntl(fd, F_SETFL, 0);
    assert_int_equal(csock_adopt(&s, fd, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0, CSOCK_NONBLOCK),
                     0);
    assert_int_equal(s.type, SOCK_DGRAM);
    assert_int_equal(s.flags & CSOCK_NONBLOCK, 0); /* the descriptor's own mode counts */
    util_close(&s);
}

static void adopt_knows_what_the_mode_is_for(void **state)
{
    struct csock s;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)state;
    assert_int_equal(csock_adopt(&s, fd, -1, -1, -1, CSOCK_SIGPIPE), 0);
    assert_int_equal(s.flags, CSOCK_NONBLOCK | CSOCK_SIGPIPE);
    assert_int_equal(csock_opt_set_int(&s, SOL_SOCKET, SO_RCVLOWAT, 2), 0);
    assert_int_equal(csock_detach(&s), fd);
    assert_int_equal(csock_adopt(&s, fd, -1, -1, -1, CSOCK_EAGAIN), 0);
    assert_int_equal(s.flags, CSOCK_EAGAIN | CSOCK_NO_TRY); /* somebody else's mode; and the mark */
    util_close(&s);
}

/* In each way that one can come by it. */
static void descriptor_0_is_one_like_any_other(void **state)
{
    struct csock s, copy, moved;
    char byte;
    (void)state;
    int stdin_copy = dup(0);
    close(0);
    assert_int_equal(csock_open(&s, AF_UNIX, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_fd(&s), 0);
    assert_int_equal(csock_recv(&s, &byte, 1, 0, NOWAIT), -EAGAIN);
    assert_false(csock_idle(&s));
    assert_int_equal(csock_detach(&s), 0);
    assert_int_equal(csock_adopt(&s, 0, -1, -1, -1, 0), 0);
    csock_move(&s, &moved);
    assert_int_equal(csock_fd(&s), -1);
    csock_renew(&moved, &s);
    assert_int_equal(csock_fd(&moved), -1);
    assert_int_equal(csock_close(&moved), -EBADF);
    assert_int_equal(csock_recv(&s, &byte, 1, 0, WITHIN(MS / 10)), CSOCK_ETIMEOUT);
    util_close(&s);
    assert_false(util_fd_is_open(0));
    assert_int_equal(csock_open(&s, AF_UNIX, SOCK_DGRAM, 0, 0), 0);
    int elsewhere = csock_fd_dup(0);
    util_close(&s);
    assert_int_equal(csock_adopt(&s, elsewhere, -1, -1, -1, 0), 0);
    assert_int_equal(csock_dup(&s, &copy), 0);
    assert_int_equal(csock_fd(&copy), 0);
    util_close(&copy);
    assert_int_equal(csock_fd_dup(elsewhere), 0);
    assert_int_equal(csock_fd_close(0), 0);
    util_close(&s);
    assert_int_equal(dup2(stdin_copy, 0), 0);
    close(stdin_copy);
}

static void an_inherited_nonblocking_descriptor_waits_by_poll(void **state)
{
    int fds[2];
    struct csock s;
    struct util_call call = {.run = util_recv, .s = &s};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(csock_adopt(&s, fds[0], -1, -1, -1, 0), 0);
    util_start_asleep(&call);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(util_join(&call), 1);
    assert_true(fake_calls(FAKE_POLL) > 0);
    util_close(&s);
    close(fds[1]);
}

static void adopt_refuses_what_is_no_socket(void **state)
{
    struct csock s = {.fd_plus_1 = 78};
    (void)state;
    int file = open("/dev/null", O_RDWR), closed = dup(file),
        real = socket(AF_INET, SOCK_STREAM, 0);
    close(closed);
    assert_int_equal(csock_adopt(&s, file, AF_INET, SOCK_STREAM, 0, 0), -ENOTSOCK);
    assert_true(util_fd_is_open(file)); /* still the caller's */
    assert_int_equal(csock_adopt(&s, closed, AF_INET, SOCK_STREAM, 0, 0), -EBADF);
    assert_int_equal(csock_adopt(&s, -1, -1, -1, -1, 0), -EBADF);
    fake_fail(FAKE_GETSOCKOPT, 2, ENOMEM);
    assert_int_equal(csock_adopt(&s, real, -1, -1, -1, 0), -ENOMEM);
    fake_fail(FAKE_GET_NONBLOCK, 1, EIO);
    assert_int_equal(csock_adopt(&s, real, -1, -1, -1, 0), -EIO);
    assert_int_equal(csock_fd(&s), 77);
    close(real);
    close(file);
}

static void a_copy_is_independent(void **state)
{
    struct csock s[2], copy;
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_dup(&s[0], &copy), 0);
    assert_int_not_equal(csock_fd(&copy), csock_fd(&s[0]));
    assert_true(fcntl(csock_fd(&copy), F_GETFD) & FD_CLOEXEC);
    assert_int_equal(copy.family, AF_UNIX);
    util_close(&s[0]);
    assert_int_equal(csock_send(&copy, "x", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NULL), 1);
    util_close(&copy);
    util_close(&s[1]);
}

static void takes_no_call(struct csock s)
{
    struct csock out;
    union csock_addr a = {.any.sa_family = AF_INET};
    socklen_t l = sizeof a.in;
    char byte = 0;
    for (int opened = 0; opened < 2; opened++) {
        assert_int_equal(csock_fd(&s), -1);
        assert_true(csock_idle(&s));
        assert_int_equal(csock_try_recv(&s, &byte, 1, 0), -EBADF);
        assert_int_equal(csock_try_send(&s, &byte, 1, 0), -EBADF);
        assert_int_equal(csock_close(&s), -EBADF);
        assert_int_equal(csock_detach(&s), -EBADF);
        assert_int_equal(csock_recv(&s, &byte, 1, 0, NULL), -EBADF);
        assert_int_equal(csock_send(&s, &byte, 1, 0, NULL), -EBADF);
        assert_int_equal(csock_send_all(&s, &byte, 1, 0, NULL, NULL), -EBADF);
        assert_int_equal(csock_accept(&s, &out, NULL, NULL, NULL), -EBADF);
        assert_int_equal(csock_connect(&s, &a.any, l, NULL), -EBADF);
        assert_int_equal(csock_connect_finish(&s, NULL), -EBADF);
        assert_int_equal(csock_bind(&s, &a.any, l), -EBADF);
        assert_int_equal(csock_listen(&s, 1), -EBADF);
        assert_int_equal(csock_shutdown(&s, SHUT_RD), -EBADF);
        assert_int_equal(csock_sockname(&s, &a, &l), -EBADF);
        assert_int_equal(csock_dup(&s, &out), -EBADF);
        assert_int_equal(csock_ready(&s, POLLIN, NULL), -EBADF);
        assert_int_equal(csock_set_blocking(&s, true), -EBADF);
        assert_int_equal(csock_get_blocking(&s), -EBADF);
        assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
        util_close(&s);
    }
}

/* Whatever was never opened, too: static and freshly allocated memory is all zeros, and 0 is a
 * descriptor that a program can ill do without. */
static void a_closed_socket_takes_no_call(void **state)
{
    static struct csock zeros;
    struct csock *fresh = calloc(1, sizeof *fresh);
    (void)state;
    takes_no_call((struct csock)CSOCK_INIT);
    takes_no_call(zeros);
    takes_no_call(*fresh);
    assert_true(util_fd_is_open(0));
    free(fresh);
}

static void a_zeroed_socket_is_moved_and_renewed(void **state)
{
    static struct csock zeros, place;
    struct csock s[2], moved;
    (void)state;
    csock_move(&zeros, &moved);
    assert_int_equal(csock_fd(&moved), -1);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    csock_renew(&s[0], &place);
    assert_int_equal(csock_send(&place, "x", 1, 0, NULL), 1);
    util_close(&place);
    util_close(&s[1]);
}

static void a_socket_moves_while_nobody_else_knows_it(void **state)
{
    struct csock s[2], moved;
    (void)state;
    assert_int_equal(csock_pair(s, AF_UNIX, SOCK_STREAM, 0, CSOCK_NONBLOCK | CSOCK_SIGPIPE), 0);
    int fd = csock_fd(&s[0]);
    csock_move(&s[0], &moved);
    assert_int_equal(csock_fd(&moved), fd);
    assert_int_equal(moved.flags, CSOCK_NONBLOCK | CSOCK_SIGPIPE);
    assert_int_equal(csock_close(&s[0]), -EBADF);
    assert_int_equal(csock_send(&moved, "x", 1, 0, NULL), 1);
    util_close(&moved);
    util_close(&s[1]);
}

static void a_closed_socket_becomes_another_one(void **state)
{
    struct csock s[2], other[2], blank = CSOCK_INIT;
    (void)state;
    assert_int_equal(csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_pair(other, AF_UNIX, SOCK_DGRAM, 0, CSOCK_NONBLOCK), 0);
    int fd = csock_fd(&other[0]);
    util_close(&s[0]);
    csock_renew(&other[0], &s[0]);
    assert_int_equal(csock_fd(&s[0]), fd);
    assert_int_equal(s[0].type, SOCK_DGRAM);
    assert_int_equal(s[0].flags, CSOCK_NONBLOCK);
    assert_int_equal(csock_close(&other[0]), -EBADF);
    assert_int_equal(csock_send(&s[0], "x", 1, 0, NULL), 1);
    assert_false(csock_idle(&s[0]));
    util_close(&s[0]);
    assert_true(csock_idle(&s[0]));
    csock_renew(&other[1], &blank);
    assert_int_equal(csock_send(&blank, "x", 1, 0, NULL), -ECONNREFUSED);
    util_close(&blank);
    util_close(&s[1]);
}

static void bare_descriptors_are_copied_and_closed(void **state)
{
    (void)state;
    int file = open("/dev/null", O_RDONLY), copy = csock_fd_dup(file);
    assert_true(copy >= 0 && copy != file);
    assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(csock_fd_close(copy), 0);
    assert_int_equal(csock_fd_close(copy), -EBADF);
    assert_int_equal(csock_fd_dup(copy), -EBADF);
    fake_fail(FAKE_CLOSE, 1, EINTR); /* as in csock_close */
    assert_int_equal(csock_fd_close(file), 0);
    close(file);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(open_gives_what_was_asked),
        TEST(nonblocking_from_birth),
        TEST(arguments_that_make_no_socket),
        TEST(without_descriptors_nothing_leaks),
        TEST(the_table_of_descriptors_is_really_full),
        TEST(adopt_asks_what_it_is_not_told),
        TEST(adopt_knows_what_the_mode_is_for),
        TEST(descriptor_0_is_one_like_any_other),
        TEST(an_inherited_nonblocking_descriptor_waits_by_poll),
        TEST(adopt_refuses_what_is_no_socket),
        TEST(a_copy_is_independent),
        TEST(a_closed_socket_takes_no_call),
        TEST(a_zeroed_socket_is_moved_and_renewed),
        TEST(a_socket_moves_while_nobody_else_knows_it),
        TEST(a_closed_socket_becomes_another_one),
        TEST(bare_descriptors_are_copied_and_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
