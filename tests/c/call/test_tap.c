/* Tapped sockets: results are what they would have been, and everything is in the file, in order.
 */
#include "bursts.h"

#include "call/tap.h"

static struct csock s[2];
static struct csock__pcap *pcap;
static uint8_t file[1 << 24];
static size_t file_size;
static const struct csock__about about;
static uint8_t data[3 << 20], got[3 << 20];

static int make_data(void **state)
{
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return block_make_folder(state);
}

static void tap(struct csock *which)
{
    unlink(block_path);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, csock_forks() + 1, &pcap), 0);
    memset(which->room, 0, sizeof which->room);
    assert_int_equal(csock__tap_begin(which, pcap, false, NULL), 0);
}

static void untap(struct csock *which)
{
    csock__tap_end(which, true);
    csock__tap_free(which);
    burst_end(pcap);
    util_close(&s[0]);
    util_close(&s[1]);
}

static size_t read_file(void)
{
    int fd = open(block_path, O_RDONLY);
    ssize_t n = read(fd, file, sizeof file);
    close(fd);
    assert_in_range(n, 1, sizeof file - 1);
    file_size = (size_t)n;
    return block_head(file, file_size);
}

/* All bytes that went that way (1: in, 2: out), in their order, into got. */
static size_t bytes_in_file(unsigned direction)
{
    struct block b;
    size_t at = read_file(), n = 0;
    while (block_next(file, file_size, &at, &b))
        if (b.direction == direction && b.n > 0) {
            assert_int_equal(b.n, b.n_kept);
            memcpy(got + n, b.data, b.n);
            n += b.n;
        }
    return n;
}

static unsigned packets_with(unsigned flags)
{
    struct block b;
    size_t at = read_file();
    unsigned n = 0;
    while (block_next(file, file_size, &at, &b))
        n += b.tcp && (b.flags & flags) == flags;
    return n;
}

static void transfers_are_written_once(void **state)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    (void)state;
    for (size_t i = 0; i < COUNT(families); i++) {
        char buf[100];
        util_pair(s, families[i], SOCK_STREAM);
        tap(&s[0]);
        struct iovec parts[] = {{"one", 3}, {"two", 3}}, into[] = {{buf, 2}, {buf + 2, 90}};
        const struct msghdr out = {.msg_iov = parts, .msg_iovlen = 2};
        struct msghdr in = {.msg_iov = into, .msg_iovlen = 2};
        assert_int_equal(csock_send(&s[0], "zero", 4, 0, NULL), 4);
        assert_int_equal(csock_sendmsg(&s[0], &out, 0, NULL), 6);
        assert_int_equal(csock_recv(&s[1], buf, 100, MSG_WAITALL, WITHIN(100 * MS)), 10);
        assert_int_equal(csock_send(&s[1], "abcdefgh", 8, 0, NULL), 8);
        assert_int_equal(csock_recv(&s[0], buf, 4, MSG_PEEK, WITHIN(SOON)), 4);
        assert_int_equal(csock_recv(&s[0], buf, 4, 0, NULL), 4);
        assert_int_equal(csock_recvmsg(&s[0], &in, 0, WITHIN(SOON)), 4);
        assert_int_equal(csock_recv(&s[0], buf, 4, 0, NOWAIT), -EAGAIN);
        assert_int_equal(csock_recv(&s[0], buf, 4, MSG_DONTWAIT, NULL), -EAGAIN);
        assert_int_equal(csock_recv(&s[0], buf, 4, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
        assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
        assert_int_equal(csock_recv(&s[0], buf, 4, 0, NULL), 0);
        assert_int_equal(csock_recv(&s[0], buf, 4, 0, NULL), 0);
        untap(&s[0]);
        assert_int_equal(bytes_in_file(2), 10);
        assert_memory_equal(got, "zeroonetwo", 10);
        assert_int_equal(bytes_in_file(1), 8);
        assert_memory_equal(got, "abcdefgh", 8);
        assert_int_equal(packets_with(CSOCK__SYN), 2);
        assert_int_equal(packets_with(CSOCK__FIN), 2);
    }
}

static ssize_t send_all(struct util_call *call)
{
    size_t sent;
    int r = csock_send_all(call->s, data, sizeof data, 0, &sent, call->w);
    return r < 0 ? r : (ssize_t)sent;
}

static ssize_t send_once(struct util_call *call)
{
    return csock_send(call->s, data, sizeof data, 0, call->w);
}

static ssize_t send_message(struct util_call *call)
{
    struct iovec parts[] = {{data, 1 << 20}, {data + (1 << 20), 2 << 20}};
    const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
    return csock_sendmsg(call->s, &msg, 0, call->w);
}

/* A blocking stream takes the whole of what it is given. */
static void what_takes_long_is_whole(void **state)
{
    ssize_t (*const sends[])(struct util_call *) = {send_all, send_once, send_message};
    (void)state;
    for (size_t i = 0; i < COUNT(sends); i++) {
        util_pair(s, i == 1 ? AF_UNIX : AF_INET, SOCK_STREAM);
        tap(&s[0]);
        struct util_call call = {.run = sends[i], .s = &s[0]};
        util_start_asleep(&call);
        static uint8_t there[sizeof data];
        assert_int_equal(csock_recv(&s[1], there, sizeof there, MSG_WAITALL, NULL), sizeof there);
        assert_memory_equal(there, data, sizeof data);
        assert_int_equal(util_join(&call), sizeof data);
        untap(&s[0]);
        assert_int_equal(bytes_in_file(2), sizeof data);
        assert_memory_equal(got, data, sizeof data);
    }
}

static void options_end_a_wait_as_ever(void **state)
{
    char buf[100];
    const struct timeval tv = {.tv_usec = 20000};
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    assert_int_equal(csock_opt_set(&s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    assert_int_equal(csock_opt_set(&s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv), 0);
    assert_int_equal(csock_recv(&s[0], buf, 4, 0, NULL), -EAGAIN);
    size_t sent = 0;
    ssize_t r;
    while ((r = csock_send(&s[0], data, 100000, 0, NULL)) > 0)
        sent += (size_t)r;
    assert_int_equal(r, -EAGAIN);
    assert_int_equal(csock_send(&s[1], "abcd", 4, 0, NULL), 4);
    assert_int_equal(csock_recv(&s[0], buf, 100, MSG_WAITALL, NULL), 4);
    untap(&s[0]);
    assert_int_equal(bytes_in_file(2), sent);
    assert_int_equal(bytes_in_file(1), 4);
}

static void closing_ends_a_call(void **state)
{
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    struct util_call call = {.run = util_recv, .s = &s[0]};
    util_start_asleep(&call);
    csock__tap_end(&s[0], true);
    assert_int_equal(csock_close(&s[0]), 0);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    csock__tap_free(&s[0]);
    csock__pcap_let_go(pcap);
    util_close(&s[1]);
}

static void signals_are_heard(void **state)
{
    atomic_int asked = 0;
    const struct csock_wait wait = {.interrupted = util_count_interrupted, .arg = &asked};
    char buf[4];
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    assert_int_equal(csock_send(&s[1], "abcd", 4, 0, NULL), 4);
    fake_fail(FAKE_RECV, 1, EINTR);
    assert_int_equal(csock_recv(&s[0], buf, 4, 0, &wait), 4);
    assert_int_equal(asked, 1);
    untap(&s[0]);
    assert_int_equal(bytes_in_file(1), 4);
}

static int goes_on_in_child(void *arg)
{
    char buf[4];
    (void)arg;
    if (csock_send(&s[0], "child", 5, 0, NULL) != 5 || csock_flags(&s[0]) & CSOCK__TAPPED)
        return __LINE__;
    if (csock_recv(&s[0], buf, 4, 0, WITHIN(MS)) != CSOCK_ETIMEOUT)
        return __LINE__;
    int fd = pcap->fd;
    csock__tap_free(&s[0]);
    csock__pcap_let_go(pcap);
    return util_fd_is_open(fd) ? __LINE__ : 0;
}

/* The parent's other threads may have any lock. */
static void a_child_does_not_write(void **state)
{
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    assert_int_equal(csock_send(&s[0], "parent", 6, 0, NULL), 6);
    csock__lock(&pcap->lock);
    util_in_child(goes_on_in_child, NULL);
    csock__unlock(&pcap->lock);
    assert_int_equal(csock_send(&s[0], "s", 1, 0, NULL), 1);
    untap(&s[0]);
    assert_int_equal(bytes_in_file(2), 7);
    assert_memory_equal(got, "parents", 7);
}

static void what_fails_changes_no_result(void **state)
{
    char buf[10];
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    fake_fail(FAKE_FILE_WRITE, FAKE_EVERY, ENOSPC);
    assert_int_equal(csock_send(&s[0], "abc", 3, 0, NULL), 3);
    char name[100];
    assert_int_equal(csock__tap_failure(&s[0], name, sizeof name), ENOSPC);
    assert_string_equal(name, block_path);
    assert_int_equal(csock_send(&s[0], "abc", 3, 0, NULL), 3);
    assert_false(csock_flags(&s[0]) & CSOCK__TAPPED);
    assert_int_equal(csock_recv(&s[1], buf, 10, MSG_WAITALL, WITHIN(50 * MS)), 6);
    untap(&s[0]);
    assert_int_equal(packets_with(0), 0);
}

static void what_is_not_ip_is_not_tapped(void **state)
{
    struct csock raw = CSOCK_INIT;
    (void)state;
    assert_int_equal(csock_open(&raw, AF_NETLINK, SOCK_RAW, 0, 0), 0);
    memset(raw.room, 0, sizeof raw.room);
    assert_int_equal(csock__tap_begin(&raw, NULL, false, NULL), -EINVAL);
    util_close(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(transfers_are_written_once),
        TEST(what_takes_long_is_whole),
        TEST(options_end_a_wait_as_ever),
        TEST(closing_ends_a_call),
        TEST(signals_are_heard),
        TEST(a_child_does_not_write),
        TEST(what_fails_changes_no_result),
        TEST(what_is_not_ip_is_not_tapped),
    };
    return cmocka_run_group_tests(tests, make_data, block_remove_folder);
}
