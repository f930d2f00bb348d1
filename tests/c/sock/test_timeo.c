/* SO_SNDTIMEO and SO_RCVTIMEO: the kernel's own bounds of a blocking call. What they end looks as
 * O_NONBLOCK would make it look, and must not be waited for once more. */
#include "util.h"

#include <sys/time.h>

static struct csock listener, client, backlog[12];
static union csock_addr addr;
static socklen_t len;
static int n_backlog;

static void set_timeout(struct csock *s, int name, int64_t ns)
{
    struct timeval tv = {.tv_usec = (suseconds_t)(ns / 1000)}; /* less than a second */
    assert_int_equal(csock_opt_set(s, SOL_SOCKET, name, &tv, sizeof tv), 0);
}

/* Where the answer does not come: the backlog is full, so the kernel drops it. */
static void connect_to_nobody(int family)
{
    util_listener(&listener, family, 0, &addr, &len);
    n_backlog = util_fill_backlog(backlog, 12, &addr, len);
    assert_int_equal(csock_open(&client, family, SOCK_STREAM, 0, 0), 0);
}

static void end(void)
{
    while (n_backlog > 0)
        util_close(&backlog[--n_backlog]);
    util_close(&client);
    util_close(&listener);
}

static void a_blocking_connect_ends(void **state)
{
    static const struct {
        int family, error;
    } rows[] = {{AF_INET, -EINPROGRESS}, {AF_UNIX, -EAGAIN}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        connect_to_nobody(rows[i].family);
        set_timeout(&client, SO_SNDTIMEO, 100 * MS);
        int64_t start = csock_now();
        assert_int_equal(csock_connect(&client, &addr.any, len, NULL), rows[i].error);
        assert_in_range(csock_now() - start, 90 * MS, 30000 * MS);
        assert_false(util_is_nonblocking(&client));
        end();
    }
}

static ssize_t do_connect(struct util_call *call)
{
    return csock_connect(call->s, &addr.any, len, call->w);
}

static void a_signal_does_not_make_it_endless(void **state)
{
    struct util_call call = {.run = do_connect, .s = &client};
    (void)state;
    util_count_signal(SIGUSR1);
    connect_to_nobody(AF_INET);
    set_timeout(&client, SO_SNDTIMEO, 300 * MS);
    util_start_asleep(&call);
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), -EINPROGRESS);
    end();
}

static void make_nonblocking(void *s)
{
    assert_int_equal(fcntl(csock_fd(s), F_SETFL, O_NONBLOCK), 0);
}

/* Behind the library's back, where EINPROGRESS and EAGAIN say what they always say. */
static void o_nonblock_is_no_timeout(void **state)
{
    struct util_call call = {.run = do_connect, .s = &client};
    struct csock conn;
    (void)state;
    util_listener(&listener, AF_INET, 4, &addr, &len);
    assert_int_equal(csock_open(&client, AF_INET, SOCK_STREAM, 0, 0), 0);
    make_nonblocking(&client);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    end();
    connect_to_nobody(AF_UNIX);
    fake_hook(FAKE_CONNECT, 1, make_nonblocking, &client);
    util_start(&call);
    util_sleep(20 * MS);
    assert_int_not_equal(call.tid, -1);
    for (int k = 0; k < n_backlog - 1; k++) { /* the last of them never got in */
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, NULL), 0);
        util_close(&conn);
    }
    assert_int_equal(util_join(&call), 0);
    end();
}

static void a_signal_begins_it_anew(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    util_count_signal(SIGUSR1);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    set_timeout(&s[0], SO_RCVTIMEO, 200 * MS);
    util_start_asleep(&call);
    util_sleep(100 * MS);
    int64_t signalled = csock_now();
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), -EAGAIN);
    assert_true(call.ended - signalled >= 190 * MS);
    util_close(&s[0]);
    util_close(&s[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_blocking_connect_ends),
        TEST(a_signal_does_not_make_it_endless),
        TEST(o_nonblock_is_no_timeout),
        TEST(a_signal_begins_it_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
