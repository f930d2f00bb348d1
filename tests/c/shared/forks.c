#include "forks.h"

#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct csock s[2];

static int grandchild(void *before)
{
    return csock_forks() == *(uint32_t *)before + 2 ? 0 : __LINE__;
}

static int child(void *before)
{
    if (csock_forks() != *(uint32_t *)before + 1)
        return __LINE__;
    if (csock_close(&s[0]) != 0 || csock_close(&s[1]) != 0) /* nobody is inside here */
        return __LINE__;
    util_in_child(grandchild, before);
    return 0;
}

void forks_check_noticed(void)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    uint32_t before = csock_forks();
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    util_in_child(child, &before);
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    util_close(&s[1]);
}

/* ---- beside a call of this thread's */

static struct {
    pthread_t thread;
    sem_t is_time, is_done;
    int (*run)(void *arg);
    void *arg;
    pid_t pid;
} beside;

static void *fork_in_time(void *unused)
{
    (void)unused;
    sem_wait(&beside.is_time);
    beside.pid = fork();
    if (beside.pid == 0) {
        /* Who waited for a lock would do so with all signals blocked. */
        setrlimit(RLIMIT_CPU, &(struct rlimit){.rlim_cur = 10, .rlim_max = 10});
        util_exit(beside.run(beside.arg));
    }
    sem_post(&beside.is_done);
    return NULL;
}

static void let_it_fork(void *unused)
{
    (void)unused;
    sem_post(&beside.is_time);
    sem_wait(&beside.is_done);
}

void forks_begin_beside(enum fake_entry entry, int (*run)(void *arg), void *arg)
{
    beside.run = run;
    beside.arg = arg;
    beside.pid = -1;
    assert_int_equal(sem_init(&beside.is_time, 0, 0) | sem_init(&beside.is_done, 0, 0), 0);
    assert_int_equal(pthread_create(&beside.thread, NULL, fork_in_time, NULL), 0);
    fake_hook(entry, 1, let_it_fork, NULL);
}

void forks_end_beside(void)
{
    int status = -1;
    pthread_join(beside.thread, NULL);
    assert_int_equal(waitpid(beside.pid, &status, 0), beside.pid);
    assert_int_equal(status, 0);
}
