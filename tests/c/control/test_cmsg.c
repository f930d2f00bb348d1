/* Ancillary data: sizes, building, and taking apart what is whole, cut or no ancillary data. */
#include "util.h"

#include <limits.h>

static _Alignas(struct cmsghdr) char memory[256];
static struct msghdr msg;

static void begin(void)
{
    memset(memory, 0xAA, sizeof memory);
    msg = (struct msghdr){.msg_control = memory};
}

static void sizes_are_those_of_the_macros(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        assert_int_equal(csock_cmsg_len(n), CMSG_LEN(n));
        assert_int_equal(csock_cmsg_space(n), CMSG_SPACE(n));
    }
}

static void sizes_do_not_overflow(void **state)
{
    static const size_t large[] = {INT_MAX, (size_t)INT_MAX + 1, SIZE_MAX / 2, SIZE_MAX - 7,
                                   SIZE_MAX};
    (void)state;
    for (unsigned i = 0; i < COUNT(large); i++) {
        assert_int_equal(csock_cmsg_len(large[i]), -EMSGSIZE);
        assert_int_equal(csock_cmsg_space(large[i]), -EMSGSIZE);
        begin();
        assert_int_equal(csock_cmsg_add(&msg, sizeof memory, 1, 2, "", large[i]), -EMSGSIZE);
        assert_int_equal(msg.msg_controllen, 0);
    }
    assert_int_equal(csock_cmsg_len(INT_MAX - CMSG_LEN(0)), INT_MAX);
    assert_int_equal(csock_cmsg_len(INT_MAX - CMSG_LEN(0) + 1), -EMSGSIZE);
    assert_in_range(csock_cmsg_space(INT_MAX - CMSG_SPACE(1)), INT_MAX - 24, INT_MAX);
    assert_int_equal(csock_cmsg_space(INT_MAX - CMSG_SPACE(1) + 1), -EMSGSIZE);
}

static void expect(size_t *at, int level, int type, const void *data, size_t n, bool cut)
{
    struct csock_cmsg item;
    assert_int_equal(csock_cmsg_next(&msg, at, &item), 1);
    assert_int_equal(item.level, level);
    assert_int_equal(item.type, type);
    assert_int_equal(item.n, n);
    assert_int_equal(item.cut, cut);
    assert_memory_equal(item.data, data, n);
}

static void expect_end(size_t *at, int result)
{
    struct csock_cmsg item = {.level = 77};
    for (int again = 0; again < 2; again++)
        assert_int_equal(csock_cmsg_next(&msg, at, &item), result);
    assert_int_equal(item.level, 77); /* untouched */
}

static void what_is_built_is_found(void **state)
{
    size_t at = 0;
    (void)state;
    begin();
    assert_int_equal(csock_cmsg_add(&msg, sizeof memory, 1, 2, "abc", 3), 0);
    assert_int_equal(csock_cmsg_add(&msg, sizeof memory, 3, 4, NULL, 0), 0);
    assert_int_equal(csock_cmsg_add(&msg, sizeof memory, 5, 6, "12345678", 8), 0);
    assert_int_equal(msg.msg_controllen, CMSG_SPACE(3) + CMSG_SPACE(0) + CMSG_SPACE(8));
    expect(&at, 1, 2, "abc", 3, false);
    expect(&at, 3, 4, "", 0, false);
    expect(&at, 5, 6, "12345678", 8, false);
    expect_end(&at, 0);
    /* libc sees the same. */
    int n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        n++;
    assert_int_equal(n, 3);
    for (size_t i = CMSG_LEN(3); i < CMSG_SPACE(3); i++)
        assert_int_equal(memory[i], 0); /* padding */
}

static void what_does_not_fit_is_not_added(void **state)
{
    (void)state;
    begin();
    assert_int_equal(csock_cmsg_add(&msg, CMSG_SPACE(4), 1, 2, "abcde", 9), -ENOBUFS);
    assert_int_equal(csock_cmsg_add(&msg, CMSG_SPACE(4) - 1, 1, 2, "abcd", 4), -ENOBUFS);
    assert_int_equal(msg.msg_controllen, 0);
    assert_int_equal((unsigned char)memory[0], 0xAA);
    assert_int_equal(csock_cmsg_add(&msg, CMSG_SPACE(4), 1, 2, "abcd", 4), 0);
    assert_int_equal(csock_cmsg_add(&msg, CMSG_SPACE(4), 1, 2, NULL, 0), -ENOBUFS);
    assert_int_equal(msg.msg_controllen, CMSG_SPACE(4));
    assert_int_equal((unsigned char)memory[CMSG_SPACE(4)], 0xAA);
}

/* The kernel's own shortening leaves a last item without its padding. */
static void a_last_item_without_padding_is_found(void **state)
{
    size_t at = 0;
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, 1, 2, "abcd", 4);
    csock_cmsg_add(&msg, sizeof memory, 3, 4, "efgh", 4);
    msg.msg_controllen -= CMSG_SPACE(4) - CMSG_LEN(4);
    expect(&at, 1, 2, "abcd", 4, false);
    expect(&at, 3, 4, "efgh", 4, false);
    expect_end(&at, 0);
}

static void an_item_that_is_longer_than_the_rest_is_cut(void **state)
{
    size_t at = 0;
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, 1, 2, "abcdefgh", 8);
    msg.msg_controllen = CMSG_LEN(5);
    expect(&at, 1, 2, "abcde", 5, true);
    expect_end(&at, 0);
    at = 0;
    ((struct cmsghdr *)(void *)memory)->cmsg_len = SIZE_MAX;
    expect(&at, 1, 2, "abcde", 5, true);
    expect_end(&at, 0);
}

static void a_later_item_may_be_cut_too(void **state)
{
    size_t at = 0;
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, 1, 2, "abcdefgh", 8);
    csock_cmsg_add(&msg, sizeof memory, 3, 4, "abcdefgh", 8);
    msg.msg_controllen = CMSG_SPACE(8) + CMSG_LEN(5);
    expect(&at, 1, 2, "abcdefgh", 8, false);
    expect(&at, 3, 4, "abcde", 5, true);
    expect_end(&at, 0);
}

static void the_last_item_may_have_no_data(void **state)
{
    size_t at = 0;
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, 1, 2, NULL, 0);
    expect(&at, 1, 2, "", 0, false);
    expect_end(&at, 0);
}

static void less_than_a_header_is_nothing(void **state)
{
    (void)state;
    begin();
    for (msg.msg_controllen = 0; msg.msg_controllen < CMSG_LEN(0); msg.msg_controllen++)
        expect_end(&(size_t){0}, 0);
    msg.msg_controllen = CMSG_LEN(0);
    expect_end(&(size_t){SIZE_MAX}, 0);
}

static void a_length_below_the_headers_own_ends_it(void **state)
{
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, 1, 2, "abcd", 4);
    for (size_t len = 0; len < CMSG_LEN(0); len++) {
        ((struct cmsghdr *)(void *)memory)->cmsg_len = len;
        expect_end(&(size_t){0}, -EBADMSG);
        assert_int_equal(csock_cmsg_close_fds(&msg), 0);
    }
}

static int some_fd(void)
{
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void every_received_descriptor_is_closed(void **state)
{
    int fds[3] = {some_fd(), some_fd(), some_fd()};
    int other = some_fd(), pidfd = some_fd(), cut[2] = {some_fd(), -1};
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, SOL_SOCKET, SCM_RIGHTS, fds, sizeof fds);
    csock_cmsg_add(&msg, sizeof memory, SOL_SOCKET, SCM_CREDENTIALS, &other, sizeof other);
    csock_cmsg_add(&msg, sizeof memory, SOL_IP, SCM_RIGHTS, &other, sizeof other);
    csock_cmsg_add(&msg, sizeof memory, SOL_SOCKET, 4 /* SCM_PIDFD */, &pidfd, sizeof pidfd);
    csock_cmsg_add(&msg, sizeof memory, SOL_SOCKET, SCM_RIGHTS, cut, sizeof cut);
    msg.msg_controllen -= 3; /* a descriptor and a quarter */
    assert_int_equal(csock_cmsg_close_fds(&msg), 5);
    for (int i = 0; i < 3; i++)
        assert_false(util_fd_is_open(fds[i]));
    assert_false(util_fd_is_open(pidfd));
    assert_false(util_fd_is_open(cut[0]));
    assert_true(util_fd_is_open(other));
    close(other);
}

static void descriptor_0_is_one_like_any_other(void **state)
{
    int stdin_copy = some_fd(), zero = 0;
    (void)state;
    begin();
    csock_cmsg_add(&msg, sizeof memory, SOL_SOCKET, SCM_RIGHTS, &zero, sizeof zero);
    size_t closed = csock_cmsg_close_fds(&msg);
    bool was_open = util_fd_is_open(0);
    dup2(stdin_copy, 0);
    close(stdin_copy);
    assert_int_equal(closed, 1);
    assert_false(was_open);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(sizes_are_those_of_the_macros),
        TEST(sizes_do_not_overflow),
        TEST(what_is_built_is_found),
        TEST(what_does_not_fit_is_not_added),
        TEST(a_last_item_without_padding_is_found),
        TEST(an_item_that_is_longer_than_the_rest_is_cut),
        TEST(a_later_item_may_be_cut_too),
        TEST(the_last_item_may_have_no_data),
        TEST(descriptor_0_is_one_like_any_other),
        TEST(less_than_a_header_is_nothing),
        TEST(a_length_below_the_headers_own_ends_it),
        TEST(every_received_descriptor_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
