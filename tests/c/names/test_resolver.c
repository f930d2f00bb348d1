/* Look-ups under a deadline: what ends the waiting, who asks in which thread, and what is left. */
#include "silent.h"

#include <arpa/inet.h>

#include "call/thread.h"
#include "names/resolver.h"

static struct addrinfo *list;
static const struct addrinfo streams = {.ai_socktype = SOCK_STREAM};

static int resolve(const char *host, const struct csock_wait *w)
{
    return csock_resolve_within(host, "80", &streams, &list, w);
}

static ssize_t resolve_call(struct util_call *call)
{
    struct addrinfo *found = NULL;
    int r = csock_resolve_for(call->s, "slow.example", "80", &streams, &found, call->w);
    csock_resolve_free(found);
    return r;
}

static void assert_answered(void)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)list->ai_addr;
    assert_int_equal(in->sin_addr.s_addr, htonl(0xc0000201));
    assert_int_equal(in->sin_port, htons(80));
    csock_resolve_free(list);
}

static void an_answer_comes_and_the_thread_is_joined(void **state)
{
    (void)state;
    silent_end();
    assert_int_equal(resolve("slow.example", WITHIN(SOON)), 0);
    assert_answered();
    assert_int_equal(fake_calls(FAKE_THREAD_START), 1);
    assert_int_equal(fake_calls(FAKE_THREAD_JOIN), 1);
    assert_int_equal(fake_calls(FAKE_THREAD_DETACH), 0);
    assert_int_equal(csock_lookups(NULL, 0), 0);
}

static void a_deadline_ends_it_and_the_thread_frees_what_is_left(void **state)
{
    struct csock_lookup row;
    struct addrinfo *before = list = NULL;
    (void)state;
    int64_t start = csock_now();
    assert_int_equal(resolve("slow.example", WITHIN(50 * MS)), CSOCK_ETIMEOUT);
    assert_in_range(csock_now() - start, 50 * MS, SOON);
    assert_ptr_equal(list, before);
    assert_int_equal(csock_lookups(&row, 1), 1);
    assert_string_equal(row.host, "slow.example");
    assert_string_equal(row.service, "80");
    assert_int_equal(row.waiting, 0);
    assert_in_range(row.since, start, csock_now());
    silent_await_asking(1);
    assert_int_equal(csock_lookups(&row, 1), 1);
    assert_true(row.tid > 0 && row.tid != getpid());
    assert_int_equal(fake_calls(FAKE_THREAD_DETACH), 1);
    assert_int_equal(fake_calls(FAKE_FUTEX_WAIT), 1); /* and not in slices */
}

static void a_timeout_does_so_too(void **state)
{
    (void)state;
    assert_int_equal(resolve("slow.example", &(struct csock_wait){.timeout = 10 * MS}),
                     CSOCK_ETIMEOUT);
    assert_int_equal(resolve("slow.example", &(struct csock_wait){.timeout = -1}), CSOCK_ETIMEOUT);
}

static void numbers_have_no_thread_and_no_deadline(void **state)
{
    static const char *hosts[] = {"192.0.2.1", "127.1", "0x7f.1", "::1", "fe80::1%1"};
    struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};
    (void)state;
    silent_in_own_thread();
    silent_end();
    for (size_t i = 0; i < COUNT(hosts); i++) {
        assert_true(csock__host_is_numeric(hosts[i]));
        assert_int_equal(resolve(hosts[i], WITHIN(-MS)), 0);
        csock_resolve_free(list);
        assert_int_equal(resolve(hosts[i], NOWAIT), 0);
        csock_resolve_free(list);
    }
    assert_int_equal(csock_resolve_within("x", NULL, &numeric, &list, NOWAIT), 0);
    csock_resolve_free(list);
    assert_int_equal(csock_resolve_within(NULL, "80", &streams, &list, NOWAIT), 0);
    csock_resolve_free(list);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 0);
}

static void names_are_no_numbers(void **state)
{
    static const char *hosts[] = {"",    "a",   "192.0.2.1 ", "192.0.2.1\tx", "1.2.3.4.5",
                                  "::g", "a:b", "1.example",  "fe80"};
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++)
        assert_false(csock__host_is_numeric(hosts[i]));
    assert_int_equal(resolve("a", NOWAIT), -EAGAIN);
    assert_int_equal(resolve("a", WITHIN(-MS)), CSOCK_ETIMEOUT);
    assert_int_equal(silent_asked(), 0);
}

static void without_a_bound_no_thread(void **state)
{
    struct csock_wait nothing = {.deadline = CSOCK_FOREVER};
    (void)state;
    silent_in_own_thread();
    silent_end();
    assert_int_equal(resolve("slow.example", NULL), 0);
    assert_answered();
    assert_int_equal(resolve("slow.example", &nothing), 0);
    assert_answered();
    assert_int_equal(fake_calls(FAKE_THREAD_START), 0);
}

static void without_a_thread_in_the_callers_own(void **state)
{
    (void)state;
    silent_in_own_thread();
    silent_end();
    fake_fail(FAKE_THREAD_START, FAKE_EVERY, EAGAIN);
    assert_int_equal(resolve("slow.example", WITHIN(SOON)), 0);
    assert_answered();
    assert_int_equal(csock_lookups(NULL, 0), 0);
}

static void without_memory(void **state)
{
    (void)state;
    silent_in_own_thread();
    silent_end();
    for (unsigned nth = 1; nth <= 7; nth++) {
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        int r = resolve("slow.example", WITHIN(SOON));
        assert_true(r == 0 || r == -ENOMEM);
        if (r == 0)
            assert_answered();
        silent_await_under_way(0);
    }
}

static int stop(void *arg)
{
    return __atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST) > 1;
}

static void signals_are_heard_and_the_second_ends_it(void **state)
{
    int heard = 0;
    struct csock_wait w = {.deadline = CSOCK_FOREVER, .interrupted = stop, .arg = &heard};
    struct util_call call = {.run = resolve_call, .w = &w};
    (void)state;
    util_handle(SIGUSR1, SIG_IGN, 0);
    util_count_signal(SIGUSR1);
    util_handle(SIGUSR2, SIG_DFL, 0);
    util_start(&call);
    silent_await_asking(1);
    util_await_sleep(&call);
    util_signal_call(&call, SIGUSR1);
    for (int64_t end = csock_now() + SOON; __atomic_load_n(&heard, __ATOMIC_SEQ_CST) == 0;) {
        assert_true(csock_now() < end);
        util_sleep(MS);
    }
    util_await_sleep(&call);
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), CSOCK_EINTERRUPTED);
    assert_int_equal(silent_asked(), 1);
}

static void do_nothing(int sig)
{
    (void)sig;
}

static void a_handler_that_restarts_calls_does_not_hide_the_signal(void **state)
{
    int heard = 1;
    struct csock_wait w = {.deadline = CSOCK_FOREVER, .interrupted = stop, .arg = &heard};
    struct util_call call = {.run = resolve_call, .w = &w};
    (void)state;
    util_handle(SIGUSR1, do_nothing, SA_RESTART);
    util_start(&call);
    silent_await_asking(1);
    util_await_sleep(&call);
    util_signal_call(&call, SIGUSR1);
    assert_int_equal(util_join(&call), CSOCK_EINTERRUPTED);
}

static int stop_once_it_is_answered(void *arg)
{
    (void)arg;
    silent_end();
    silent_await_under_way(0);
    return 1;
}

static void an_answer_is_not_given_to_whom_a_handler_has_stopped(void **state)
{
    struct csock_wait w = {.deadline = CSOCK_FOREVER, .interrupted = stop_once_it_is_answered};
    struct util_call call = {.run = resolve_call, .w = &w};
    (void)state;
    util_handle(SIGUSR1, do_nothing, 0);
    util_start(&call);
    silent_await_asking(1);
    util_await_sleep(&call);
    assert_int_equal(util_signal_until_joined(&call, SIGUSR1), CSOCK_EINTERRUPTED);
}

static void closing_the_socket_ends_it(void **state)
{
    struct csock s;
    struct util_call call = {.run = resolve_call, .s = &s};
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    util_start(&call);
    silent_await_asking(1);
    util_await_sleep(&call);
    int64_t start = csock_now();
    assert_int_equal(csock_close(&s), 0);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_in_range(call.ended - start, 0, PROMPT);
    assert_int_equal(resolve_call(&call), -EBADF);
}

static void pause_and_resume_surround_the_wait(void **state)
{
    int heard = 0;
    struct csock_wait w = {.deadline = csock_deadline(10 * MS), .arg = &heard};
    (void)state;
    w.pause = w.resume = (void (*)(void *))(void (*)(void))stop;
    assert_int_equal(resolve("slow.example", &w), CSOCK_ETIMEOUT);
    assert_int_equal(heard, 2);
}

/* What is for other processes is read here by another thread of this one. */
static void not_under_tsan(void)
{
    if (CSOCK__TSAN)
        skip();
}

/* For `csock ps`; s and w may be NULL. */
static void check_shown(ssize_t (*run)(struct util_call *call), struct csock *s,
                        const struct csock_wait *w)
{
    struct util_call call = {.run = run, .s = s, .w = w};
    util_start_asleep(&call);
    const struct csock__thread *t = csock__threads();
    while (t->tid != call.tid && t->next)
        t = t->next;
    assert_int_equal(t->tid, call.tid);
    assert_true(t->on[0] != 0);
    assert_int_equal(t->shown[0].what, CSOCK__LOOKUP);
    assert_int_equal(t->shown[0].fd, s ? csock_fd(s) : -1);
    assert_true(t->shown[0].deadline == (w ? w->deadline : CSOCK_FOREVER));
    assert_int_equal(t->shown[0].about_size, sizeof "slow.example");
    assert_string_equal((const char *)(uintptr_t)t->shown[0].about, "slow.example");
    silent_end();
    assert_int_equal(util_join(&call), 0);
    assert_true(t->on[0] == 0);
    assert_int_equal(t->shown[0].what, CSOCK__NOTHING);
}

static void it_is_shown_to_other_processes(void **state)
{
    (void)state;
    not_under_tsan();
    check_shown(resolve_call, NULL, WITHIN(60000 * MS));
}

static ssize_t resolve_plainly(struct util_call *call)
{
    struct addrinfo *found;
    int r = csock_resolve("slow.example", "80", &streams, &found);
    (void)call;
    if (r == 0)
        csock_resolve_free(found);
    return r;
}

static ssize_t find_host_plainly(struct util_call *call)
{
    struct csock_host *host;
    int r = csock_host_by_name("slow.example", AF_INET, &host);
    (void)call;
    if (r == 0)
        csock_host_free(host);
    return r;
}

static void so_is_one_that_nothing_ends(void **state)
{
    (void)state;
    not_under_tsan();
    silent_in_own_thread();
    check_shown(resolve_plainly, NULL, NULL);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 0);
}

static void so_is_that_of_a_host_entry(void **state)
{
    (void)state;
    not_under_tsan();
    silent_in_own_thread();
    check_shown(find_host_plainly, NULL, NULL);
}

static void it_is_shown_with_its_socket(void **state)
{
    struct csock s[2];
    (void)state;
    not_under_tsan();
    util_pair(s, AF_UNIX, SOCK_STREAM);
    check_shown(resolve_call, &s[0], WITHIN(60000 * MS));
    util_close(&s[0]);
    util_close(&s[1]);
}

static void host_entries_and_names(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&in;
    struct csock_host *host = NULL;
    char name[64] = "", service[64] = "";
    (void)state;
    assert_int_equal(csock_host_by_name_within("x", AF_INET, &host, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_host_by_addr_within(any, sizeof in, &host, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_null(host);
    assert_int_equal(
        csock_resolve_reverse_within(any, sizeof in, name, 64, service, 64, 0, WITHIN(MS)),
        CSOCK_ETIMEOUT);
    assert_string_equal(name, "");
    silent_end();
    assert_int_equal(csock_host_by_name_within("x", AF_INET, &host, WITHIN(SOON)), 0);
    assert_string_equal(host->name, "official.example");
    csock_host_free(host);
    assert_int_equal(csock_host_by_addr_within(any, sizeof in, &host, WITHIN(SOON)), 0);
    assert_string_equal(host->aliases[299], "alias-299.example");
    assert_int_equal(host->n_addrs, 200);
    csock_host_free(host);
    assert_int_equal(
        csock_resolve_reverse_within(any, sizeof in, name, 64, service, 64, 0, WITHIN(SOON)), 0);
    assert_string_equal(name, "slow.example");
    assert_string_equal(service, "oracle");
    assert_int_equal(
        csock_resolve_reverse_within(any, sizeof in, name, 5, service, 64, 0, WITHIN(SOON)),
        CSOCK_EAI(EAI_OVERFLOW));
    assert_int_equal(csock_host_by_name_within("x", AF_UNIX, &host, WITHIN(SOON)), CSOCK_EFAMILY);
}

/* A thread that waits in a socket has a record, which stays for the next one. */
static int make_record(void **state)
{
    struct csock s[2];
    struct util_call call = {.run = util_pollin, .s = &s[0], .w = WITHIN(MS)};
    util_setup(state);
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start(&call);
    assert_int_equal(util_join(&call), CSOCK_ETIMEOUT);
    util_close(&s[0]);
    util_close(&s[1]);
    return util_teardown(state);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SILENT_TEST(an_answer_comes_and_the_thread_is_joined),
        SILENT_TEST(a_deadline_ends_it_and_the_thread_frees_what_is_left),
        SILENT_TEST(a_timeout_does_so_too),
        SILENT_TEST(numbers_have_no_thread_and_no_deadline),
        SILENT_TEST(names_are_no_numbers),
        SILENT_TEST(without_a_bound_no_thread),
        SILENT_TEST(without_a_thread_in_the_callers_own),
        SILENT_TEST(without_memory),
        SILENT_TEST(signals_are_heard_and_the_second_ends_it),
        SILENT_TEST(a_handler_that_restarts_calls_does_not_hide_the_signal),
        SILENT_TEST(an_answer_is_not_given_to_whom_a_handler_has_stopped),
        SILENT_TEST(closing_the_socket_ends_it),
        SILENT_TEST(pause_and_resume_surround_the_wait),
        SILENT_TEST(it_is_shown_to_other_processes),
        SILENT_TEST(so_is_one_that_nothing_ends),
        SILENT_TEST(so_is_that_of_a_host_entry),
        SILENT_TEST(it_is_shown_with_its_socket),
        SILENT_TEST(host_entries_and_names),
    };
    return cmocka_run_group_tests_name("resolver", tests, make_record, NULL);
}
