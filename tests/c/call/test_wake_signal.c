/* The wake-up signal: which one it is. In children, so that each chooses anew. */
#include "util.h"

#include <sys/signalfd.h>

/* What is chosen, best first. */
#define CHOICE(n) ((n) == 0 ? SIGURG : SIGRTMAX - 3 - (n))
#define OURS CHOICE(0)

static struct csock s[2];

/* What a child did to one before this is felt in the next. */
static struct csock *fresh(void)
{
    if (csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0) != 0)
        util_exit(99);
    return &s[0];
}

/* 0 if a thread that sleeps in recv is woken, and by a signal that the program does not handle. */
static int wakes(struct csock_wait *w)
{
    struct csock mine[2];
    struct util_call call = {.run = util_recv, .s = &mine[0], .w = w};
    int64_t start;
    if (csock_pair(mine, AF_UNIX, SOCK_STREAM, 0, 0) != 0)
        return __LINE__;
    util_start_asleep(&call);
    start = csock_now();
    if (csock_close_within(&mine[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    if (csock_now() - start > SOON)
        return __LINE__;
    if (atomic_load(&util_signals) != 0)
        return __LINE__;
    return csock_close(&mine[1]);
}

static bool is_handled(int sig)
{
    struct sigaction now;
    sigaction(sig, NULL, &now);
    return now.sa_handler != SIG_DFL;
}

static void siginfo_handler(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    atomic_fetch_add(&util_signals, 1);
}

static void block(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int used_before_the_first_sleep(void *arg)
{
    struct sigaction act = {.sa_sigaction = siginfo_handler, .sa_flags = SA_SIGINFO};
    (void)arg;
    if (is_handled(OURS))
        return __LINE__;
    util_count_signal(OURS);
    sigaction(CHOICE(1), &act, NULL);
    util_handle(CHOICE(2), SIG_IGN, 0);
    int line = wakes(NULL);
    return line ? line : is_handled(CHOICE(3)) ? 0 : __LINE__;
}

static void handle_it(void *sig)
{
    util_count_signal((int)(intptr_t)sig);
}

/* In another thread, between the look at its action and the taking of it. */
static int used_just_when_it_is_taken(void *arg)
{
    (void)arg;
    fake_hook(FAKE_SIGACTION, 3, handle_it, (void *)(intptr_t)OURS);
    int line = wakes(NULL);
    if (line)
        return line;
    raise(OURS);
    return atomic_load(&util_signals) == 1 && is_handled(CHOICE(1)) ? 0 : __LINE__;
}

static int used_after_the_first_sleep(void *arg)
{
    (void)arg;
    int line = wakes(NULL);
    if (line)
        return line;
    if (!is_handled(OURS))
        return __LINE__;
    util_count_signal(OURS);
    if ((line = wakes(NULL)))
        return line;
    return is_handled(CHOICE(1)) ? 0 : __LINE__;
}

/* The thread that masks all signals lets the new one through. */
static int used_before_a_masked_sleep(void *arg)
{
    struct util_call call = {.run = util_recv_masked, .s = fresh()};
    (void)arg;
    int line = wakes(NULL);
    if (line)
        return line;
    util_count_signal(OURS);
    util_start_asleep(&call);
    int64_t start = csock_now();
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return csock_now() - start > SOON || atomic_load(&util_signals) ? __LINE__ : 0;
}

/* Whoever closes takes no other than that which the sleeper waits for. */
static int blocked_by_the_closer(void *arg)
{
    struct util_call call = {.run = util_recv, .s = fresh()};
    (void)arg;
    util_start_asleep(&call);
    block(OURS);
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return is_handled(OURS) && !is_handled(CHOICE(1)) ? 0 : __LINE__;
}

static int used_while_a_thread_sleeps(void *arg)
{
    struct util_call call = {.run = util_recv, .s = fresh()};
    (void)arg;
    util_start_asleep(&call);
    util_count_signal(OURS);
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return atomic_load(&util_signals) ? __LINE__ : 0;
}

/* A program that puts every handler back, as some do before they run others. */
static int reset_after_the_first_sleep(void *arg)
{
    (void)arg;
    int line = wakes(NULL);
    if (line)
        return line;
    util_handle(OURS, SIG_DFL, 0);
    line = wakes(NULL);
    return line ? line : is_handled(OURS) ? 0 : __LINE__;
}

static int all_but_the_last_are_used(void *arg)
{
    (void)arg;
    for (int i = 0; CHOICE(i) > SIGRTMIN || i == 0; i++)
        util_count_signal(CHOICE(i));
    int line = wakes(NULL);
    return line ? line : is_handled(SIGRTMIN) ? 0 : __LINE__;
}

static int count_handled(void)
{
    int n = 0;
    for (int sig = 1; sig < SIGRTMIN; sig++)
        n += sig != SIGKILL && sig != SIGSTOP && sig < 32 && is_handled(sig);
    return n;
}

/* Then closing wakes by shutting down, when its patience ends. */
static int all_signals_are_used(void *arg)
{
    struct util_call call = {.run = util_recv, .s = fresh()};
    (void)arg;
    for (int i = 0; CHOICE(i) >= SIGRTMIN || i == 0; i++)
        util_count_signal(CHOICE(i));
    int handled = count_handled();
    util_start_asleep(&call);
    int fd = csock_fd(&s[0]);
    if (csock_close_within(&s[0], 10 * MS) < 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    if (count_handled() != handled) /* no other is taken in their stead */
        return __LINE__;
    return util_fd_is_open(fd) || atomic_load(&util_signals) ? __LINE__ : 0;
}

/* 20 of them to the process, as kill(1) sends them; how many come by signalfd(2). */
static int heard_by_signalfd(int sig)
{
    struct signalfd_siginfo info;
    sigset_t set;
    int n = 0;
    sigemptyset(&set);
    sigaddset(&set, sig);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    for (int i = 0; i < 20; i++) {
        kill(getpid(), sig);
        util_sleep(MS);
        n += read(fd, &info, sizeof info) == sizeof info;
    }
    close(fd);
    return n;
}

/* It may be meant for signalfd(2): so another is taken, and this one not even for a moment. */
static int blocked_before_the_first_sleep(void *arg)
{
    (void)arg;
    block(OURS);
    int line = wakes(NULL);
    return line ? line : !is_handled(OURS) && is_handled(CHOICE(1)) ? 0 : __LINE__;
}

/* By blocking it, which leaves nothing to be seen but in masks. */
static int blocked_after_the_first_sleep(void *arg)
{
    struct util_call call = {.run = util_recv, .s = fresh()};
    (void)arg;
    int line = wakes(NULL);
    if (line)
        return line;
    block(OURS);
    util_start_asleep(&call);
    if (heard_by_signalfd(OURS) != 20)
        return __LINE__;
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return is_handled(CHOICE(1)) ? 0 : __LINE__;
}

/* Threads that began to wait before that are woken as they expect it. */
static int moved_off_beside_a_sleeper(void *arg)
{
    struct util_call call = {.run = util_recv_masked, .s = fresh()};
    struct csock other[2];
    char byte;
    (void)arg;
    util_start_asleep(&call);
    block(OURS);
    if (csock_pair(other, AF_UNIX, SOCK_STREAM, 0, 0) != 0 ||
        csock_recv(&other[0], &byte, 1, 0, WITHIN(MS)) != CSOCK_ETIMEOUT)
        return __LINE__;
    if (!is_handled(CHOICE(1)))
        return __LINE__;
    int64_t start = csock_now();
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    return csock_now() - start > SOON ? __LINE__ : 0;
}

/* As some do before they run others; the default of a real-time signal would end the program. */
static atomic_int stop_resetting;

static void *reset_all_signals(void *arg)
{
    for (; !atomic_load(&stop_resetting); util_sleep(20000))
        for (int sig = 1; sig <= SIGRTMAX; sig++)
            if (sig != SIGALRM)
                signal(sig, SIG_DFL);
    return arg;
}

static int reset_while_closing(void *arg)
{
    pthread_t resetter;
    (void)arg;
    pthread_create(&resetter, NULL, reset_all_signals, NULL);
    for (int i = 0; i < 60; i++) {
        struct csock mine[2];
        struct util_call call = {.run = util_recv, .s = &mine[0]};
        if (csock_pair(mine, AF_UNIX, SOCK_STREAM, 0, 0) != 0)
            return __LINE__;
        util_start_asleep(&call);
        if (csock_close(&mine[0]) < 0 || util_join(&call) != CSOCK_ECLOSED)
            return __LINE__;
        csock_close(&mine[1]);
    }
    atomic_store(&stop_resetting, 1);
    pthread_join(resetter, NULL);
    return 0;
}

static int named_beforehand(void *arg)
{
    struct util_call call = {.run = util_recv, .s = fresh()};
    (void)arg;
    util_count_signal(SIGUSR2);
    if (csock_wake_signal(SIGUSR2) != -EBUSY || csock_wake_signal(SIGKILL) != -EINVAL ||
        csock_wake_signal(SIGRTMAX + 1) != -EINVAL || csock_wake_signal(-1) != -EINVAL)
        return __LINE__;
    util_handle(SIGUSR2, SIG_IGN, 0);
    if (csock_wake_signal(SIGUSR2) != -EBUSY)
        return __LINE__;
    util_handle(SIGUSR2, SIG_DFL, 0);
    if (csock_wake_signal(SIGUSR2) != 0)
        return __LINE__;
    block(SIGURG);
    util_start_asleep(&call);
    if (heard_by_signalfd(SIGURG) != 20 || csock_close_within(&s[0], 2 * SOON) != 0 ||
        util_join(&call) != CSOCK_ECLOSED)
        return __LINE__;
    for (int i = 0; CHOICE(i) >= SIGRTMIN || i == 0; i++)
        if (is_handled(CHOICE(i)))
            return __LINE__;
    pthread_sigmask(SIG_UNBLOCK, &(sigset_t){0}, NULL);
    return csock_wake_signal(0) != 0 ? __LINE__ : wakes(NULL);
}

/* 3 and 4: whether it is free, and the taking of it. */
static int not_to_be_had(void *arg)
{
    (void)arg;
    util_handle(SIGUSR2, SIG_DFL, 0);
    for (unsigned nth = 3; nth <= 4; nth++) {
        fake_fail(FAKE_SIGACTION, nth, EINVAL);
        if (csock_wake_signal(SIGUSR2) != -EBUSY || is_handled(SIGUSR2))
            return __LINE__;
    }
    return csock_wake_signal(SIGUSR2);
}

static int used_just_when_it_is_named(void *arg)
{
    (void)arg;
    fake_hook(FAKE_SIGACTION, 4, handle_it, (void *)(intptr_t)SIGUSR2);
    if (csock_wake_signal(SIGUSR2) != -EBUSY)
        return __LINE__;
    raise(SIGUSR2);
    return atomic_load(&util_signals) == 1 ? 0 : __LINE__;
}

/* Nobody takes another thread's look at its mask for its own. */
static int a_record_is_handed_on(void *arg)
{
    struct csock_wait w = {.timeout = MS / 10};
    struct util_call looks = {.run = util_recv, .s = fresh(), .w = &w};
    struct util_call masks = {.run = util_recv_masked, .s = &s[0]};
    (void)arg;
    util_handle(SIGHUP, SIG_DFL, 0); /* nohup(1) */
    if (csock_wake_signal(SIGHUP) != 0)
        return __LINE__;
    fake_clock_set(1000000 * MS);
    util_start(&looks);
    if (util_join(&looks) != CSOCK_ETIMEOUT)
        return __LINE__;
    util_start_asleep(&masks);
    if (csock_close_within(&s[0], 2 * SOON) != 0 || util_join(&masks) != CSOCK_ECLOSED)
        return __LINE__;
    return fake_calls(FAKE_SHUTDOWN) ? __LINE__ : 0;
}

/* A coroutine's stack may have no room for it. */
static int on_the_signal_stack(void *arg)
{
    struct sigaction now;
    int line = wakes(NULL);
    (void)arg;
    sigaction(OURS, NULL, &now);
    return line ? line : now.sa_flags & SA_ONSTACK ? 0 : __LINE__;
}

static void a_signal_that_the_program_uses_is_left_alone(void **state)
{
    (void)state;
    util_in_child(used_before_the_first_sleep, NULL);
    util_in_child(used_just_when_it_is_taken, NULL);
    util_in_child(used_after_the_first_sleep, NULL);
    util_in_child(used_before_a_masked_sleep, NULL);
    util_in_child(blocked_by_the_closer, NULL);
    util_in_child(used_while_a_thread_sleeps, NULL);
    util_in_child(reset_after_the_first_sleep, NULL);
    util_in_child(all_but_the_last_are_used, NULL);
    util_in_child(all_signals_are_used, NULL);
    util_in_child(blocked_before_the_first_sleep, NULL);
    util_in_child(blocked_after_the_first_sleep, NULL);
    util_in_child(moved_off_beside_a_sleeper, NULL);
    util_in_child(on_the_signal_stack, NULL);
    util_not_emulated("it crashes where a signal that is on its way is reset");
    util_in_child(reset_while_closing, NULL);
}

static void a_program_names_the_signal(void **state)
{
    (void)state;
    util_in_child(named_beforehand, NULL);
    util_in_child(not_to_be_had, NULL);
    util_in_child(used_just_when_it_is_named, NULL);
    util_in_child(a_record_is_handed_on, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_signal_that_the_program_uses_is_left_alone),
        TEST(a_program_names_the_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
