/* Look-ups under way: shared, bounded in number, told by an eventfd. */
#include "silent.h"

#include "names/resolver.h"

static const struct addrinfo streams = {.ai_socktype = SOCK_STREAM};
static int event;
static struct csock__lookup *lookups[CSOCK_LOOKUPS_MAX];

static int begin(const char *host, struct csock__lookup **ret)
{
    return csock__lookup_begin(host, "80", &streams, event, ret);
}

static bool is_told(int timeout_ms)
{
    struct pollfd p = {.fd = event, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static int setup(void **state)
{
    silent_setup(state);
    event = csock__sys->event_open();
    return event < 0;
}

static int teardown(void **state)
{
    csock__sys->close(event);
    return silent_teardown(state);
}

static void an_event_tells_that_it_has_ended(void **state)
{
    struct csock__lookup *l = NULL;
    struct addrinfo *a = NULL, *b = NULL;
    (void)state;
    assert_int_equal(begin("x", &l), 0);
    assert_int_equal(csock__lookup_take(l, &a), -EAGAIN);
    assert_null(a);
    assert_false(is_told(20));
    silent_end();
    assert_true(is_told(10000));
    assert_int_equal(csock__lookup_take(l, &a), 0);
    assert_int_equal(csock__lookup_take(l, &b), 0);
    assert_ptr_not_equal(a, b);
    csock__lookup_drop(l);
    assert_int_equal(a->ai_socktype, SOCK_STREAM);
    csock_resolve_free(a);
    csock_resolve_free(b);
    assert_int_equal(fake_calls(FAKE_THREAD_JOIN), 1);
    assert_int_equal(csock__sys->event_clear(event), 0);
    assert_false(is_told(0));
}

static void what_is_dropped_tells_nobody(void **state)
{
    struct csock__lookup *l = NULL;
    (void)state;
    assert_int_equal(begin("x", &l), 0);
    csock__lookup_drop(l);
    csock__lookup_drop(NULL);
    silent_end();
    silent_await_under_way(0);
    assert_false(is_told(0));
}

static void failures_of_libc_are_answers(void **state)
{
    struct csock__lookup *l = NULL;
    struct addrinfo *a = NULL;
    (void)state;
    fake_fail(FAKE_GETADDRINFO, 1, EAI_AGAIN);
    assert_int_equal(begin("x", &l), 0);
    assert_true(is_told(10000));
    assert_int_equal(csock__lookup_take(l, &a), CSOCK_EAI(EAI_AGAIN));
    csock__lookup_drop(l);
}

static void beginning_fails_with_nothing_begun(void **state)
{
    struct csock__lookup *l = NULL;
    (void)state;
    fake_fail(FAKE_DUP_CLOEXEC, 1, EMFILE);
    assert_int_equal(begin("x", &l), -EMFILE);
    fake_fail(FAKE_THREAD_START, 1, EAGAIN);
    assert_int_equal(begin("x", &l), -EAGAIN);
    for (unsigned nth = 1; nth <= 3; nth++) {
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        assert_int_equal(begin("x", &l), -ENOMEM);
    }
    assert_null(l);
    assert_int_equal(csock_lookups(NULL, 0), 0);
    assert_int_equal(fake_live(), 0);
}

static void the_same_is_asked_once(void **state)
{
    struct csock__lookup *l[3];
    struct addrinfo *a[3];
    struct csock_lookup row;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(begin("x", &l[i]), 0);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 1);
    assert_int_equal(csock_lookups(&row, 1), 1);
    assert_int_equal(row.waiting, 3);
    csock__lookup_drop(l[1]);
    assert_int_equal(fake_calls(FAKE_THREAD_DETACH), 0);
    silent_end();
    assert_true(is_told(10000));
    silent_await_under_way(0);
    for (int i = 0; i < 3; i += 2) {
        assert_int_equal(csock__lookup_take(l[i], &a[i]), 0);
        csock__lookup_drop(l[i]);
        csock_resolve_free(a[i]);
    }
    assert_int_equal(silent_asked(), 1);
    assert_int_equal(fake_calls(FAKE_THREAD_JOIN), 1);
}

static uint64_t where;

static int scripted_surroundings(uint64_t ret_ids[CSOCK__SURROUNDINGS])
{
    memset(ret_ids, 0, CSOCK__SURROUNDINGS * sizeof *ret_ids);
    ret_ids[0] = where;
    return 0;
}

static void what_is_not_the_same_is_asked_apart(void **state)
{
    static const struct addrinfo four = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    (void)state;
    fake_under()->surroundings = scripted_surroundings;
    assert_int_equal(begin("x", &lookups[0]), 0);
    assert_int_equal(begin("y", &lookups[1]), 0);
    assert_int_equal(csock__lookup_begin("x", "80", &four, -1, &lookups[2]), 0);
    assert_int_equal(csock__lookup_begin("x", NULL, &streams, -1, &lookups[3]), 0);
    assert_int_equal(csock__lookup_begin("x", "80", NULL, -1, &lookups[4]), 0);
    where++;
    assert_int_equal(begin("x", &lookups[5]), 0);
    where--;
    fake_fail(FAKE_SURROUNDINGS, 1, ENOENT);
    assert_int_equal(begin("x", &lookups[6]), 0);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 7);
    assert_int_equal(begin("x", &lookups[7]), 0);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 7);
    for (int i = 0; i < 8; i++)
        csock__lookup_drop(lookups[i]);
}

static void begin_all(void)
{
    char host[20];
    for (int i = 0; i < CSOCK_LOOKUPS_MAX; i++) {
        snprintf(host, sizeof host, "host-%d", i);
        assert_int_equal(begin(host, &lookups[i]), 0);
    }
}

static void drop_all(void)
{
    for (int i = 0; i < CSOCK_LOOKUPS_MAX; i++)
        csock__lookup_drop(lookups[i]);
}

static void so_many_and_no_more(void **state)
{
    struct csock_lookup rows[CSOCK_LOOKUPS_MAX + 1];
    struct addrinfo *a = NULL;
    struct csock__lookup *l = NULL;
    (void)state;
    begin_all();
    assert_int_equal(begin("one more", &l), CSOCK_ELOOKUPS);
    assert_int_equal(csock_lookups(rows, COUNT(rows)), CSOCK_LOOKUPS_MAX);
    assert_string_equal(rows[0].host, "host-0");
    assert_string_equal(rows[CSOCK_LOOKUPS_MAX - 1].host, "host-63");
    assert_int_equal(csock_lookups(rows, 1), CSOCK_LOOKUPS_MAX);
    assert_string_equal(rows[0].host, "host-0");
    int64_t start = csock_now();
    assert_int_equal(csock_resolve_within("one more", NULL, NULL, &a, WITHIN(20 * MS)),
                     CSOCK_ELOOKUPS);
    assert_in_range(csock_now() - start, 20 * MS, SOON);
    /* one of these is shared all the same */
    assert_int_equal(csock_resolve_within("host-7", "80", &streams, &a, WITHIN(20 * MS)),
                     CSOCK_ETIMEOUT);
    assert_int_equal(fake_calls(FAKE_THREAD_START), CSOCK_LOOKUPS_MAX);
    drop_all();
}

static ssize_t resolve_call(struct util_call *call)
{
    struct addrinfo *found = NULL;
    int r = csock_resolve_within(call->arg, NULL, NULL, &found, call->w);
    csock_resolve_free(found);
    return r;
}

static void a_place_that_is_free_is_taken(void **state)
{
    struct util_call calls[3];
    char hosts[3][4] = {"a", "b", "c"};
    struct csock_wait soon = {.deadline = csock_deadline(SOON)};
    (void)state;
    begin_all();
    silent_await_asking(CSOCK_LOOKUPS_MAX);
    for (size_t i = 0; i < COUNT(calls); i++) {
        calls[i] = (struct util_call){.run = resolve_call, .arg = hosts[i], .w = &soon};
        util_start_asleep(&calls[i]);
    }
    silent_answer(CSOCK_LOOKUPS_MAX);
    silent_await_asking(3);
    silent_end();
    for (size_t i = 0; i < COUNT(calls); i++)
        assert_int_equal(util_join(&calls[i]), 0);
    drop_all();
}

static int go_on(void *arg)
{
    (void)arg;
    return 0;
}

static void without_a_deadline_a_full_list_is_no_reason_to_wait(void **state)
{
    struct csock_wait w = {.interrupted = go_on};
    struct addrinfo *a;
    (void)state;
    silent_in_own_thread();
    begin_all();
    silent_await_asking(CSOCK_LOOKUPS_MAX);
    silent_end();
    assert_int_equal(csock_resolve_within("one more", NULL, NULL, &a, &w), 0);
    csock_resolve_free(a);
    drop_all();
}

#define LOOKUP_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        LOOKUP_TEST(an_event_tells_that_it_has_ended),
        LOOKUP_TEST(what_is_dropped_tells_nobody),
        LOOKUP_TEST(failures_of_libc_are_answers),
        LOOKUP_TEST(beginning_fails_with_nothing_begun),
        LOOKUP_TEST(the_same_is_asked_once),
        LOOKUP_TEST(what_is_not_the_same_is_asked_apart),
        LOOKUP_TEST(so_many_and_no_more),
        LOOKUP_TEST(a_place_that_is_free_is_taken),
        LOOKUP_TEST(without_a_deadline_a_full_list_is_no_reason_to_wait),
    };
    return cmocka_run_group_tests_name("lookups", tests, NULL, NULL);
}
