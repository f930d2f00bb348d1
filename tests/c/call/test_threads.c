/* Records of threads: one for each that sleeps, never one for two; and forks, counted also by
 * children that do not ask. The first test needs a process in which nobody has slept. */
#include "util.h"

#include <sys/wait.h>

#include "call/thread.h"
#include "sys/lock.h"
#include "call/users.h"

static struct csock mine[2], others[2];
static struct util_call other;

static void start_other(void *arg)
{
    (void)arg;
    util_start_asleep(&other);
}

static ssize_t sleep_a_little(struct util_call *call)
{
    char byte;
    return csock_recv(call->s, &byte, 1, 0, WITHIN(MS));
}

/* One thread gets its record while another is about to get one. */
static void both_are_known(bool in_main)
{
    struct util_call call = {.run = sleep_a_little, .s = &mine[0]};
    util_pair(mine, AF_UNIX, SOCK_STREAM);
    util_pair(others, AF_UNIX, SOCK_STREAM);
    other = (struct util_call){.run = util_recv, .s = &others[0]};
    fake_hook(FAKE_GETTID, 1, start_other, NULL);
    if (in_main) {
        assert_int_equal(sleep_a_little(&call), CSOCK_ETIMEOUT);
    } else {
        util_start(&call);
        assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    }
    int64_t start = csock_now();
    assert_int_equal(csock_close_within(&others[0], 2 * SOON), 0);
    assert_in_range(csock_now() - start, 0, SOON);
    assert_int_equal(util_join(&other), CSOCK_ECLOSED);
    util_close(&others[1]);
    util_close(&mine[0]);
    util_close(&mine[1]);
}

static void a_record_is_for_one_thread(void **state)
{
    (void)state;
    both_are_known(true);
    assert_int_equal(fake_calls(FAKE_ALLOC), 2);
    both_are_known(false); /* of those there are, one is free */
    assert_int_equal(fake_calls(FAKE_ALLOC), 3);
}

/* A fork in the middle of a sleep: the child's thread goes on with its record, which is none of
 * those that others get meanwhile. */
static pid_t forked;
static struct util_call more[4]; /* than there are records */

static void fork_in_sleep(void *arg)
{
    (void)arg;
    forked = fork();
    if (forked == 0) {
        alarm(60);
        for (size_t i = 0; i < COUNT(more); i++)
            util_start_asleep(&more[i]);
        (void)!write(csock_fd(&mine[1]), "x", 1);
    }
}

static int end_of_child(ssize_t got)
{
    int64_t start = csock_now();
    if (got != 1 || csock_close_within(&others[0], 2 * SOON) != 0)
        return 1;
    for (size_t i = 0; i < COUNT(more); i++)
        if (util_join(&more[i]) != CSOCK_ECLOSED)
            return 2;
    return csock_now() - start > SOON ? 3 : 0;
}

static void a_child_goes_on_with_its_record(void **state)
{
    struct util_call before = {.run = sleep_a_little, .s = &mine[0]};
    char byte;
    int status;
    (void)state;
    util_pair(mine, AF_UNIX, SOCK_STREAM);
    util_pair(others, AF_UNIX, SOCK_STREAM);
    assert_int_equal(sleep_a_little(&before), CSOCK_ETIMEOUT);
    util_start(&before); /* whose record is a newer one */
    assert_int_equal(util_join(&before), CSOCK_ETIMEOUT);
    for (size_t i = 0; i < COUNT(more); i++)
        more[i] = (struct util_call){.run = util_recv, .s = &others[0]};
    fake_hook(FAKE_RECV, 2, fork_in_sleep, NULL); /* after the try */
    forked = -1;
    struct csock_wait w = {.timeout = 0};
    ssize_t got = 0;
    (void)!write(csock_fd(&mine[1]), "y", 1);
    fake_fail(FAKE_RECV, 1, EAGAIN);
    got = csock_recv(&mine[0], &byte, 1, 0, &w);
    if (forked == 0)
        util_exit(end_of_child(got));
    assert_int_equal(got, 1);
    assert_int_equal(waitpid(forked, &status, 0), forked);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        util_close(&mine[i]);
        util_close(&others[i]);
    }
}

/* ---- records of threads that a child does not have */

static size_t free_records(void)
{
    size_t n = 0;
    for (const struct csock__thread *t = csock__threads(); t; t = t->next)
        n += !csock__lives(t);
    return n;
}

/* New threads have all the records, that of the parent's sleeper among them; none of them is where
 * he was. */
static int close_beside_new_owners(void *arg)
{
    struct csock__call call;
    size_t n = free_records();
    (void)arg;
    if (n == 0 || n > COUNT(more))
        return __LINE__;
    for (size_t i = 0; i < n; i++)
        util_start_asleep(&more[i]);
    if (free_records() != 0)
        return __LINE__;
    if (csock__enter(&call, &mine[0]) != 0)
        return __LINE__;
    int64_t start = csock_now();
    if (csock_close_within(&mine[0], 2 * SOON) != 1) /* its own call remains */
        return __LINE__;
    if (fake_calls(FAKE_TGKILL) != 0 || csock_now() - start > SOON)
        return __LINE__;
    csock__leave(&call);
    if (!csock_idle(&mine[0]) || csock_close(&others[0]) != 0)
        return __LINE__;
    for (size_t i = 0; i < n; i++)
        if (util_join(&more[i]) != CSOCK_ECLOSED)
            return __LINE__;
    return 0;
}

static void a_new_owner_of_a_record_sleeps_nowhere_yet(void **state)
{
    struct util_call before = {.run = util_recv, .s = &mine[0]};
    (void)state;
    util_pair(mine, AF_UNIX, SOCK_STREAM);
    util_pair(others, AF_UNIX, SOCK_STREAM);
    for (size_t i = 0; i < COUNT(more); i++)
        more[i] = (struct util_call){.run = util_recv, .s = &others[0]};
    util_start_asleep(&before);
    util_in_child(close_beside_new_owners, NULL);
    util_close(&mine[0]);
    assert_int_equal(util_join(&before), CSOCK_ECLOSED);
    util_close(&mine[1]);
    util_close(&others[0]);
    util_close(&others[1]);
}

/* Who only yields would never let a thread of lower priority go on. sched(7) */
static void giving_way_becomes_a_nap(void **state)
{
    (void)state;
    for (unsigned times = 0; times < 10; times++)
        csock__give_way(times);
    assert_int_equal(fake_calls(FAKE_YIELD), 10);
    assert_int_equal(fake_calls(FAKE_NANOSLEEP), 0);
    csock__give_way(10);
    assert_int_equal(fake_calls(FAKE_YIELD), 10);
    assert_int_equal(fake_calls(FAKE_NANOSLEEP), 1);
}

/* In a thread that never slept, and has no record. */
static ssize_t fork_twice(struct util_call *call)
{
    uint32_t before = csock_forks();
    int status = -1;
    (void)call;
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(csock_forks() != before + 2);
        _exit(waitpid(grandchild, &status, 0) != grandchild || status != 0);
    }
    return waitpid(child, &status, 0) == child ? status : -1;
}

static void a_fork_counts_though_the_child_does_not_ask(void **state)
{
    struct util_call call = {.run = fork_twice};
    (void)state;
    util_start(&call);
    assert_int_equal(util_join(&call), 0);
}

static bool asks_first;

static void ask_in_child(void)
{
    if (asks_first)
        csock_forks();
}

/* Before the library has a handler of its own. */
__attribute__((constructor(101))) static void handle_forks(void)
{
    pthread_atfork(NULL, NULL, ask_in_child);
}

static int forks_in_child(void *before)
{
    return csock_forks() == *(uint32_t *)before + 1 ? 0 : __LINE__;
}

static void a_fork_counts_once_though_another_handler_asks_first(void **state)
{
    uint32_t before = csock_forks();
    (void)state;
    asks_first = true;
    util_in_child(forks_in_child, &before);
    asks_first = false;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_record_is_for_one_thread),
        TEST(a_child_goes_on_with_its_record),
        TEST(a_new_owner_of_a_record_sleeps_nowhere_yet),
        TEST(giving_way_becomes_a_nap),
        TEST(a_fork_counts_though_the_child_does_not_ask),
        TEST(a_fork_counts_once_though_another_handler_asks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
