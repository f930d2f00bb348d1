/* The one thread that enters a socket without being counted, and closing under it: core/users.c. */
#include "util.h"

#include "../../core/thread.h"
#include "../../core/users.h"

static struct csock s[2];
static atomic_int step;

static int setup(void **state)
{
    util_setup(state);
    atomic_store(&step, 0);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    return 0;
}

static int teardown(void **state)
{
    csock_close(&s[0]);
    csock_close(&s[1]);
    return util_teardown(state);
}

static void await_step(int n)
{
    for (int64_t until = csock_now() + 10000 * MS; atomic_load(&step) < n;)
        if (csock_now() > until)
            fail_msg("step %d is never reached", n);
}

/* Hooks. */
static uint32_t users_seen;

static void look_who_is_inside(void *arg)
{
    (void)arg;
    users_seen = csock__users(&s[0]);
}

static void step_to(void *n)
{
    atomic_store(&step, *(int *)n);
}

static void wait_for_step(void *n)
{
    await_step(*(int *)n);
}

static uint32_t users_during_recv(void)
{
    char byte;
    fake_hook(FAKE_RECV, 1, look_who_is_inside, NULL);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, NULL), 1);
    return users_seen;
}

static ssize_t users_elsewhere(struct util_call *call)
{
    (void)call;
    return users_during_recv();
}

static void only_the_first_thread_is_not_counted(void **state)
{
    struct util_call call = {.run = users_elsewhere};
    (void)state;
    assert_int_equal(users_during_recv(), 0);
    util_start(&call);
    assert_int_equal(util_join(&call), 1);
    assert_int_equal(users_during_recv(), 0);
    assert_int_equal(csock__users(&s[0]), 0);
}

static void where_there_is_no_barrier_all_are_counted(void **state)
{
    (void)state;
    csock__has_barrier = false;
    uint32_t users = users_during_recv();
    csock__has_barrier = true;
    assert_int_equal(users, 1);
    assert_null(csock__owner(&s[0]));
}

static void its_own_closing_needs_no_barrier(void **state)
{
    (void)state;
    users_during_recv();
    util_close(&s[0]);
    assert_int_equal(fake_calls(FAKE_BARRIER), 0);
}

/* The owner is held in its first try until the closer has counted it. */
static void a_closer_counts_who_is_inside(void **state)
{
    static int inside = 1, counted = 2;
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    fake_hook(FAKE_RECV, 1, step_to, &inside);
    fake_hook(FAKE_RECV, 1, wait_for_step, &counted);
    fake_hook(FAKE_BARRIER, 2, look_who_is_inside, NULL);
    fake_hook(FAKE_BARRIER, 2, step_to, &counted);
    util_start(&call);
    await_step(inside);
    int fd = csock_fd(&s[0]);
    util_close(&s[0]);
    assert_int_equal(users_seen, 1);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_false(util_fd_is_open(fd));
    assert_true(csock_idle(&s[0]));
    assert_int_equal(fake_calls(FAKE_BARRIER), 2);
    assert_int_equal(fake_calls(FAKE_CLOSE), 1);
}

/* A closer without patience: the owner, who is the last user then, closes the descriptor. */
static void an_owner_who_is_abandoned_closes(void **state)
{
    static int inside = 1, abandoned = 2;
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    fake_hook(FAKE_RECV, 1, step_to, &inside);
    fake_hook(FAKE_RECV, 1, wait_for_step, &abandoned);
    util_start(&call);
    await_step(inside);
    int fd = csock_fd(&s[0]);
    assert_int_equal(csock_close_within(&s[0], 0), 1);
    assert_true(util_fd_is_open(fd));
    assert_false(csock_idle(&s[0]));
    atomic_store(&step, abandoned);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_false(util_fd_is_open(fd));
    assert_true(csock_idle(&s[0]));
}

/* The owner leaves between the closer's look and its word that it has counted: another closer, of a
 * socket that the owner was in before, has a word there still, and this one waits. */
static struct util_call leaver;

static void let_the_owner_leave(void *arg)
{
    (void)arg;
    atomic_store(&step, 2);
    while (atomic_load(&leaver.tid) != -1)
        util_sleep(MS);
}

static void a_count_that_the_owner_has_not_seen_is_taken_back(void **state)
{
    static int inside = 1, may_leave = 2;
    struct csock other;
    (void)state;
    assert_int_equal(csock_open(&other, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    __atomic_add_fetch(&other.state, 1, __ATOMIC_SEQ_CST);
    leaver = (struct util_call){.run = util_recv, .s = &s[0]};
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    fake_hook(FAKE_RECV, 1, step_to, &inside);
    fake_hook(FAKE_RECV, 1, wait_for_step, &may_leave);
    fake_hook(FAKE_YIELD, 1, let_the_owner_leave, NULL);
    util_start(&leaver);
    await_step(inside);
    atomic_store(&csock__owner(&s[0])->handed, &other);
    int64_t start = csock_now();
    util_close(&s[0]);
    assert_in_range(csock_now() - start, 0, 500 * MS);
    assert_int_equal(util_join(&leaver), 1);
    assert_int_equal(csock__users(&other), 0);
    assert_true(csock_idle(&s[0]));
    util_close(&other);
}

/* Whatever the closer meets, an owner on its way in, inside or on its way out, the count is right
 * after: a user too many would cost it a second, one too few be an underflow. */
#define TIMES 3000
static struct csock many[TIMES + 1][2];
static struct csock *_Atomic target;

static void *receive_again_and_again(void *arg)
{
    char byte;
    struct csock *now;
    while ((now = atomic_load(&target))) {
        csock_recv(now, &byte, 1, MSG_PEEK, NOWAIT);
        int at = 1;
        atomic_compare_exchange_strong(&step, &at, 2);
    }
    return arg;
}

static void an_owner_comes_and_goes_while_it_is_closed(void **state)
{
    pthread_t thread;
    (void)state;
    fake_remove();
    util_pair(many[0], AF_UNIX, SOCK_STREAM);
    atomic_store(&target, &many[0][0]);
    assert_int_equal(pthread_create(&thread, NULL, receive_again_and_again, NULL), 0);
    for (int i = 0; i < TIMES; i++) {
        atomic_store(&step, 1);
        await_step(2);
        for (int until = i % 97; until > 0; until--)
            atomic_signal_fence(memory_order_seq_cst);
        int64_t start = csock_now();
        assert_int_equal(csock_close(&many[i][0]), 0);
        assert_in_range(csock_now() - start, 0, 900 * MS);
        assert_true(csock_idle(&many[i][0]));
        util_close(&many[i][1]);
        util_pair(many[i + 1], AF_UNIX, SOCK_STREAM);
        atomic_store(&target, &many[i + 1][0]);
    }
    atomic_store(&target, NULL);
    pthread_join(thread, NULL);
    util_close(&many[TIMES][0]);
    util_close(&many[TIMES][1]);
}

/* Taken away by a filter of system calls after the program began. */
static void a_barrier_that_fails_is_made_up_for_by_time(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
    fake_fail(FAKE_BARRIER, FAKE_EVERY, ENOSYS);
    util_start_asleep(&call);
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_true(fake_calls(FAKE_NANOSLEEP) >= 2);
}

static void a_thread_cancelled_inside_is_not_waited_for(void **state)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it takes the frames that a cancelled thread leaves behind for living ones */
#endif
    util_start_asleep(&call);
    assert_non_null(csock__owner(&s[0]));
    pthread_cancel(call.thread);
    util_join(&call);
    int64_t start = csock_now();
    util_close(&s[0]);
    assert_in_range(csock_now() - start, 0, 500 * MS);
}

/* Its record says that it is inside already. */
static ssize_t inner;
static char inner_byte;

static void receive_in_handler(int sig)
{
    (void)sig;
    inner = csock_recv(&s[0], &inner_byte, 1, 0, NOWAIT);
}

static void raise_usr1(void *arg)
{
    (void)arg;
    raise(SIGUSR1);
}

static void a_handler_within_its_call_is_counted(void **state)
{
    char byte;
    (void)state;
    util_handle(SIGUSR1, receive_in_handler, 0);
    assert_int_equal(csock_send(&s[1], "ab", 2, 0, NULL), 2);
    fake_hook(FAKE_RECV, 1, raise_usr1, NULL);
    fake_hook(FAKE_RECV, 2, look_who_is_inside, NULL); /* the handler's */
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, NULL), 1);
    assert_int_equal(inner, 1);
    assert_int_equal(users_seen, 1);
    assert_true(inner_byte == 'a' && byte == 'b');
    assert_int_equal(csock__users(&s[0]), 0);
}

static int go_on_in_child(void *arg)
{
    char byte;
    (void)arg;
    for (int i = 0; i < 3; i++)
        if (csock_send(&s[1], "x", 1, 0, NULL) != 1 || csock_recv(&s[0], &byte, 1, 0, NULL) != 1 ||
            csock__users(&s[0]) != 0)
            return __LINE__;
    if (csock_close(&s[0]) != 0 || csock_recv(&s[0], &byte, 1, 0, NULL) != -EBADF)
        return __LINE__;
    return csock_close(&s[1]);
}

static void a_child_goes_on_with_its_parents_socket(void **state)
{
    (void)state;
    users_during_recv();
    util_in_child(go_on_in_child, NULL);
    assert_int_equal(users_during_recv(), 0);
}

int main(void)
{
#define IN_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        IN_PAIR(only_the_first_thread_is_not_counted),
        IN_PAIR(where_there_is_no_barrier_all_are_counted),
        IN_PAIR(its_own_closing_needs_no_barrier),
        IN_PAIR(a_closer_counts_who_is_inside),
        IN_PAIR(an_owner_who_is_abandoned_closes),
        IN_PAIR(a_count_that_the_owner_has_not_seen_is_taken_back),
        IN_PAIR(an_owner_comes_and_goes_while_it_is_closed),
        IN_PAIR(a_barrier_that_fails_is_made_up_for_by_time),
        IN_PAIR(a_thread_cancelled_inside_is_not_waited_for),
        IN_PAIR(a_handler_within_its_call_is_counted),
        IN_PAIR(a_child_goes_on_with_its_parents_socket),
    };
    if (!csock__has_barrier) {
        print_message(
            "this machine has no membarrier(2), or no glibc 2.32: no thread is an owner\n");
        return 77; /* meson: skipped */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
