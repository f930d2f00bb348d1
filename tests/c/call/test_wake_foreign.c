/* The wake-up signal reaches no code that is not ours, neither another thread's nor what runs after
 * a call that was woken. Two thousand races between a call and its closing. */
#include "util.h"

static atomic_int done, foreign_eintr, races;
static struct csock *_Atomic racing;

static void *foreign_read_and_poll(void *arg)
{
    int *pipe_end = arg;
    char byte;
    while (!atomic_load(&done)) {
        struct pollfd p = {.fd = *pipe_end, .events = POLLIN};
        if (poll(&p, 1, 20) < 0 && errno == EINTR)
            atomic_fetch_add(&foreign_eintr, 1);
    }
    while (read(*pipe_end, &byte, 1) < 0 && errno == EINTR)
        atomic_fetch_add(&foreign_eintr, 1);
    return NULL;
}

static void *close_soon(void *arg)
{
    struct csock *victim;
    for (unsigned random = 1; !atomic_load(&done); random = random * 1103515245 + 12345) {
        while (!(victim = atomic_exchange(&racing, NULL)) && !atomic_load(&done))
            ;
        for (int64_t until = csock_now() + random / 65536 % 16000; csock_now() < until;)
            ;
        if (victim && csock_close(victim) == 0)
            atomic_fetch_add(&races, 1);
    }
    return arg;
}

/* What comes right after the call, in the same thread, that a late signal would cut short. */
static void sleep_a_little(void)
{
    if (nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL) < 0)
        atomic_fetch_add(&foreign_eintr, 1);
}

static void no_signal_reaches_foreign_code(void **state)
{
    static struct csock victims[2000];
    struct csock_wait timed = {.deadline = csock_deadline(60000 * MS)};
    pthread_t closer, stranger;
    int pipes[2];
    char byte;
    (void)state;
    fake_remove();
    atomic_store(&done, 0);
    assert_int_equal(pipe(pipes), 0);
    pthread_create(&stranger, NULL, foreign_read_and_poll, &pipes[0]);
    pthread_create(&closer, NULL, close_soon, NULL);
    for (size_t i = 0; i < COUNT(victims); i++) {
        assert_int_equal(csock_open(&victims[i], AF_UNIX, SOCK_DGRAM, 0, 0), 0);
        atomic_store(&racing, &victims[i]);
        ssize_t r = csock_recv(&victims[i], &byte, 1, 0, i % 2 ? &timed : NULL);
        sleep_a_little();
        assert_true(r == CSOCK_ECLOSED || r == -EBADF);
    }
    atomic_store(&done, 1);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    pthread_join(closer, NULL);
    pthread_join(stranger, NULL);
    assert_int_equal(races, COUNT(victims));
    assert_int_equal(foreign_eintr, 0);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(no_signal_reaches_foreign_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
