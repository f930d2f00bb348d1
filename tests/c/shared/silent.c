/* See silent.h. */
#include "silent.h"
#include "answers.h"

#include "call/thread.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned asking, asked, may_answer;
static atomic_bool saw_signals, own_thread;
static struct csock_sys before;
static int records_before;

static void look_at_signals(void)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    if (atomic_load(&own_thread))
        return;
    if (!sigismember(&now, SIGINT) || !sigismember(&now, SIGURG) || !sigismember(&now, SIGRTMAX))
        atomic_store(&saw_signals, true);
}

static void wait_to_be_told(void)
{
    look_at_signals();
    pthread_mutex_lock(&mutex);
    asking++;
    asked++;
    while (may_answer == 0)
        pthread_cond_wait(&changed, &mutex);
    if (may_answer != UINT32_MAX)
        may_answer--;
    asking--;
    pthread_mutex_unlock(&mutex);
}

static int slow_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list)
{
    (void)host;
    wait_to_be_told();
    return before.getaddrinfo("192.0.2.1", service, hints, ret_list);
}

static int slow_getnameinfo(const struct sockaddr *addr, socklen_t len, char *host,
                            socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    (void)addr, (void)len, (void)flags;
    wait_to_be_told();
    if (host)
        snprintf(host, host_size, "%s", "slow.example");
    if (service)
        snprintf(service, service_size, "%s", "oracle");
    return 0;
}

static int slow_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                        struct hostent **ret_ent, int *ret_herr)
{
    wait_to_be_told();
    return before.gethostbyname2_r(name, family, ent, buf, size, ret_ent, ret_herr);
}

static int slow_by_addr(const void *addr, socklen_t len, int family, struct hostent *ent, char *buf,
                        size_t size, struct hostent **ret_ent, int *ret_herr)
{
    wait_to_be_told();
    return before.gethostbyaddr_r(addr, len, family, ent, buf, size, ret_ent, ret_herr);
}

/* Records of threads, which the library keeps. */
static int records(void)
{
    int n = 0;
    for (const struct csock__thread *t = csock__threads(); t; t = t->next)
        n++;
    return n;
}

static int live_beside_records(void)
{
    return fake_live() - (records() - records_before);
}

int silent_setup(void **state)
{
    util_setup(state);
    script_answers();
    before = *fake_under();
    records_before = records();
    fake_under()->getaddrinfo = slow_getaddrinfo;
    fake_under()->getnameinfo = slow_getnameinfo;
    fake_under()->gethostbyname2_r = slow_by_name;
    fake_under()->gethostbyaddr_r = slow_by_addr;
    asking = asked = may_answer = 0;
    atomic_store(&saw_signals, false);
    atomic_store(&own_thread, false);
    return 0;
}

int silent_teardown(void **state)
{
    silent_end();
    silent_await_under_way(0);
    for (int64_t end = csock_now() + SOON; live_beside_records() != 0 && csock_now() < end;)
        util_sleep(MS); /* a thread that was given up frees what it has after that */
    bool saw = atomic_load(&saw_signals);
    int left = live_beside_records();
    if (left != 0 || saw)
        print_error("%d blocks left; a signal was unblocked: %d\n", left, saw);
    return util_teardown(state) || left != 0 || saw;
}

void silent_answer(unsigned n)
{
    pthread_mutex_lock(&mutex);
    may_answer = n;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

void silent_end(void)
{
    silent_answer(UINT32_MAX);
}

static unsigned count(const unsigned *what)
{
    pthread_mutex_lock(&mutex);
    unsigned n = *what;
    pthread_mutex_unlock(&mutex);
    return n;
}

unsigned silent_asked(void)
{
    return count(&asked);
}

void silent_await_asking(unsigned n)
{
    for (int64_t end = csock_now() + SOON; count(&asking) != n;) {
        assert_true(csock_now() < end);
        util_sleep(MS);
    }
}

void silent_await_under_way(size_t n)
{
    struct csock_lookup none;
    for (int64_t end = csock_now() + SOON; csock_lookups(&none, 0) != n;) {
        assert_true(csock_now() < end);
        util_sleep(MS);
    }
}

void silent_in_own_thread(void)
{
    atomic_store(&own_thread, true);
}
