/* MSG_WAITALL under a deadline: all, or what came so far; each way to receive. */
#include "util.h"

#include <sys/uio.h>

static struct csock s[2];
static char buf[16];
static union csock_addr from;
static socklen_t from_len;

enum way { RECV, RECV_FROM, RECV_NEW, RECVMSG, N_WAYS };

static ssize_t into_new(const struct csock_wait *w, int flags)
{
    void *block = NULL;
    ssize_t r = csock_recv_new(&s[0], 8, flags, &block, w);
    if (r > 0)
        memcpy(buf, block, (size_t)r);
    free(block);
    return r;
}

static ssize_t into_parts(const struct csock_wait *w, int flags)
{
    struct iovec parts[] = {{buf, 2}, {NULL, 0}, {buf + 2, 5}, {buf + 7, 1}};
    struct msghdr msg = {.msg_iov = parts, .msg_iovlen = COUNT(parts)};
    ssize_t r = csock_recvmsg(&s[0], &msg, flags, w);
    assert_ptr_equal(msg.msg_iov, parts); /* the caller's are as they were */
    assert_int_equal(parts[0].iov_len + parts[1].iov_len + parts[2].iov_len, 7);
    return r;
}

/* Eight bytes. */
static ssize_t receive(enum way way, int flags, const struct csock_wait *w)
{
    memset(buf, 0, sizeof buf);
    switch (way) {
    case RECV:
        return csock_recv(&s[0], buf, 8, MSG_WAITALL | flags, w);
    case RECV_FROM:
        from_len = 99;
        return csock_recv_from(&s[0], buf, 8, MSG_WAITALL | flags, &from, &from_len, w);
    case RECV_NEW:
        return into_new(w, MSG_WAITALL | flags);
    default:
        return into_parts(w, MSG_WAITALL | flags);
    }
}

static ssize_t receive_call(struct util_call *call)
{
    return receive(*(enum way *)call->arg, 0, call->w);
}

static void put(const char *text)
{
    assert_int_equal(csock_send(&s[1], text, strlen(text), 0, NULL), strlen(text));
}

static void end(void)
{
    util_close(&s[0]);
    util_close(&s[1]);
}

static void all_of_it_comes(void **state)
{
    static const int families[] = {AF_INET, AF_UNIX};
    (void)state;
    for (enum way way = 0; way < 2 * N_WAYS; way++) {
        enum way which = way / 2;
        struct csock_wait w = {.timeout = 60000 * MS};
        struct util_call call = {.run = receive_call, .s = &s[0], .w = &w, .arg = &which};
        util_pair(s, families[way % 2], SOCK_STREAM);
        put("ab");
        util_start_asleep(&call);
        put("cd");
        util_sleep(5 * MS);
        assert_int_not_equal(call.tid, -1);
        put("efghi");
        assert_int_equal(util_join(&call), 8);
        assert_memory_equal(buf, "abcdefgh", 8);
        assert_int_equal(csock_recv(&s[0], buf, 8, 0, NOWAIT), 1); /* and no more */
        end();
    }
}

static void what_came_until_the_deadline(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        assert_int_equal(receive(way, 0, WITHIN(20 * MS)), CSOCK_ETIMEOUT); /* nothing did */
        put("abc");
        int64_t start = csock_now();
        assert_int_equal(receive(way, 0, WITHIN(50 * MS)), 3);
        assert_true(csock_now() - start >= 50 * MS);
        assert_memory_equal(buf, "abc\0", 4);
        if (way == RECV_FROM)
            assert_true(from_len <= sizeof(sa_family_t)); /* that of a receive which succeeded */
        end();
    }
}

/* Nobody has more than a count where one is due. */
static void any_end_keeps_what_came(void **state)
{
    struct csock_wait w = {.deadline = csock_deadline(60000 * MS)};
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct util_call call = {.run = receive_call, .s = &s[0], .w = &w, .arg = &way};
        util_pair(s, AF_UNIX, SOCK_STREAM);
        put("abc");
        util_start_asleep(&call);
        assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
        assert_int_equal(util_join(&call), 3);
        assert_int_equal(receive(way, 0, &w), 0); /* the end of the stream */
        end();
        util_pair(s, AF_UNIX, SOCK_STREAM);
        put("abc");
        util_start_asleep(&call);
        util_close(&s[0]);
        assert_int_equal(util_join(&call), 3);
        util_close(&s[1]);
    }
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

static void a_stop_keeps_what_came(void **state)
{
    struct csock_wait w = {.deadline = csock_deadline(60000 * MS), .interrupted = stop};
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    fake_fail(FAKE_POLL, 1, EINTR);
    assert_int_equal(receive(RECV, 0, &w), CSOCK_EINTERRUPTED);
    put("abc");
    fake_fail(FAKE_POLL, 1, EINTR);
    assert_int_equal(receive(RECV, 0, &w), 3);
    end();
}

static void who_does_not_wait_gets_what_is_there(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        util_pair(s, AF_UNIX, SOCK_STREAM);
        assert_int_equal(receive(way, 0, NOWAIT), -EAGAIN);
        put("abc");
        assert_int_equal(receive(way, 0, NOWAIT), 3);
        put("abc");
        assert_int_equal(receive(way, MSG_DONTWAIT, WITHIN(60000 * MS)), 3);
        end();
        util_pair(s, AF_UNIX, SOCK_SEQPACKET); /* has no parts */
        put("abc");
        assert_int_equal(receive(way, 0, WITHIN(60000 * MS)), 3);
        end();
    }
}

static ssize_t peek_call(struct util_call *call)
{
    return receive(*(enum way *)call->arg, MSG_PEEK, call->w);
}

static void peeking_waits_for_all(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct csock_wait w = {.deadline = csock_deadline(60000 * MS)};
        struct util_call call = {.run = peek_call, .s = &s[0], .w = &w, .arg = &way};
        util_pair(s, AF_UNIX, SOCK_STREAM);
        put("abc");
        int64_t cpu = util_thread_cpu();
        assert_int_equal(receive(way, MSG_PEEK, WITHIN(100 * MS)), 3);
        assert_true(util_thread_cpu() - cpu < 50 * MS);
        util_start_asleep(&call);
        put("defgh");
        assert_int_equal(util_join(&call), 8);
        assert_memory_equal(buf, "abcdefgh", 8);
        assert_int_equal(receive(way, 0, &w), 8); /* all still there */
        put("abc");
        assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
        assert_int_equal(receive(way, MSG_PEEK, &w), 3); /* no more can come */
        end();
    }
}

/* SO_PEEK_OFF: the kernel gives each byte once, and what it gave is not written over. */
static void peeking_from_an_offset_brings_all(void **state)
{
    (void)state;
    util_not_emulated("SO_PEEK_OFF is refused");
    for (enum way way = 0; way < N_WAYS; way++) {
        struct csock_wait w = {.deadline = csock_deadline(60000 * MS)};
        struct util_call call = {.run = peek_call, .s = &s[0], .w = &w, .arg = &way};
        int offset = way % 2;
        util_pair(s, AF_UNIX, SOCK_STREAM);
        assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_PEEK_OFF, offset), 0);
        put(&"-abc"[!offset]);
        util_start_asleep(&call);
        put("defgh");
        assert_int_equal(util_join(&call), 8);
        assert_memory_equal(buf, "abcdefgh", 8);
        assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_PEEK_OFF, offset), 0);
        assert_int_equal(receive(way, MSG_PEEK, &w), 8); /* all still there */
        end();
    }
}

/* A sender who is never behind: the deadline holds all the same. */
static void trickle(void *arg)
{
    (void)arg;
    fake_clock_add(MS);
    put("x");
}

static void a_sender_does_not_move_the_deadline(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    fake_clock_set(1000 * MS);
    fake_hook(FAKE_RECV, FAKE_EVERY, trickle, NULL);
    assert_int_equal(receive(RECV, 0, &(struct csock_wait){.deadline = 1003 * MS}), 3);
    end();
}

static void without_memory_the_count_is_short(void **state)
{
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    put("abc");
    fake_fail(FAKE_ALLOC, 1, ENOMEM);
    assert_int_equal(receive(RECVMSG, 0, WITHIN(60000 * MS)), 3);
    end();
}

/* "abc", "def" with a descriptor, "gh" */
static void put_with_descriptor(void)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec sent = {(void *)(uintptr_t) "def", 3};
    struct msghdr out = {.msg_iov = &sent, .msg_iovlen = 1, .msg_control = control};
    const int fd = 0;
    put("abc");
    assert_int_equal(csock_cmsg_add(&out, sizeof control, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof fd),
                     0);
    assert_int_equal(csock_sendmsg(&s[1], &out, 0, NULL), 3);
    put("gh");
}

/* Descriptors that come behind the first bytes are handed on, with a count that ends there; so it
 * does where there is no room for them, which is told. */
static void ancillary_data_is_not_lost(void **state)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {buf, 8};
    (void)state;
    for (int room = 0, live = 0; room < 2; room++) {
        struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
        util_pair(s, AF_UNIX, SOCK_STREAM);
        put_with_descriptor();
        msg.msg_controllen = room ? sizeof control : 0;
        assert_int_equal(csock_recvmsg(&s[0], &msg, MSG_WAITALL, WITHIN(60000 * MS)), 6);
        assert_int_equal(csock_cmsg_close_fds(&msg), room);
        assert_true(room == 0 || fake_live() == live); /* the first wait makes a record */
        live = fake_live();
        assert_int_equal(msg.msg_flags & MSG_CTRUNC, room ? 0 : MSG_CTRUNC);
        end();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(all_of_it_comes),
        TEST(what_came_until_the_deadline),
        TEST(any_end_keeps_what_came),
        TEST(a_stop_keeps_what_came),
        TEST(who_does_not_wait_gets_what_is_there),
        TEST(peeking_waits_for_all),
        TEST(peeking_from_an_offset_brings_all),
        TEST(a_sender_does_not_move_the_deadline),
        TEST(without_memory_the_count_is_short),
        TEST(ancillary_data_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
