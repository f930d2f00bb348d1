/* csock_dial() by name: what ends a look-up, what it does without what it needs, hosts in numbers,
 * and a resolver of the caller's own. */
#include "names.h"
#include "etc.h"

#include <net/if.h>
#include <sys/wait.h>

static int dial_host(const char *host, const char *script, const struct csock_wait *w)
{
    return names_dial(&(struct csock_dial_request){.host = host}, script, w);
}

/* ---- what ends a look-up */

static int stop_now(void *arg)
{
    (void)arg;
    return 1;
}

static ssize_t dial_silent(struct util_call *call)
{
    struct csock_dial_request d = {.host = "host.example", .until_closed = call->s};
    return csock_dial(call->arg, &d, NULL, call->w);
}

static void a_signal_ends_a_look_up(void **state)
{
    struct csock_wait w = {.interrupted = stop_now};
    struct csock got;
    struct util_call call = {.run = dial_silent, .arg = &got, .w = &w};
    (void)state;
    names_script("");
    util_handle(SIGUSR1, util_count_signal, SA_RESTART);
    util_start_asleep(&call);
    assert_int_equal(util_signal_until_joined(&call, SIGUSR1), CSOCK_EINTERRUPTED);
}

static pid_t child;

static int fork_once(void *arg)
{
    (void)arg;
    if (child < 0 && (child = fork()) == 0)
        names_say("*=64");
    return 0;
}

/* Its threads are not in a child that goes on with the call, nor is what it is told by its own. */
static int goes_on_in_child(void *arg)
{
    struct csock_wait w = {.deadline = csock_deadline(2000 * MS), .interrupted = fork_once};
    int status;
    (void)arg;
    child = -1;
    fake_fail(FAKE_POLL, 1, EINTR);
    int r = dial_host("forked.example", "", &w);
    if (child == 0)
        util_exit(r == 0 ? 0 : 1);
    if (r != CSOCK_ETIMEOUT || waitpid(child, &status, 0) != child)
        return __LINE__;
    return status ? __LINE__ : 0;
}

/* While IPv6 is awaited still. Neither of the two has the address of IPv4 after that. */
static int fork_before_connecting(void *arg, const struct csock_dial_attempt *a,
                                  enum csock_dial_step step)
{
    (void)arg;
    if (step == CSOCK_DIAL_CONNECT && child < 0) {
        if ((child = fork()) == 0)
            names_say("*=64");
        csock_close(a->s);
    }
    return 0;
}

static int goes_on_in_child_of_callback(void *arg)
{
    struct csock_dial_request d = {.host = "callback.example", .step = fork_before_connecting};
    int status;
    (void)arg;
    child = -1;
    int r = names_dial(&d, "4=4", WITHIN(2000 * MS));
    if (child == 0)
        util_exit(r == 0 ? 0 : 1);
    if (r != CSOCK_ETIMEOUT || waitpid(child, &status, 0) != child)
        return __LINE__;
    return status ? __LINE__ : 0;
}

static void a_fork_in_a_callback_takes_no_answer_away(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__ /* lets no child of several threads make one */
    skip();
#endif
    if (getenv("CSOCK_VALGRIND")) /* which would have the parent's look-up freed in the child */
        skip();
    util_in_child(goes_on_in_child, NULL);
    util_in_child(goes_on_in_child_of_callback, NULL);
}

static void so_does_closing_the_socket_that_says_so(void **state)
{
    struct csock until, got;
    struct util_call call = {.run = dial_silent, .s = &until, .arg = &got};
    (void)state;
    names_script("");
    assert_int_equal(csock_open(&until, AF_INET, SOCK_STREAM, 0, 0), 0);
    util_start_asleep(&call);
    util_sleep(60 * MS); /* those of one family have begun, too */
    util_close(&until);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    assert_int_equal(dial_silent(&call), CSOCK_ECLOSED); /* closed already */
}

/* ---- without what it needs */

static void without_a_descriptor_to_be_told_by(void **state)
{
    struct csock until;
    (void)state;
    fake_fail(FAKE_EVENT_OPEN, FAKE_EVERY, EMFILE);
    assert_int_equal(dial_host("host.example", "*=64", WITHIN(SOON)), 0);
    names_expect("6");
    assert_int_equal(csock_open(&until, AF_INET, SOCK_STREAM, 0, 0), 0);
    struct csock_dial_request d = {.until_closed = &until};
    assert_int_equal(names_dial(&d, "*=64", WITHIN(SOON)), 0);
    names_expect("6");
    util_close(&until);
    assert_int_equal(dial_host("host.example", "*=!f", WITHIN(SOON)), CSOCK_EAI(EAI_FAIL));
    assert_int_equal(names_report.lookup_err, CSOCK_EAI(EAI_FAIL));
    names_expect("");
    assert_int_equal(dial_host("host.example", "", WITHIN(50 * MS)), CSOCK_ETIMEOUT);
    names_expect("");
}

static void without_memory(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        int r = dial_host("host.example", "*=64", WITHIN(SOON));
        csock_dial_report_free(&names_report);
        if (r == 0 && nth > 20)
            break;
        assert_true(r == 0 || r == -ENOMEM);
    }
}

/* ---- hosts in numbers, a resolver of one's own */

static int real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list)
{
    names_note_thread();
    return csock__sys_linux.getaddrinfo(host, service, hints, ret_list);
}

static void numbers_need_no_thread(void **state)
{
    (void)state;
    fake_under()->getaddrinfo = real_getaddrinfo;
    fake_under()->freeaddrinfo = csock__sys_linux.freeaddrinfo;
    assert_int_equal(dial_host("127.0.0.1", "", WITHIN(SOON)), 0);
    assert_int_equal(atomic_load(&names_in_own_thread), 1);
    names_expect("4");
    assert_int_equal(dial_host("::1", "", NULL), 0);
    names_expect("6");
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.host = "::1", .family = AF_INET}, "", NULL),
        CSOCK_EEXCLUDED);
    names_expect("");
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.host = "127.0.0.1", .family = AF_INET6}, "", NULL),
        CSOCK_EEXCLUDED);
    names_expect("");
    assert_int_equal(fake_calls(FAKE_EVENT_OPEN), 0);
    assert_int_equal(names_dial(&(struct csock_dial_request){.host = "", .service = "1"}, "", NULL),
                     -ECONNREFUSED); /* loopback */
    csock_dial_report_free(&names_report);
}

static void names_in_the_hosts_file_need_no_thread(void **state)
{
    struct csock until;
    struct csock_dial_request d = {.host = "known.example", .until_closed = &until};
    (void)state;
    etc_script("127.0.0.1 known.example\n", "hosts: files dns\n");
    assert_int_equal(dial_host("known.example", "*=64", WITHIN(SOON)), 0);
    assert_int_equal(atomic_load(&names_in_own_thread), 1);
    assert_true(names_report.looked_up > 0);
    names_expect("6");
    assert_int_equal(dial_host("known.example", "*=!a", WITHIN(SOON)), CSOCK_EAI(EAI_AGAIN));
    assert_int_equal(names_report.lookup_err, CSOCK_EAI(EAI_AGAIN));
    names_expect("");
    assert_int_equal(fake_calls(FAKE_THREAD_START), 0);
    assert_int_equal(fake_calls(FAKE_EVENT_OPEN), 0);
    assert_int_equal(dial_host("known.example", "*=64", WITHIN(-MS)), CSOCK_ETIMEOUT);
    names_expect("");
    assert_int_equal(csock_open(&until, AF_INET, SOCK_STREAM, 0, 0), 0);
    util_close(&until);
    assert_int_equal(names_dial(&d, "*=64", WITHIN(SOON)), CSOCK_ECLOSED);
    csock_dial_report_free(&names_report);
}

static void scope_ids_are_kept(void **state)
{
    char text[32];
    unsigned lo = if_nametoindex("lo");
    (void)state;
    if (lo == 0)
        skip();
    fake_under()->getaddrinfo = real_getaddrinfo;
    fake_under()->freeaddrinfo = csock__sys_linux.freeaddrinfo;
    for (int by_number = 0; by_number < 2; by_number++) {
        snprintf(text, sizeof text, by_number ? "fe80::1%%%u" : "fe80::1%%lo", lo);
        dial_host(text, "", WITHIN(MS));
        assert_int_equal(names_report.n_attempts, 1);
        assert_int_equal(names_report.attempts[0].addr.in6.sin6_scope_id, lo);
        csock_dial_report_free(&names_report);
    }
}

static int own_resolver(void *arg, struct csock_dial_answer *answer, const char *host,
                        const char *service, int family, const struct csock_wait *w)
{
    union csock_addr addr;
    socklen_t len;
    (void)arg;
    assert_string_equal(host, "anything at all");
    assert_int_equal(family, 0);
    assert_int_equal(w->deadline != CSOCK_FOREVER, true);
    if (strcmp(service, "none") == 0)
        return 0;
    if (strcmp(service, "fails") == 0)
        return CSOCK_EAI(EAI_FAIL);
    csock_addr_from_host(AF_INET, "127.0.0.1", strtol(service, NULL, 10), &addr, &len);
    assert_int_equal(csock_dial_found(answer, &addr.any, 1), CSOCK_EADDRLEN);
    return csock_dial_found(answer, &addr.any, len);
}

static void a_resolver_of_ones_own(void **state)
{
    (void)state;
    struct csock_dial_request d = {.host = "anything at all", .resolve = own_resolver};
    assert_int_equal(names_dial(&d, "", WITHIN(SOON)), 0);
    names_expect("4");
    d.service = "none";
    assert_int_equal(names_dial(&d, "", WITHIN(SOON)), CSOCK_ENOADDR);
    names_expect("");
    d.service = "fails";
    assert_int_equal(names_dial(&d, "", WITHIN(SOON)), CSOCK_EAI(EAI_FAIL));
    assert_int_equal(names_report.lookup_err, CSOCK_EAI(EAI_FAIL));
    names_expect("");
    assert_int_equal(fake_calls(FAKE_GETADDRINFO), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAMES_TEST(a_signal_ends_a_look_up),
        NAMES_TEST(a_fork_in_a_callback_takes_no_answer_away),
        NAMES_TEST(so_does_closing_the_socket_that_says_so),
        NAMES_TEST(without_a_descriptor_to_be_told_by),
        NAMES_TEST(without_memory),
        NAMES_TEST(numbers_need_no_thread),
        NAMES_TEST(names_in_the_hosts_file_need_no_thread),
        NAMES_TEST(scope_ids_are_kept),
        NAMES_TEST(a_resolver_of_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
