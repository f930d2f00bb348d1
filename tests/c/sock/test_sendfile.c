/* Sending a part of a file: positions, waiting, signals, closing. */
#include "util.h"

#include <sys/mman.h>

#define LARGE (4 << 20)

static struct csock s[2];
static char buf[64];
static int file;

static void open_file(size_t size)
{
    file = memfd_create("csock", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)size), 0);
    assert_int_equal(pwrite(file, "abcdefg", 7, 0), 7);
}

static void begin(size_t size)
{
    util_pair(s, AF_UNIX, SOCK_STREAM);
    open_file(size);
}

static void end(void)
{
    close(file);
    util_close(&s[0]);
    util_close(&s[1]);
}

static void a_part_goes_and_the_files_position_stays(void **state)
{
    (void)state;
    begin(7);
    assert_int_equal(csock_sendfile(&s[0], file, 2, 3, NULL), 3);
    assert_int_equal(csock_recv(&s[1], buf, sizeof buf, 0, NULL), 3);
    assert_memory_equal(buf, "cde", 3);
    assert_int_equal(csock_sendfile(&s[0], file, 5, 9, WITHIN(5000 * MS)), 2);
    assert_true(util_is_nonblocking(&s[0])); /* as for accept and connect */
    assert_int_equal(csock_sendfile(&s[0], file, 7, 9, NULL), 0);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 0);
    end();
}

/* Nobody's SIGPIPE is taken where the pipe is not broken. */
static void a_part_that_went_takes_no_signal(void **state)
{
    (void)state;
    begin(7);
    assert_int_equal(csock_sendfile(&s[0], file, 0, 7, NULL), 7);
    assert_int_equal(csock_sendfile(&s[0], file, 7, 7, NULL), 0); /* the end of the file */
    assert_int_equal(fake_calls(FAKE_SIGNAL_TAKE), 0);
    end();
}

static void errors_are_the_systems(void **state)
{
    int pipes[2];
    (void)state;
    begin(7);
    assert_int_equal(csock_sendfile(&s[0], -1, 0, 1, NULL), -EBADF);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(csock_sendfile(&s[0], pipes[0], 0, 1, NULL), -ESPIPE);
    close(pipes[0]);
    close(pipes[1]);
    fake_fail(FAKE_SET_NONBLOCK, 1, EPERM);
    assert_int_equal(csock_sendfile(&s[0], file, 0, 1, NOWAIT), -EPERM);
    end();
    assert_int_equal(csock_sendfile(&s[0], file, 0, 1, NULL), -EBADF);
}

static void a_full_socket_is_waited_for(void **state)
{
    (void)state;
    begin(7);
    util_fill(&s[0]);
    assert_int_equal(csock_sendfile(&s[0], file, 0, 7, NOWAIT), -EAGAIN);
    int64_t start = csock_now();
    assert_int_equal(csock_sendfile(&s[0], file, 0, 7, WITHIN(50 * MS)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 50 * MS, SOON);
    end();
}

static void signals_do_not_end_it(void **state)
{
    atomic_int heard = 0;
    struct csock_wait w = {.interrupted = util_count_interrupted, .arg = &heard};
    (void)state;
    begin(7);
    fake_fail(FAKE_SENDFILE, 1, EINTR);
    fake_fail(FAKE_SENDFILE, 2, EINTR);
    assert_int_equal(csock_sendfile(&s[0], file, 0, 7, &w), 7);
    assert_int_equal(heard, 2);
    end();
}

static ssize_t sendfile_call(struct util_call *call)
{
    return csock_sendfile(call->s, file, 0, LARGE, call->w);
}

/* Without a deadline it sleeps in sendfile(2): what went before is the count, and the next call
 * says that the socket is closed. */
static void closing_ends_it(void **state)
{
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    const struct csock_wait *const waits[] = {NULL, &timed};
    (void)state;
    for (unsigned i = 0; i < COUNT(waits); i++) {
        struct util_call call = {.run = sendfile_call, .s = &s[0], .w = waits[i]};
        begin(LARGE);
        util_fill(&s[0]);
        util_start_asleep(&call);
        util_close(&s[0]);
        assert_int_equal(util_join(&call), CSOCK_ECLOSED);
        close(file);
        util_close(&s[1]);
    }
}

/* Whether SIGPIPE is blocked in this thread. */
static bool pipe_blocked(void)
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGPIPE);
}

static bool pipe_pending(void)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE);
}

static void block_pipe(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(how, &set, NULL), 0);
}

static void break_pipe(int family)
{
    util_pair(s, family, SOCK_STREAM);
    open_file(7);
    util_close(&s[1]);
    util_sleep(20 * MS); /* TCP hears of it */
    if (family == AF_INET)
        csock_send(&s[0], "x", 1, 0, NULL); /* is answered by a reset, which is told once */
    util_sleep(20 * MS);
}

static void expect_epipe(const struct csock_wait *w)
{
    ssize_t r;
    while ((r = csock_sendfile(&s[0], file, 0, 7, w)) == -ECONNRESET)
        ;
    assert_int_equal(r, -EPIPE);
}

static void a_broken_pipe_raises_no_signal(void **state)
{
    static const int families[] = {AF_INET, AF_UNIX};
    (void)state;
    util_count_signal(SIGPIPE);
    util_signals = 0;
    for (size_t i = 0; i < 2 * COUNT(families); i++) {
        struct csock_wait w = {.timeout = 5000 * MS};
        break_pipe(families[i / 2]);
        expect_epipe(i % 2 ? &w : NULL);
        assert_int_equal(util_signals, 0);
        assert_false(pipe_blocked());
        assert_false(pipe_pending());
        util_close(&s[0]);
        close(file);
    }
}

/* The count is what went before, and the kernel has raised the signal all the same. */
static void nor_does_one_that_breaks_in_the_middle(void **state)
{
    struct util_call call = {.run = sendfile_call, .s = &s[0]};
    (void)state;
    util_count_signal(SIGPIPE);
    util_signals = 0;
    util_pair(s, AF_INET, SOCK_STREAM);
    open_file(LARGE);
    util_start_asleep(&call);
    assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
    util_sleep(20 * MS);
    util_close(&s[1]); /* with bytes that nobody has read: a reset */
    assert_in_range(util_join(&call), 1, LARGE - 1);
    assert_int_equal(util_signals, 0);
    util_close(&s[0]);
    close(file);
}

static void a_blocked_sigpipe_is_left_as_it_was(void **state)
{
    (void)state;
    util_count_signal(SIGPIPE);
    util_signals = 0;
    block_pipe(SIG_BLOCK);
    break_pipe(AF_UNIX);
    expect_epipe(NULL);
    assert_true(pipe_blocked());
    assert_false(pipe_pending()); /* none was, so none is */
    pthread_kill(pthread_self(), SIGPIPE);
    expect_epipe(NULL);
    assert_true(pipe_pending()); /* the program's own */
    assert_int_equal(util_signals, 0);
    block_pipe(SIG_UNBLOCK);
    assert_int_equal(util_signals, 1);
    util_close(&s[0]);
    close(file);
}

static void who_asks_for_sigpipe_gets_it(void **state)
{
    struct csock pair[2];
    (void)state;
    util_count_signal(SIGPIPE);
    util_signals = 0;
    assert_int_equal(csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, CSOCK_SIGPIPE), 0);
    util_close(&pair[1]);
    open_file(7);
    assert_int_equal(csock_sendfile(&pair[0], file, 0, 7, NULL), -EPIPE);
    assert_int_equal(util_signals, 1);
    util_close(&pair[0]);
    close(file);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_part_goes_and_the_files_position_stays),
        TEST(a_part_that_went_takes_no_signal),
        TEST(errors_are_the_systems),
        TEST(a_full_socket_is_waited_for),
        TEST(signals_do_not_end_it),
        TEST(closing_ends_it),
        TEST(a_broken_pipe_raises_no_signal),
        TEST(nor_does_one_that_breaks_in_the_middle),
        TEST(a_blocked_sigpipe_is_left_as_it_was),
        TEST(who_asks_for_sigpipe_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
