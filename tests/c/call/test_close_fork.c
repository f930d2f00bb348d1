/* Closing in a child: of its parent it has the sockets and the counts, but not the threads. */
#include "util.h"

#include <sys/syscall.h>
#include <sys/wait.h>

/* In a child whose parent had threads blocked in recv and accept. */
struct forked {
    struct csock *listener, *s;
};

static int close_in_child(void *arg)
{
    struct forked *f = arg;
    struct csock mine[2];
    struct util_call call = {.run = util_recv, .s = &mine[0]};
    int64_t start = csock_now();
    if (csock_close(f->listener) != 0 || csock_close(&f->s[0]) != 0)
        return __LINE__;
    if (csock_now() - start > PROMPT) /* there is nobody to wait for */
        return __LINE__;
    if (csock_fd(f->listener) != -1 || csock_close(f->listener) != -EBADF)
        return __LINE__;
    if (csock_pair(mine, AF_UNIX, SOCK_STREAM, 0, 0) != 0)
        return __LINE__;
    util_start_asleep(&call);
    if (csock_close(&mine[0]) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return csock_close(&mine[1]);
}

static void a_child_closes_beside_threads_that_it_does_not_have(void **state)
{
    struct csock listener, s[2];
    union csock_addr addr;
    socklen_t len;
    struct forked forked = {&listener, s};
    struct util_call calls[3] = {{.run = util_accept, .s = &listener},
                                 {.run = util_recv, .s = &s[0]},
                                 {.run = util_recv, .s = &s[0], .w = WITHIN(60000 * MS)}};
    (void)state;
    util_listener(&listener, AF_INET, 4, &addr, &len);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    for (int i = 0; i < 3; i++)
        util_start_asleep(&calls[i]);
    util_in_child(close_in_child, &forked);
    for (int i = 0; i < 3; i++)
        util_await_sleep(&calls[i]); /* the parent's own go on */
    util_close(&listener);
    util_close(&s[0]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(util_join(&calls[i]), CSOCK_ECLOSED);
    util_close(&s[1]);
}

static void the_port_is_free_once_parent_and_child_have_closed(void **state)
{
    struct csock listener, again;
    union csock_addr addr;
    socklen_t len;
    struct util_call call = {.run = util_accept, .s = &listener};
    int done[2], status;
    char byte;
    (void)state;
    assert_int_equal(pipe(done), 0);
    util_listener(&listener, AF_INET, 4, &addr, &len);
    util_start_asleep(&call);
    pid_t pid = fork();
    if (pid == 0) {
        csock_close(&listener);
        (void)!write(done[1], "x", 1);
        pause(); /* lives on, without the port */
    }
    assert_int_equal(read(done[0], &byte, 1), 1);
    util_close(&listener);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(csock_open(&again, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_bind(&again, &addr.any, len), 0);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    util_close(&again);
    close(done[0]);
    close(done[1]);
}

/* A fork in the middle of a call: the child is inside, too, but the count is the parent's. */
static struct csock inside[2];
static pid_t forked_pid;

static int fork_inside(void *arg)
{
    (void)arg;
    forked_pid = fork();
    return forked_pid == 0 ? csock_close(&inside[0]) : 0;
}

static ssize_t recv_and_fork(struct util_call *call)
{
    ssize_t r = util_recv(call);
    if (forked_pid == 0)
        util_exit(r == CSOCK_ECLOSED && csock_fd(&inside[0]) == -1 ? 7 : 8);
    return r;
}

static void a_child_closes_the_call_that_it_was_forked_in(void **state)
{
    struct csock_wait w = {.interrupted = fork_inside};
    struct util_call call = {.run = recv_and_fork, .s = &inside[0], .w = &w};
    int status;
    (void)state;
    forked_pid = -1;
    util_pair(inside, AF_UNIX, SOCK_STREAM);
    util_count_signal(SIGUSR1);
    util_start_asleep(&call);
    util_signal_call(&call, SIGUSR1);
    while (wait(&status) < 0)
        util_sleep(MS);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(csock_send(&inside[1], "x", 1, 0, NULL), 1);
    assert_int_equal(util_join(&call), 1); /* the parent's call never noticed */
    util_close(&inside[0]);
    util_close(&inside[1]);
}

static void *close_inside(void *arg)
{
    util_sleep(50 * MS);
    csock_close(&inside[0]);
    return arg;
}

/* What comes of the call in a child whose other thread closes. */
static int fork_and_go_on(void *arg)
{
    pthread_t closer;
    (void)arg;
    forked_pid = fork();
    if (forked_pid == 0) {
        alarm(20);
        pthread_create(&closer, NULL, close_inside, NULL);
    }
    return 0;
}

/* The child has ended well; then the parent's own call, which is still asleep. */
static void end_both(struct util_call *call)
{
    int status;
    while (wait(&status) < 0)
        util_sleep(MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    util_close(&inside[0]);
    assert_int_equal(util_join(call), CSOCK_ECLOSED);
    util_close(&inside[1]);
}

static void a_call_that_goes_on_in_a_child_is_woken_there(void **state)
{
    struct csock_wait waits[] = {{.interrupted = fork_and_go_on},
                                 {.interrupted = fork_and_go_on, .timeout = 60000 * MS}};
    (void)state;
    util_count_signal(SIGUSR1);
    for (size_t i = 0; i < COUNT(waits); i++) {
        struct util_call call = {.run = recv_and_fork, .s = &inside[0], .w = &waits[i]};
        forked_pid = -1;
        util_pair(inside, AF_UNIX, SOCK_STREAM);
        util_start_asleep(&call);
        util_signal_call(&call, SIGUSR1);
        end_both(&call);
    }
}

/* The same by a handler between the look whether the socket is closing and the sleep: it is counted
 * in the child before it sleeps there, as nothing is heard of it after. */
static void fork_on_the_way(void *arg)
{
    fork_and_go_on(arg);
}

static void a_call_forked_on_its_way_to_sleep_is_woken_in_the_child(void **state)
{
    struct csock_wait timed = {.timeout = 60000 * MS};
    const struct csock_wait *const waits[] = {NULL, &timed};
    (void)state;
    for (size_t i = 0; i < COUNT(waits); i++) {
        struct util_call call = {.run = recv_and_fork, .s = &inside[0], .w = waits[i]};
        forked_pid = -1;
        util_pair(inside, AF_UNIX, SOCK_STREAM);
        fake_hook(FAKE_COARSE_CLOCK, 1, fork_on_the_way, NULL);
        util_start_asleep(&call);
        end_both(&call);
    }
}

/* A fork of which libc knows nothing, so that no handler of pthread_atfork(3) runs. clone(2) */
static pid_t bare_fork(void)
{
#ifdef __s390__
    return (pid_t)syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0);
#else
    return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

static void expect_exit_0(pid_t pid)
{
    int status;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Nothing but csock: libc does not know that this is a child. */
static int close_in_bare_child(struct csock *s, uint32_t parents_forks, bool deeper)
{
    char byte;
    int status;
    int64_t start = csock_now();
    if (csock_forks() != parents_forks + 1)
        return 1;
    if (deeper) {
        pid_t pid = bare_fork();
        if (pid == 0)
            _exit(close_in_bare_child(s, parents_forks + 1, false));
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return 2;
    }
    if (csock_recv(&s[0], &byte, 1, 0, WITHIN(MS)) != CSOCK_ETIMEOUT) /* with a record of its own */
        return 3;
    if (csock_close(&s[0]) != 0 || !csock_idle(&s[0]) || csock_close(&s[1]) != 0)
        return 4;
    return csock_now() - start > PROMPT ? 5 : 0;
}

static void children_that_libc_does_not_know_of_close_for_themselves(void **state)
{
    struct csock s[2];
    struct util_call calls[2] = {{.run = util_recv, .s = &s[0]},
                                 {.run = util_recv, .s = &s[0], .w = WITHIN(60000 * MS)}};
    (void)state;
    util_needs_wiped_memory();
    util_pair(s, AF_UNIX, SOCK_STREAM);
    for (int i = 0; i < 2; i++)
        util_start_asleep(&calls[i]);
    for (int deeper = 0; deeper < 2; deeper++) {
        pid_t pid = bare_fork();
        if (pid == 0)
            _exit(close_in_bare_child(s, 0, deeper));
        expect_exit_0(pid);
    }
    for (int i = 0; i < 2; i++)
        util_await_sleep(&calls[i]); /* no child has shut it down */
    assert_int_equal(csock_send(&s[1], "xy", 2, 0, NULL), 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(util_join(&calls[i]), 1);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* A fork in the handler of a thread that is being signalled: in the child nobody goes on with
 * that. */
static atomic_int signalling, has_forked;

static int signal_around_fork(pid_t tid, int sig)
{
    atomic_store(&signalling, 1);
    while (!atomic_load(&has_forked))
        util_sleep(MS);
    return csock__sys_linux.tgkill(tid, sig);
}

static void fork_while_signalled(int sig)
{
    (void)sig;
    while (!atomic_load(&signalling))
        util_sleep(MS);
    forked_pid = bare_fork();
    if (forked_pid == 0)
        csock_close(&inside[0]);
    atomic_store(&has_forked, 1);
}

static void a_child_waits_for_no_signal_that_its_parent_was_sending(void **state)
{
    struct util_call call = {.run = recv_and_fork, .s = &inside[0]};
    int status = -1;
    (void)state;
    util_needs_wiped_memory();
    forked_pid = -1;
    util_pair(inside, AF_UNIX, SOCK_STREAM);
    util_handle(SIGUSR1, fork_while_signalled, 0);
    fake_under()->tgkill = signal_around_fork;
    util_start_asleep(&call);
    util_signal_call(&call, SIGUSR1);
    util_close(&inside[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    for (int64_t until = csock_now() + SOON;
         waitpid(forked_pid, &status, WNOHANG) == 0 && csock_now() < until;)
        util_sleep(MS);
    if (status == -1)
        kill(forked_pid, SIGKILL);
    assert_int_equal(WEXITSTATUS(status), 7);
    util_close(&inside[1]);
}

static int forks_grandchild(void *parents)
{
    return csock_forks() == *(uint32_t *)parents + 2 ? 0 : __LINE__;
}

static int forks_child(void *parents)
{
    if (csock_forks() != *(uint32_t *)parents + 1)
        return __LINE__;
    util_in_child(forks_grandchild, parents);
    return 0;
}

static void forks_are_counted_along_the_line(void **state)
{
    uint32_t here = csock_forks();
    (void)state;
    util_in_child(forks_child, &here);
    assert_int_equal(csock_forks(), here);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_child_closes_beside_threads_that_it_does_not_have),
        TEST(the_port_is_free_once_parent_and_child_have_closed),
        TEST(a_child_closes_the_call_that_it_was_forked_in),
        TEST(children_that_libc_does_not_know_of_close_for_themselves),
        TEST(a_call_that_goes_on_in_a_child_is_woken_there),
        TEST(a_call_forked_on_its_way_to_sleep_is_woken_in_the_child),
        TEST(a_child_waits_for_no_signal_that_its_parent_was_sending),
        TEST(forks_are_counted_along_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
