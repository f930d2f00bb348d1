/* What is left of a burst when nothing more comes: written by the thread, and by exit(3), whatever
 * others hold; not by a child of fork(2). */
#include "bursts.h"
#include "forks.h"

#include <sys/resource.h>

static void await_packets(unsigned n)
{
    while (block_count_so_far() != n) /* a hang ends the program */
        util_sleep(MS);
    assert_int_equal(block_count(NULL), n);
}

static void the_thread_writes_it(void **state)
{
    struct csock__pcap *p = burst_file();
    (void)state;
    for (int i = 0; i < 3; i++) {
        burst_begin(p);
        await_packets(burst_packets());
    }
    burst_end(p);
}

static void a_lock_that_is_held_is_in_nobody_elses_way(void **state)
{
    struct csock__pcap *held = burst_file();
    (void)state;
    burst_begin(held);
    csock__lock(&held->lock);
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    await_packets(burst_packets());
    csock__unlock(&held->lock);
    csock__pcap_let_go(held);
    burst_end(p);
}

static struct csock__pcap *shared;

static ssize_t write_many(struct util_call *call)
{
    for (size_t i = 0; i < 3000; i++)
        burst_write(shared, 1 + (i * 7919 + (size_t)(uintptr_t)call) % 3000);
    return 0;
}

static void threads_write_in_the_order_of_the_lock(void **state)
{
    struct util_call calls[3] = {{.run = write_many}, {.run = write_many}, {.run = write_many}};
    (void)state;
    shared = burst_file();
    for (size_t i = 0; i < COUNT(calls); i++)
        util_start(&calls[i]);
    for (size_t i = 0; i < COUNT(calls); i++)
        util_join(&calls[i]);
    burst_end(shared);
    assert_int_equal(block_count(NULL), 9000);
    assert_int_equal(burst_packets(), 9000);
}

/* ---- forks */

static int burst_in_child(void *arg)
{
    csock__pcap_let_go(*(struct csock__pcap **)arg);
    snprintf(block_path, sizeof block_path, "%s/child", block_folder);
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    await_packets(burst_packets());
    csock__pcap_let_go(p);
    return unlink(block_path);
}

/* Which ThreadSanitizer does not allow. */
static void not_for_tsan(void)
{
#ifdef __SANITIZE_THREAD__
    skip();
#endif
}

static void a_child_has_a_thread_of_its_own(void **state)
{
    (void)state;
    not_for_tsan();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    util_in_child(burst_in_child, &p);
    await_packets(burst_packets());
    burst_end(p);
}

/* Of the list and of the file. */
static void a_child_does_not_wait_for_its_parents_locks(void **state)
{
    (void)state;
    not_for_tsan();
    shared = burst_file();
    forks_begin_beside(FAKE_THREAD_START, burst_in_child, &shared);
    burst_begin(shared);
    forks_end_beside();
    burst_end(shared);
    assert_int_equal(block_count(NULL), burst_packets());
}

/* ---- exit(3). In children, whose thread does not run. */

enum { PACKETS = 100 };

static struct csock__pcap *burst_of_child(void)
{
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    for (int i = 0; i < PACKETS; i++)
        burst_write(p, 9000);
    if (p->burst.n == 0)
        _exit(__LINE__);
    return p;
}

static int end_by_exit(void *arg)
{
    (void)arg;
    burst_of_child();
    exit(0);
}

static int end_by_exit_with_its_lock_held(void *arg)
{
    (void)arg;
    csock__lock(&burst_of_child()->lock);
    exit(0);
}

static int end_at_once(void *arg)
{
    (void)arg;
    burst_of_child();
    _exit(0);
}

static void exit_writes_it_if_it_can(void **state)
{
    (void)state;
    util_in_child(end_by_exit, NULL);
    assert_int_equal(block_count(NULL), PACKETS);
    util_in_child(end_by_exit_with_its_lock_held, NULL);
    assert_in_range(block_count(NULL), 10, PACKETS - 1);
    util_in_child(end_at_once, NULL);
    assert_in_range(block_count(NULL), 10, PACKETS - 1);
}

/* ---- a limit, which the thread is the one to meet */

static int meet_the_limit(void *arg)
{
    const struct rlimit limit = {200000, 200000};
    (void)arg;
    signal(SIGXFSZ, SIG_DFL);
    struct csock__pcap *p = burst_file();
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return __LINE__;
    while (burst_collected(p) == 0)
        burst_write(p, 20000);
    for (int i = 0; i < 5; i++)
        burst_write(p, 20000);
    int err = 0;
    while ((err = csock__pcap_failure(p)) == 0)
        util_sleep(MS);
    csock__pcap_let_go(p);
    return err == EFBIG ? 0 : __LINE__;
}

static void the_limit_of_files_ends_the_capture_alone(void **state)
{
    (void)state;
    util_in_child(meet_the_limit, NULL);
    assert_in_range(block_count(NULL), 9, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_thread_writes_it),
        TEST(a_lock_that_is_held_is_in_nobody_elses_way),
        TEST(threads_write_in_the_order_of_the_lock),
        TEST(a_child_has_a_thread_of_its_own),
        TEST(a_child_does_not_wait_for_its_parents_locks),
        TEST(exit_writes_it_if_it_can),
        TEST(the_limit_of_files_ends_the_capture_alone),
    };
    return cmocka_run_group_tests(tests, block_make_folder, block_remove_folder);
}
