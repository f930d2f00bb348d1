/* Readers over sockets: deadlines, signals and closing find the bytes where they were. */
#include "util.h"

static struct csock s[2];
static struct csock_reader r;
static char buf[1 << 18];
static const char *data;

static void open_reader(int family)
{
    util_pair(s, family, SOCK_STREAM);
    csock_reader_init(&r, csock_reader_over(&s[0]), CSOCK_READER_LIMIT);
}

static void close_reader(void)
{
    csock_reader_free(&r);
    util_close(&s[0]);
    util_close(&s[1]);
    assert_int_equal(fake_live(), 0);
}

static void put(const char *text)
{
    assert_int_equal(csock_send(&s[1], text, strlen(text), 0, NULL), strlen(text));
}

static void ready_messages_cost_one_receive(void **state)
{
    static const char *const texts[] = {"one", "two", "three"};
    (void)state;
    open_reader(AF_INET);
    put("\3one\3two\5three");
    assert_int_equal(csock_ready(&s[0], POLLIN, NULL), POLLIN);
    fake_install();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(csock_reader_exactly(&r, buf, 1, WITHIN(SOON)), 1);
        size_t n = (size_t)buf[0];
        assert_int_equal(csock_reader_exactly(&r, buf, n, WITHIN(SOON)), n);
        assert_memory_equal(buf, texts[i], n);
    }
    assert_int_equal(fake_calls(FAKE_RECV), 1);
    assert_int_equal(fake_calls(FAKE_POLL), 0);
    csock_reader_free(&r);
    assert_int_equal(fake_live(), 0);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* One byte after the other, each within the deadline of the one call. */
static void a_deadline_bounds_the_whole_call(void **state)
{
    (void)state;
    open_reader(AF_UNIX);
    put("a");
    fake_clock_set(1000 * MS);
    assert_int_equal(csock_reader_exactly(&r, buf, 3, WITHIN(50 * MS)), CSOCK_ETIMEOUT);
    put("b");
    assert_int_equal(csock_reader_line(&r, &data, WITHIN(50 * MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_reader_pending(&r), 2);
    put("c\nd");
    assert_int_equal(csock_reader_line(&r, &data, NOWAIT), 4);
    assert_memory_equal(data, "abc\n", 4);
    assert_int_equal(csock_reader_line(&r, &data, NOWAIT), -EAGAIN);
    assert_int_equal(csock_reader_pending(&r), 1);
    close_reader();
}

static void short_receives_and_signals_are_gone_on_after(void **state)
{
    atomic_int asked = 0;
    const struct csock_wait wait = {.interrupted = util_count_interrupted, .arg = &asked};
    (void)state;
    open_reader(AF_INET);
    put("abcdefgh\n");
    fake_short(FAKE_RECV, 1, 2);
    fake_short(FAKE_RECV, 2, 1);
    fake_fail(FAKE_RECV, 3, EINTR);
    assert_int_equal(csock_reader_line(&r, &data, &wait), 9);
    assert_memory_equal(data, "abcdefgh\n", 9);
    assert_int_equal(asked, 1);
    close_reader();
}

static int stop(void *arg)
{
    (void)arg;
    return 1;
}

static void a_handler_that_asks_to_stop_loses_nothing(void **state)
{
    const struct csock_wait wait = {.interrupted = stop};
    (void)state;
    open_reader(AF_INET);
    put("abc");
    assert_int_equal(csock_ready(&s[0], POLLIN, NULL), POLLIN);
    fake_fail(FAKE_RECV, 2, EINTR);
    assert_int_equal(csock_reader_exactly(&r, buf, 4, &wait), CSOCK_EINTERRUPTED);
    put("d");
    assert_int_equal(csock_reader_exactly(&r, buf, 4, NULL), 4);
    assert_memory_equal(buf, "abcd", 4);
    close_reader();
}

static ssize_t read_line(struct util_call *call)
{
    return csock_reader_line(call->arg, &data, call->w);
}

static void closing_wakes_the_reader(void **state)
{
    struct util_call call = {.run = read_line, .s = &s[0], .arg = &r};
    (void)state;
    open_reader(AF_INET);
    put("abc");
    util_start_asleep(&call);
    assert_int_equal(csock_close(&s[0]), 0);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(csock_reader_pending(&r), 3);
    assert_int_equal(csock_reader_exactly(&r, buf, 3, NULL), 3);
    assert_memory_equal(buf, "abc", 3);
    assert_int_equal(csock_reader_line(&r, &data, NULL), -EBADF);
    csock_reader_free(&r);
    util_close(&s[1]);
}

static ssize_t send_much(struct util_call *call)
{
    int err = csock_send_all(call->s, buf, sizeof buf, 0, NULL, NULL);
    csock_shutdown(call->s, SHUT_WR);
    return err;
}

/* More than a socket holds, in whatever pieces it comes, with deadlines that have passed. */
static void bulk_with_deadlines_that_pass(void **state)
{
    static char into[sizeof buf];
    struct util_call call = {.run = send_much, .s = &s[1]};
    (void)state;
    open_reader(AF_INET);
    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (char)(i * 17 % 251);
    util_start(&call);
    size_t got = 0, parts[] = {1, 70000, 100, 30000, 4, sizeof buf};
    for (unsigned i = 0; i < COUNT(parts); i++) {
        size_t n = parts[i] < sizeof into - got ? parts[i] : sizeof into - got;
        ssize_t r_ = -EAGAIN;
        for (int tries = 0; r_ == -EAGAIN; tries++)
            r_ = csock_reader_exactly(&r, into + got, n, tries < 20 ? NOWAIT : NULL);
        assert_int_equal(r_, n);
        got += n;
    }
    assert_memory_equal(into, buf, sizeof buf);
    assert_int_equal(csock_reader_some(&r, buf, 1, NULL), 0);
    assert_true(csock_reader_at_end(&r));
    assert_int_equal(util_join(&call), 0);
    close_reader();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ready_messages_cost_one_receive),
        TEST(a_deadline_bounds_the_whole_call),
        TEST(short_receives_and_signals_are_gone_on_after),
        TEST(a_handler_that_asks_to_stop_loses_nothing),
        TEST(closing_wakes_the_reader),
        TEST(bulk_with_deadlines_that_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
