/* Messages without a byte of data: what comes beside it is the caller's all the same. */
#include "util.h"

static char control[CMSG_SPACE(sizeof(int))];

static void send_descriptor(struct csock *to)
{
    struct msghdr msg = {.msg_control = control};
    const int fd = 0;
    assert_int_equal(csock_cmsg_add(&msg, sizeof control, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof fd),
                     0);
    assert_int_equal(csock_sendmsg(to, &msg, 0, NULL), 0);
}

/* Whether it was there or is waited for. */
static void a_descriptor_may_come_alone(void **state)
{
    const struct csock_wait *const waits[] = {NULL, NULL, WITHIN(5000 * MS)};
    struct csock s[2];
    (void)state;
    util_not_emulated("recvmsg(2) without buffers is not made");
    util_pair(s, AF_UNIX, SOCK_SEQPACKET);
    for (size_t i = 0; i < COUNT(waits); i++) {
        struct msghdr msg = {.msg_control = control};
        struct csock_cmsg item;
        size_t at = 0;
        int fd;
        send_descriptor(&s[0]);
        memset(control, 0, sizeof control);
        msg.msg_controllen = sizeof control;
        if (i > 0)
            fake_fail(FAKE_RECVMSG, 1, EAGAIN);
        assert_int_equal(csock_recvmsg(&s[1], &msg, MSG_CMSG_CLOEXEC, waits[i]), 0);
        assert_int_equal(csock_cmsg_next(&msg, &at, &item), 1);
        memcpy(&fd, item.data, sizeof fd);
        assert_true(util_fd_is_open(fd));
        assert_int_equal(csock_cmsg_close_fds(&msg), 1);
    }
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_descriptor_may_come_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
