/* Receiving: what a receive promises, and what is left of it under faults. Flags are in
 * test_io_flags.c, sending is in test_io_send.c. */
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

static void ready_data_costs_one_system_call(void **state)
{
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    put("one");
    assert_int_equal(csock_ready(&s[0], POLLIN, NULL), POLLIN);
    fake_install();
    assert_int_equal(csock_recv(&s[0], buf, 3, 0, WITHIN(5000 * MS)), 3);
    unsigned calls = 0;
    for (unsigned e = 0; e < FAKE_N; e++)
        calls += e == FAKE_CLOCK ? 0 : fake_calls((enum fake_entry)e); /* WITHIN asks the time */
    assert_int_equal(calls, 1);
    close_pair();
}

static void every_family_and_type_carries_data(void **state)
{
    static const int kinds[][2] = {{AF_INET, SOCK_STREAM},   {AF_INET6, SOCK_STREAM},
                                   {AF_UNIX, SOCK_STREAM},   {AF_INET, SOCK_DGRAM},
                                   {AF_INET6, SOCK_DGRAM},   {AF_UNIX, SOCK_DGRAM},
                                   {AF_UNIX, SOCK_SEQPACKET}};
    (void)state;
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        open_pair(kinds[i][0], kinds[i][1]);
        put("hello");
        assert_int_equal(csock_recv(&s[0], buf, sizeof buf, 0, WITHIN(5000 * MS)), 5);
        assert_memory_equal(buf, "hello", 5);
        assert_int_equal(csock_recv(&s[0], buf, sizeof buf, 0, NOWAIT), -EAGAIN);
        close_pair();
    }
}

static void the_sender_of_a_datagram_is_told(void **state)
{
    union csock_addr addr, from;
    socklen_t len, from_len = 999;
    struct csock server, client;
    (void)state;
    util_bound(&server, AF_INET6, SOCK_DGRAM, &addr, &len);
    assert_int_equal(csock_open(&client, AF_INET6, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_recv_from(&server, buf, 9, 0, &from, &from_len, NOWAIT), -EAGAIN);
    assert_int_equal(from_len, 999); /* untouched */
    assert_int_equal(csock_send_to(&client, "x", 1, 0, &addr.any, len, NULL), 1);
    assert_int_equal(csock_recv_from(&server, buf, 9, 0, &from, &from_len, NULL), 1);
    assert_int_equal(from_len, sizeof from.in6);
    assert_int_equal(csock_sockname(&client, &addr, &len), 0);
    assert_int_equal(csock_addr_port(&from.any, from_len), csock_addr_port(&addr.any, len));
    assert_int_equal(csock_send_to(&server, "y", 1, 0, &from.any, from_len, NULL), 1);
    assert_int_equal(csock_recv_from(&client, buf, 9, 0, NULL, NULL, NULL), 1);
    util_close(&server);
    util_close(&client);
}

static void a_connected_stream_tells_no_sender(void **state)
{
    union csock_addr from;
    socklen_t len = 999;
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    put("x");
    assert_int_equal(csock_recv_from(&s[0], buf, 9, 0, &from, &len, NULL), 1);
    assert_int_equal(len, 0);
    close_pair();
}

/* An empty datagram is data, not an end. */
static void an_empty_datagram_is_received(void **state)
{
    static const int families[] = {AF_INET, AF_UNIX};
    (void)state;
    for (unsigned i = 0; i < COUNT(families); i++) {
        struct util_call call = {.run = util_recv, .s = &s[0]};
        open_pair(families[i], SOCK_DGRAM);
        put("");
        assert_int_equal(csock_recv(&s[0], buf, 9, 0, NOWAIT), 0);
        put("");
        assert_int_equal(csock_recv(&s[0], buf, 0, 0, NOWAIT), 0); /* no room: still taken */
        util_start_asleep(&call);
        put("");
        assert_int_equal(util_join(&call), 0);
        put("next");
        assert_int_equal(csock_recv(&s[0], buf, 9, 0, WITHIN(5000 * MS)), 4);
        close_pair();
    }
}

/* Fills the stack that the next call will use: what the one before left there is no answer. */
static void __attribute__((noinline)) poison_stack(void)
{
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    __asm__ volatile("" : : "r"(junk) : "memory");
}

/* Whether it was there or is waited for, in either way. */
static void the_sender_of_an_empty_datagram_is_told(void **state)
{
    const struct csock_wait *const waits[] = {NULL, NULL, WITHIN(5000 * MS)};
    union csock_addr addr, from;
    socklen_t len;
    struct csock server, client;
    (void)state;
    util_bound(&server, AF_INET, SOCK_DGRAM, &addr, &len);
    assert_int_equal(csock_open(&client, AF_INET, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    assert_int_equal(csock_sockname(&client, &addr, &len), 0);
    for (size_t i = 0; i < COUNT(waits); i++) {
        socklen_t from_len = 999;
        memset(&from, 0, sizeof from);
        assert_int_equal(csock_send(&client, "", 0, 0, NULL), 0);
        if (i > 0)
            fake_fail(FAKE_RECVFROM, 1, EAGAIN);
        poison_stack();
        assert_int_equal(csock_recv_from(&server, buf, 9, 0, &from, &from_len, waits[i]), 0);
        assert_int_equal(from_len, len);
        assert_memory_equal(&from, &addr, len);
    }
    util_close(&server);
    util_close(&client);
}

static ssize_t recv_and_close(int fd, void *to, size_t n, int flags)
{
    ssize_t r = csock__sys_linux.recv(fd, to, n, flags);
    csock_close_within(&s[0], 0);
    return r;
}

/* What came in time is not lost; but nothing is "the end" of a socket that was closed. */
static void closed_meanwhile_is_not_the_end_of_the_stream(void **state)
{
    (void)state;
    for (int end = 0; end < 2; end++) {
        open_pair(AF_UNIX, SOCK_STREAM);
        if (!end)
            put("x");
        util_close(&s[1]);
        fake_under()->recv = recv_and_close;
        assert_int_equal(csock_recv(&s[0], buf, 9, 0, NULL), end ? CSOCK_ECLOSED : 1);
        assert_true(csock_idle(&s[0]));
    }
}

/* SO_RCVTIMEO belongs to the blocking call, which is the one that is made. socket(7) */
static void the_kernels_own_timeout_works(void **state)
{
    struct timeval tv = {.tv_usec = 30000};
    (void)state;
    open_pair(AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_opt_set(&s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
    int64_t start = csock_now();
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, NULL), -EAGAIN);
    assert_in_range(csock_now() - start, 25 * MS, SOON);
    close_pair();
}

static void fresh_memory_has_the_size_that_came(void **state)
{
    void *memory = NULL;
    (void)state;
    open_pair(AF_INET, SOCK_DGRAM);
    put("four");
    assert_int_equal(csock_recv_new(&s[0], 1 << 20, 0, &memory, NULL), 4);
    assert_memory_equal(memory, "four", 4);
    assert_int_equal(fake_live(), 1); /* the large block is gone */
    free(memory);
    put("four");
    unsigned blocks = fake_calls(FAKE_ALLOC);
    assert_int_equal(csock_recv_new(&s[0], 4, 0, &memory, NULL), 4);
    assert_int_equal(fake_calls(FAKE_ALLOC), blocks + 1); /* it is as large as what came */
    assert_memory_equal(memory, "four", 4);
    free(memory);
    put("truncated");
    assert_int_equal(csock_recv_new(&s[0], 5, MSG_TRUNC, &memory, NULL), 5);
    assert_memory_equal(memory, "trunc", 5);
    free(memory);
    put("");
    assert_int_equal(csock_recv_new(&s[0], 0, 0, &memory, NULL), 0);
    assert_non_null(memory);
    free(memory);
    close_pair();
}

static void without_memory_nothing_is_lost(void **state)
{
    void *memory = &memory, *untouched = memory;
    (void)state;
    open_pair(AF_UNIX, SOCK_DGRAM);
    put("kept");
    fake_install();
    fake_fail(FAKE_ALLOC, 1, ENOMEM);
    assert_int_equal(csock_recv_new(&s[0], 99, 0, &memory, NULL), -ENOMEM);
    assert_ptr_equal(memory, untouched);
    fake_fail(FAKE_ALLOC, 2, ENOMEM); /* the copy */
    assert_int_equal(csock_recv_new(&s[0], 99, 0, &memory, NULL), 4);
    assert_memory_equal(memory, "kept", 4);
    free(memory);
    assert_int_equal(csock_recv_new(&s[0], 99, 0, &memory, NOWAIT), -EAGAIN);
    assert_int_equal(fake_live(), 1); /* the one that was freed here */
    close_pair();
}

static ssize_t recv_8(struct util_call *call)
{
    return csock_recv(call->s, buf, 8, 0, call->w);
}

/* The error of the reset is told once; after it the stream is at its end. */
static void a_peer_that_resets_is_an_error_once(void **state)
{
    struct linger now = {.l_onoff = 1};
    (void)state;
    open_pair(AF_INET, SOCK_STREAM);
    assert_int_equal(csock_opt_set(&s[1], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    struct util_call call = {.run = recv_8, .s = &s[0]};
    util_start_asleep(&call);
    util_close(&s[1]);
    assert_int_equal(util_join(&call), -ECONNRESET);
    assert_int_equal(csock_recv(&s[0], buf, 1, 0, WITHIN(5000 * MS)), 0);
    util_close(&s[0]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(ready_data_costs_one_system_call),
        TEST(every_family_and_type_carries_data),
        TEST(the_sender_of_a_datagram_is_told),
        TEST(a_connected_stream_tells_no_sender),
        TEST(an_empty_datagram_is_received),
        TEST(the_kernels_own_timeout_works),
        TEST(fresh_memory_has_the_size_that_came),
        TEST(without_memory_nothing_is_lost),
        TEST(a_peer_that_resets_is_an_error_once),
        TEST(the_sender_of_an_empty_datagram_is_told),
        TEST(closed_meanwhile_is_not_the_end_of_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
