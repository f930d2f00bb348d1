/* Look-ups and fork(2): a child has none of its parent's, whatever those were at. */
#include "forks.h"
#include "silent.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "names/resolver.h"

static int child_has_none(void *arg)
{
    struct addrinfo *a;
    struct csock__lookup *l = *(struct csock__lookup **)arg;
    if (csock_lookups(NULL, 0) != 0)
        return __LINE__;
    if (csock__lookup_take(l, &a) != -ESTALE)
        return __LINE__;
    csock__lookup_drop(l);
    fake_under()->getaddrinfo = csock__sys_linux.getaddrinfo;
    fake_under()->freeaddrinfo = csock__sys_linux.freeaddrinfo;
    if (csock_resolve_within("localhost", NULL, NULL, &a, WITHIN(SOON)) != 0)
        return __LINE__;
    csock_resolve_free(a);
    return csock_lookups(NULL, 0) != 0 ? __LINE__ : 0;
}

static void a_child_begins_with_none(void **state)
{
    struct csock__lookup *l = NULL;
    struct addrinfo *a;
    (void)state;
    assert_int_equal(csock__lookup_begin("localhost", NULL, NULL, -1, &l), 0);
    silent_await_asking(1);
    util_in_child(child_has_none, &l);
    assert_int_equal(csock_lookups(NULL, 0), 1);
    silent_end();
    silent_await_under_way(0);
    assert_int_equal(csock__lookup_take(l, &a), 0);
    csock_resolve_free(a);
    csock__lookup_drop(l);
}

static atomic_bool forking;

static void *fork_again_and_again(void *unused)
{
    struct addrinfo *a;
    (void)unused;
    while (atomic_load(&forking)) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(30);
            int r = csock_resolve_within("x", NULL, NULL, &a, WITHIN(SOON));
            util_exit(r != CSOCK_EAI(EAI_AGAIN));
        }
        int status = -1;
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return &forking;
    }
    return NULL;
}

/* libc has locks of its own in there, which a child may find taken. */
static int quick_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                             struct addrinfo **ret_list)
{
    (void)host, (void)service, (void)hints, (void)ret_list;
    return EAI_AGAIN;
}

/* The lock of the list is held by others at any of the forks. */
static void forks_at_any_moment(void **state)
{
    pthread_t thread;
    void *failed = NULL;
    (void)state;
#ifdef __SANITIZE_ADDRESS__ /* has such locks, too */
    skip();
#endif
    fake_under()->getaddrinfo = quick_getaddrinfo;
    atomic_store(&forking, true);
    assert_int_equal(pthread_create(&thread, NULL, fork_again_and_again, NULL), 0);
    int64_t end = csock_now() + 500 * MS;
    for (unsigned i = 0; csock_now() < end; i++) {
        struct csock__lookup *l = NULL;
        int r = csock__lookup_begin("x", NULL, NULL, -1, &l);
        if (r != 0)
            assert_int_equal(r, CSOCK_ELOOKUPS);
        csock__lookup_drop(l);
    }
    atomic_store(&forking, false);
    pthread_join(thread, &failed);
    assert_null(failed);
}

static int ask_in_child(void *unused)
{
    struct addrinfo *a;
    (void)unused;
    return csock_resolve_within("y", NULL, NULL, &a, WITHIN(SOON)) != CSOCK_EAI(EAI_AGAIN);
}

static void a_child_does_not_wait_for_its_parents_lock(void **state)
{
    struct csock__lookup *l = NULL;
    (void)state;
    fake_under()->getaddrinfo = quick_getaddrinfo;
    forks_begin_beside(FAKE_THREAD_START, ask_in_child, NULL);
    assert_int_equal(csock__lookup_begin("x", NULL, NULL, -1, &l), 0);
    csock__lookup_drop(l);
    forks_end_beside();
}

static int fork_once(void *arg)
{
    pid_t *pid = arg;
    if (*pid == -1 && (*pid = fork()) == 0) {
        alarm(30);
        silent_end();
    }
    return *pid != 0;
}

static void a_child_made_in_the_wait_asks_anew(void **state)
{
    struct addrinfo *a = NULL;
    pid_t pid = -1, parent = getpid();
    struct csock_wait w = {.deadline = csock_deadline(SOON), .interrupted = fork_once, .arg = &pid};
    int status = -1;
    (void)state;
    fake_fail(FAKE_FUTEX_WAIT, 1, EINTR);
    int r = csock_resolve_within("x", NULL, NULL, &a, &w);
    if (getpid() != parent)
        util_exit(r != 0 || fake_calls(FAKE_THREAD_START) != 2);
    assert_int_equal(r, CSOCK_EINTERRUPTED);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SILENT_TEST(a_child_begins_with_none),
        SILENT_TEST(forks_at_any_moment),
        SILENT_TEST(a_child_does_not_wait_for_its_parents_lock),
        SILENT_TEST(a_child_made_in_the_wait_asks_anew),
    };
    return cmocka_run_group_tests_name("lookups_fork", tests, NULL, NULL);
}
