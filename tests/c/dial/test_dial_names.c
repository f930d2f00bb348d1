/* csock_dial() by name: look-ups of both families and of single ones that are slow, silent or
 * negative, beside real connections on loopback. Time is real: nothing here depends on how fast it
 * passes. */
#include "names.h"

#define HOUR (3600 * 1000 * MS)

static int dial_host(const char *host, const char *script, const struct csock_wait *w)
{
    return names_dial(&(struct csock_dial_request){.host = host}, script, w);
}

static void the_whole_answer_has_libcs_order(void **state)
{
    (void)state;
    assert_int_equal(dial_host("host.example", "*=46", WITHIN(SOON)), 0);
    assert_true(names_report.looked_up > 0);
    assert_int_equal(names_report.n_found, 2);
    names_expect("4");
    assert_int_equal(dial_host("host.example", "*=64", WITHIN(SOON)), 0);
    names_expect("6");
    assert_int_equal(atomic_load(&names_in_own_thread), 0);
}

static void a_lost_answer_about_ipv6_does_not_hold_ipv4_up(void **state)
{
    (void)state;
    assert_int_equal(dial_host("host.example", "4=4", WITHIN(SOON)), 0);
    assert_in_range(names_report.attempts[0].began, 90 * MS, SOON); /* 40 and 50 */
    assert_int_equal(names_asked('*'), 1);
    assert_int_equal(names_asked('4'), 1);
    assert_int_equal(names_asked('6'), 1);
    names_expect("4");
    /* That it never came is remembered: nobody waits for it again, however long he would. */
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.resolution_delay = HOUR}, "4=4", WITHIN(SOON)), 0);
    names_expect("4");
    /* Until it comes. */
    assert_int_equal(dial_host("host.example", "*=64", WITHIN(SOON)), 0);
    names_expect("6");
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.resolution_delay = HOUR}, "4=4", WITHIN(300 * MS)),
        CSOCK_ETIMEOUT);
    names_expect("");
}

static void ipv6_alone_is_enough_to_begin(void **state)
{
    (void)state;
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.resolution_delay = HOUR}, "6=6", WITHIN(SOON)), 0);
    names_expect("6");
}

static void ipv4_waits_for_ipv6_that_comes_in_time(void **state)
{
    (void)state;
    assert_int_equal(names_dial(&(struct csock_dial_request){.host = "in-time.example",
                                                             .resolution_delay = HOUR},
                                "4=4 6>4=6", WITHIN(SOON)),
                     0);
    names_expect("6");
}

static void no_addresses_are_an_answer(void **state)
{
    (void)state;
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.host = "v4only.example", .resolution_delay = HOUR},
                   "4=4 6=!n", WITHIN(SOON)),
        0);
    names_expect("4");
}

static void all_negative_is_an_error_at_once(void **state)
{
    (void)state;
    assert_int_equal(dial_host("host.example", "*=!n", WITHIN(SOON)), CSOCK_EAI(EAI_NONAME));
    assert_int_equal(names_report.lookup_err, CSOCK_EAI(EAI_NONAME));
    assert_int_equal(names_report.stage, CSOCK_DIAL_LOOKUP);
    names_expect("");
    assert_int_equal(dial_host("host.example", "4=!n 6=!n", WITHIN(SOON)), CSOCK_EAI(EAI_NONAME));
    names_expect("");
    assert_int_equal(dial_host("host.example", "*>4=!n 4=!a", WITHIN(SOON)),
                     CSOCK_EAI(EAI_NONAME)); /* of the two, what the whole one said */
    names_expect("");
}

static void a_late_answer_joins(void **state)
{
    (void)state;
    util_close(&names_listeners[0]); /* IPv4 is refused, and then there is only IPv6 to wait for */
    assert_int_equal(dial_host("late.example", "4=4 6>4=6", WITHIN(SOON)), 0);
    csock_dial_report_free(&names_report);
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.host = "later.example", .resolution_delay = -1},
                   "*>4=64 4=4", WITHIN(SOON)),
        0);
    assert_int_equal(names_report.attempts[0].err, -ECONNREFUSED);
    names_expect("46");
}

static void silence_ends_with_the_deadline(void **state)
{
    (void)state;
    assert_int_equal(dial_host("host.example", "", WITHIN(100 * MS)), CSOCK_ETIMEOUT);
    assert_int_equal(names_report.stage, CSOCK_DIAL_LOOKUP);
    assert_int_equal(names_report.looked_up, 0);
    names_expect("");
}

/* Ended while IPv4 waits for IPv6: nothing begins. */
static void ended_within_the_wait_for_ipv6(void **state)
{
    (void)state;
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.host = "ended.example", .resolution_delay = HOUR},
                   "4=4", WITHIN(200 * MS)),
        CSOCK_ETIMEOUT);
    assert_int_equal(names_report.n_attempts, 0);
    assert_in_range(names_report.n_untried, 0, 1); /* 0: so busy that the answer was not heard */
    assert_int_equal(names_report.stage,
                     names_report.n_untried ? CSOCK_DIAL_CONNECTING : CSOCK_DIAL_LOOKUP);
    names_expect("");
}

static void one_family_alone_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(
        names_dial(&(struct csock_dial_request){.family = AF_INET6}, "6=6", WITHIN(SOON)), 0);
    assert_int_equal(names_asked('*'), 0);
    names_expect("6");
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct csock_dial_addr source = {(struct sockaddr *)&any, sizeof any};
    struct csock_dial_request d = {.sources = &source, .n_sources = 1, .resolution_delay = HOUR};
    assert_int_equal(names_dial(&d, "4=4", WITHIN(SOON)), 0);
    assert_int_equal(names_asked('6'), 0);
    names_expect("4");
    assert_int_equal(names_dial(&d, "*=6", WITHIN(SOON)), CSOCK_EEXCLUDED);
    names_expect("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAMES_TEST(the_whole_answer_has_libcs_order),
        NAMES_TEST(a_lost_answer_about_ipv6_does_not_hold_ipv4_up),
        NAMES_TEST(ipv6_alone_is_enough_to_begin),
        NAMES_TEST(ipv4_waits_for_ipv6_that_comes_in_time),
        NAMES_TEST(no_addresses_are_an_answer),
        NAMES_TEST(all_negative_is_an_error_at_once),
        NAMES_TEST(a_late_answer_joins),
        NAMES_TEST(silence_ends_with_the_deadline),
        NAMES_TEST(ended_within_the_wait_for_ipv6),
        NAMES_TEST(one_family_alone_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
