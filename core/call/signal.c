/* The wake-up signal. Sits on sys. Knows no thread and no socket. */
#include <stdatomic.h>

#include "sys/sys.h"
#include "call/signal.h"
#include "csock.h"

static atomic_int wake_signal; /* 0 until the first sleep */
static atomic_int named;       /* by csock_wake_signal(), or 0 */

static void do_nothing(int sig)
{
    (void)sig;
}

static bool has_handler(const struct sigaction *act, void (*handler)(int sig))
{
    return !(act->sa_flags & SA_SIGINFO) && act->sa_handler == handler;
}

bool csock__signal_is_ours(int sig)
{
    struct sigaction now;
    return csock__sys->sigaction(sig, NULL, &now) == 0 && has_handler(&now, do_nothing);
}

/* Takes sig if the program has left it alone. Two threads may do so at once, with one result; a
 * handler that the program installs just then is put back. On the signal stack, if the thread has
 * one: it may be in a coroutine with little room. */
static bool take_signal(int sig)
{
    struct sigaction before, ours = {.sa_handler = do_nothing, .sa_flags = SA_ONSTACK};
    if (csock__sys->sigaction(sig, NULL, &before) != 0 || !has_handler(&before, SIG_DFL))
        return false;
    sigemptyset(&ours.sa_mask);
    if (csock__sys->sigaction(sig, &ours, &before) != 0)
        return false;
    if (has_handler(&before, SIG_DFL) || has_handler(&before, do_nothing))
        return true;
    csock__sys->sigaction(sig, &before, NULL);
    return false;
}

static bool is_blocked(int sig)
{
    sigset_t now;
    return csock__sys->thread_mask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, sig);
}

/* The signals that may be it, best first; 0 after the last. From near the top of the real-time
 * range down, as programs and service managers count up from SIGRTMIN. signal(7) */
static int candidate(int i)
{
    int name = atomic_load(&named);
    if (i == 0)
        return name ? name : SIGURG;
    int sig = SIGRTMAX - 3 - i;
    return name || sig < SIGRTMIN ? 0 : sig;
}

/* Whether it is ours, or can be made so. */
static bool obtain(int sig)
{
    return csock__signal_is_ours(sig) || take_signal(sig);
}

/* One that this thread blocks is taken only if there is no other: it may be meant for signalfd(2)
 * or sigwait(3), which leave no handler to be seen. 0 if the program handles all of them: then
 * closing cannot wake. */
int csock__signal_choose(void)
{
    for (int blocked = 0; blocked < 2; blocked++)
        for (int i = 0, sig; (sig = candidate(i)) != 0; i++)
            if (is_blocked(sig) == blocked && obtain(sig)) {
                atomic_store(&wake_signal, sig);
                return sig;
            }
    atomic_store(&wake_signal, 0);
    return 0;
}

/* One that such a mask lets through, if there is any, for all waits from now on. */
int csock__signal_choose_unblocked(const sigset_t *mask)
{
    for (int i = 0, sig; (sig = candidate(i)) != 0; i++)
        if (!sigismember(mask, sig) && obtain(sig)) {
            atomic_store(&wake_signal, sig);
            return sig;
        }
    return 0;
}

int csock_wake_signal(int sig)
{
    struct sigaction now;
    if (sig == SIGKILL || sig == SIGSTOP)
        return -EINVAL;
    if (sig != 0 && csock__sys->sigaction(sig, NULL, &now) != 0)
        return -errno;
    if (sig != 0 && !obtain(sig))
        return -EBUSY;
    atomic_store(&named, sig);
    atomic_store(&wake_signal, sig);
    return 0;
}

int csock__signal_current(void)
{
    int sig = atomic_load_explicit(&wake_signal, memory_order_relaxed);
    return sig ? sig : csock__signal_choose();
}
