/* The real table: each entry is there, and the few that are more than the plain call do what they
 * promise. */
#include "util.h"

#include <sys/resource.h>

static void every_entry_is_filled(void **state)
{
    void (*entries[sizeof(struct csock_sys) / sizeof(void (*)(void))])(void);
    (void)state;
    memcpy(entries, &csock__sys_linux, sizeof entries);
    for (size_t i = 0; i < COUNT(entries); i++)
        if (!entries[i])
            fail_msg("entry %zu", i);
}

static void a_duplicate_is_close_on_exec(void **state)
{
    (void)state;
    int fd = csock__sys_linux.dup_cloexec(0);
    assert_true(fd > 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(csock__sys_linux.close(fd), 0);
    assert_int_equal(csock__ret(csock__sys_linux.dup_cloexec(fd)), -EBADF);
}

static void nonblocking_mode_is_one_flag(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe2(fds, O_DIRECT), 0);
    assert_int_equal(csock__sys_linux.get_nonblock(fds[1]), 0);
    assert_int_equal(csock__sys_linux.set_nonblock(fds[1], 1), 0);
    assert_int_equal(csock__sys_linux.get_nonblock(fds[1]), 1);
    assert_true(fcntl(fds[1], F_GETFL) & O_DIRECT); /* the others stay */
    assert_int_equal(csock__sys_linux.set_nonblock(fds[1], 0), 0);
    assert_int_equal(csock__sys_linux.get_nonblock(fds[1]), 0);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(csock__ret(csock__sys_linux.get_nonblock(fds[1])), -EBADF);
    assert_int_equal(csock__ret(csock__sys_linux.set_nonblock(fds[1], 1)), -EBADF);
}

/* The number stays taken, the peer sees the end, and every call fails at once. */
static void a_dead_descriptor_is_no_socket(void **state)
{
    int fds[2];
    char byte = 'x';
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    int open_before = fake_open_fds();
    assert_int_equal(csock__sys_linux.put_placeholder(fds[0]), 0);
    assert_int_equal(fake_open_fds(), open_before);
    assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(read(fds[1], &byte, 1), 0);
    assert_int_equal(csock__ret(recv(fds[0], &byte, 1, 0)), -EBADF);
    assert_int_equal(csock__ret(send(fds[0], &byte, 1, 0)), -EBADF);
    assert_int_equal(csock__ret(accept(fds[0], NULL, NULL)), -EBADF);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(p.revents, POLLNVAL);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(csock__sys_linux.put_placeholder(-1), -1);
    assert_int_equal(fake_open_fds(), open_before - 2);
}

/* Descriptor 0, and the mode of one that is only read. */
static void zero_is_no_failure(void **state)
{
    (void)state;
    int stdin_copy = dup(0), pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    int r = csock__sys_linux.put_placeholder(0);
    dup2(stdin_copy, 0);
    assert_int_equal(r, 0);
    assert_int_equal(fcntl(pipes[0], F_GETFL), 0);
    assert_int_equal(csock__sys_linux.get_nonblock(pipes[0]), 0);
    close(0);
    r = csock__sys_linux.put_placeholder(stdin_copy); /* by way of 0 */
    bool left_open = util_fd_is_open(0);
    assert_int_equal(dup2(pipes[0], 0), 0);
    assert_int_equal(r, 0);
    assert_false(left_open);
    close(pipes[0]);
    close(pipes[1]);
    close(stdin_copy);
}

static void a_pending_signal_is_seen_and_taken(void **state)
{
    sigset_t set;
    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert_int_equal(csock__sys_linux.signal_pending(SIGUSR1), 0);
    raise(SIGUSR1);
    assert_int_equal(csock__sys_linux.signal_pending(SIGUSR1), 1);
    assert_int_equal(csock__sys_linux.signal_pending(SIGUSR2), 0);
    assert_int_equal(csock__sys_linux.signal_take(SIGUSR1), SIGUSR1);
    assert_int_equal(csock__sys_linux.signal_pending(SIGUSR1), 0);
    assert_int_equal(csock__ret(csock__sys_linux.signal_take(SIGUSR1)), -EAGAIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void without_a_spare_descriptor_no_placeholder_is_put(void **state)
{
    struct rlimit before, low;
    char byte;
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)fds[1] + 1;
    setrlimit(RLIMIT_NOFILE, &low);
    ssize_t r = csock__ret(csock__sys_linux.put_placeholder(fds[0]));
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(r, -EMFILE);
    assert_int_equal(csock__ret(recv(fds[1], &byte, 1, MSG_DONTWAIT)), -EAGAIN);
    close(fds[0]);
    close(fds[1]);
}

static void memory_is_zeroed(void **state)
{
    static const char zeros[512];
    (void)state;
    for (int i = 0; i < 8; i++) { /* the later ones are used again */
        char *memory = csock__sys_linux.alloc(sizeof zeros);
        assert_non_null(memory);
        assert_memory_equal(memory, zeros, sizeof zeros);
        memset(memory, 'x', sizeof zeros);
        csock__sys_linux.release(memory);
    }
    csock__sys_linux.release(NULL);
}

static void signals_go_to_one_thread(void **state)
{
    (void)state;
    util_count_signal(SIGUSR1);
    assert_int_equal(csock__sys_linux.gettid(), getpid()); /* in the main thread */
    assert_int_equal(csock__sys_linux.tgkill(csock__sys_linux.gettid(), SIGUSR1), 0);
    assert_int_equal(util_signals, 1);
    assert_int_equal(csock__ret(csock__sys_linux.tgkill(csock__sys_linux.gettid(), -1)), -EINVAL);
}

static void naps_last(void **state)
{
    (void)state;
    int64_t start = csock_now();
    assert_int_equal(csock__sys_linux.nanosleep(&(struct timespec){.tv_nsec = 2 * MS}), 0);
    assert_true(csock_now() - start >= 2 * MS);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_entry_is_filled),
        TEST(a_duplicate_is_close_on_exec),
        TEST(nonblocking_mode_is_one_flag),
        TEST(a_dead_descriptor_is_no_socket),
        TEST(zero_is_no_failure),
        TEST(a_pending_signal_is_seen_and_taken),
        TEST(without_a_spare_descriptor_no_placeholder_is_put),
        TEST(memory_is_zeroed),
        TEST(signals_go_to_one_thread),
        TEST(naps_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
