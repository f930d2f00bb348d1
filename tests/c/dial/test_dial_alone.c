/* csock_dial() where an attempt waits by itself: to an AF_UNIX listener with a full backlog, for
 * which nothing can be polled. Without a bound it sleeps in connect(2), with one in naps. */
#include "util.h"

enum { FILLERS = 8 };

static struct csock listener, until, fillers[FILLERS];
static int n_fillers;
static struct csock_dial_addr target;
static struct csock_dial_request request;

static int setup(void **state)
{
    static union csock_addr addr;
    util_setup(state);
    util_listener(&listener, AF_UNIX, 1, &addr, &target.len);
    target.addr = &addr.any;
    n_fillers = util_fill_backlog(fillers, FILLERS, &addr, target.len);
    assert_int_equal(csock_open(&until, AF_INET, SOCK_DGRAM, 0, 0), 0);
    request = (struct csock_dial_request){.addrs = &target, .n_addrs = 1, .until_closed = &until};
    return 0;
}

static int teardown(void **state)
{
    while (n_fillers > 0)
        util_close(&fillers[--n_fillers]);
    util_close(&listener);
    csock_close(&until);
    assert_true(csock_idle(&until));
    return util_teardown(state);
}

static ssize_t dial(struct util_call *call)
{
    struct csock got;
    int r = csock_dial(&got, &request, NULL, call->w);
    if (r == 0)
        csock_close(&got);
    return r;
}

static void check_closing(const struct csock_wait *w)
{
    struct util_call call = {.run = dial, .w = w};
    util_start_asleep(&call);
    int64_t start = csock_now();
    util_close(&until);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(csock_now() - start, 0, PROMPT);
    assert_int_equal(dial(&call), CSOCK_ECLOSED); /* closed already */
}

static void closing_that_socket_ends_it(void **state)
{
    (void)state;
    check_closing(NULL);
}

static void so_it_does_where_there_is_a_bound(void **state)
{
    (void)state;
    check_closing(WITHIN(60000 * MS));
}

static void the_bound_itself_does(void **state)
{
    (void)state;
    assert_int_equal(dial(&(struct util_call){.w = WITHIN(20 * MS)}), CSOCK_ETIMEOUT);
}

static void a_signal_does_not(void **state)
{
    atomic_int heard = 0;
    struct csock_wait w = {.interrupted = util_count_interrupted, .arg = &heard};
    struct util_call call = {.run = dial, .w = &w};
    struct csock conn;
    (void)state;
    util_handle(SIGUSR1, util_count_signal, 0);
    util_start_asleep(&call);
    while (atomic_load(&heard) < 3) {
        util_signal_call(&call, SIGUSR1);
        util_sleep(MS);
    }
    for (int n = n_fillers; n > 0; n--) { /* the last of them does not stand */
        assert_int_equal(csock_accept(&listener, &conn, NULL, NULL, WITHIN(SOON)), 0);
        util_close(&conn);
    }
    assert_int_equal(util_join(&call), 0);
}

/* What a callback says is heard, whatever it has closed. */
static int close_and_return(void *arg)
{
    util_close(&until);
    return *(const int *)arg;
}

static void a_callback_may_close_it_and_stop_or_not(void **state)
{
    static const int said[] = {0, 1}, results[] = {CSOCK_ECLOSED, CSOCK_EINTERRUPTED};
    (void)state;
    util_handle(SIGUSR1, util_count_signal, 0);
    for (size_t i = 0; i < COUNT(said); i++) {
        int stop = said[i];
        struct csock_wait w = {.interrupted = close_and_return, .arg = &stop};
        struct util_call call = {.run = dial, .w = &w};
        util_start_asleep(&call);
        assert_int_equal(util_signal_until_joined(&call, SIGUSR1), results[i]);
        assert_true(csock_idle(&until));
        assert_int_equal(csock_open(&until, AF_INET, SOCK_DGRAM, 0, 0), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define ALONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        ALONE(closing_that_socket_ends_it),
        ALONE(so_it_does_where_there_is_a_bound),
        ALONE(the_bound_itself_does),
        ALONE(a_signal_does_not),
        ALONE(a_callback_may_close_it_and_stop_or_not),
    };
    return cmocka_run_group_tests_name("dial_alone", tests, NULL, NULL);
}
