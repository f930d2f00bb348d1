/* csock_dial() over a scripted network: no time passes, and nothing is sent. */
#include "net.h"

static char log_text[512];

static int dial(const char *plans, const char *letters, struct csock_dial d,
                const struct csock_wait *w)
{
    net_begin(plans);
    return net_dial(letters, d, w, log_text);
}

static void expect(const char *events)
{
    assert_string_equal(log_text, events);
    csock_dial_report_free(&net_report);
}

#define PLAIN ((struct csock_dial){0})

static void a_black_hole_costs_a_quarter_of_a_second(void **state)
{
    (void)state;
    assert_int_equal(dial("a30", "Aa", PLAIN, NULL), 0);
    assert_int_equal(net_report.decisive, 1);
    assert_int_equal(net_report.n_attempts, 2);
    assert_int_equal(net_report.attempts[0].err, -ECANCELED);
    assert_int_equal(net_report.attempts[1].err, 0);
    assert_in_range(net_report.attempts[1].began, 250 * MS, 251 * MS);
    assert_in_range(net_report.attempts[1].ended, 280 * MS, 281 * MS);
    expect("0+A 250+a 280=a 280-A");
}

static void the_first_may_still_win(void **state)
{
    (void)state;
    assert_int_equal(dial("A260 a30", "Aa", PLAIN, NULL), 0);
    expect("0+A 250+a 260=A 260-a");
}

static void families_take_turns(void **state)
{
    (void)state;
    assert_int_equal(dial("b10", "ABCab", PLAIN, NULL), 0);
    expect("0+A 250+a 500+B 750+b 760=b 760-A 760-a 760-B");
}

static void a_failure_is_followed_at_once(void **state)
{
    (void)state;
    assert_int_equal(dial("A20!111 a!101 B5!113 b10", "AaBb", PLAIN, NULL), 0);
    expect("0+A 20-A 20+a 20-a 20+B 25-B 25+b 35=b");
}

static void when_all_fail_all_errors_are_kept(void **state)
{
    static const int errors[] = {-ENETUNREACH, -ECONNREFUSED, -EHOSTUNREACH};
    (void)state;
    assert_int_equal(dial("A!101 a20!111 B5!113", "AaB", PLAIN, NULL), -ECONNREFUSED);
    assert_int_equal(net_report.n_attempts, 3);
    assert_int_equal(net_report.decisive, 1); /* what a peer has said tells most */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(net_report.attempts[i].err, errors[i]);
        assert_null(net_report.attempts[i].s);
    }
    assert_int_equal(net_report.stage, CSOCK_DIAL_CONNECTING);
    expect("0+A 0-A 0+a 20-a 20+B 25-B");
}

static void which_error_tells_most(void **state)
{
    static const int best_first[][2] = {{ECONNREFUSED, EHOSTUNREACH}, {ECONNRESET, ETIMEDOUT},
                                        {EACCES, ETIMEDOUT},          {ETIMEDOUT, EINVAL},
                                        {EINVAL, ENETUNREACH},        {EPERM, EADDRNOTAVAIL}};
    char plans[64];
    (void)state;
    for (size_t i = 0; i < COUNT(best_first); i++)
        for (int turn = 0; turn < 2; turn++) {
            snprintf(plans, sizeof plans, "A!%d a!%d", best_first[i][turn], best_first[i][!turn]);
            assert_int_equal(dial(plans, "Aa", PLAIN, NULL), -best_first[i][0]);
            assert_int_equal(net_report.decisive, turn);
            csock_dial_report_free(&net_report);
        }
}

static void two_that_connect_in_one_instant(void **state)
{
    (void)state;
    assert_int_equal(dial("A300 a50", "Aa", PLAIN, NULL), 0);
    expect("0+A 250+a 300=A 300-a");
}

static void one_fails_and_one_connects_in_one_instant(void **state)
{
    (void)state;
    assert_int_equal(dial("A300!111 a50", "AaB", PLAIN, NULL), 0);
    assert_int_equal(net_report.attempts[0].err, -ECONNREFUSED); /* heard, too */
    assert_int_equal(net_report.n_untried, 1);
    expect("0+A 250+a 300-A 300=a");
}

static void one_connects_and_one_fails_in_one_instant(void **state)
{
    (void)state;
    assert_int_equal(dial("A300 a50!111", "Aa", PLAIN, NULL), 0);
    assert_int_equal(net_report.attempts[1].err, -ECONNREFUSED); /* heard after the winner, too */
    expect("0+A 250+a 300-a 300=A");
}

static void six_in_flight_and_the_oldest_gives_way(void **state)
{
    (void)state;
    assert_int_equal(dial("H20", "ABCDEFGH", PLAIN, NULL), 0);
    expect("0+A 250+B 500+C 750+D 1000+E 1250+F 1500-A 1500+G 1750-B 1750+H 1770=H 1770-G 1770-C "
           "1770-D 1770-E 1770-F");
}

static void a_deadline_bounds_the_whole(void **state)
{
    (void)state;
    for (int timeout = 0; timeout < 2; timeout++) {
        net_begin("");
        struct csock_wait w = {.deadline = timeout ? 0 : csock_deadline(700 * MS),
                               .timeout = timeout ? 700 * MS : 0};
        assert_int_equal(net_dial("ABCDE", PLAIN, &w, log_text), CSOCK_ETIMEOUT);
        assert_int_equal(net_report.n_attempts, 3);
        assert_int_equal(net_report.n_untried, 2);
        assert_int_equal(net_report.decisive, 0);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(net_report.attempts[i].err, CSOCK_ETIMEOUT);
        assert_in_range(net_report.elapsed, 700 * MS, 701 * MS);
        expect("0+A 250+B 500+C 700-A 700-B 700-C");
    }
}

/* The only one has all the time, and waits in connect's own wait. */
static void a_single_address_has_the_whole_time(void **state)
{
    (void)state;
    net_begin("A90000");
    assert_int_equal(net_dial("A", PLAIN, WITHIN(100000 * MS), log_text), 0);
    expect("0+A 90000=A");
    net_begin("A90000");
    assert_int_equal(net_dial("A", PLAIN, WITHIN(80000 * MS), log_text), CSOCK_ETIMEOUT);
    expect("0+A 80000-A");
}

static void no_time_at_all(void **state)
{
    (void)state;
    assert_int_equal(dial("a1", "aA", PLAIN, NOWAIT), CSOCK_ETIMEOUT);
    expect("0+a 0-a");
    assert_int_equal(dial("a0", "aA", PLAIN, NOWAIT), 0); /* what is there at once is taken */
    expect("0+a 0=a");
}

static void failures_do_not_outlast_the_deadline(void **state)
{
    (void)state;
    net_begin("A10!111 B10!111 C10!111 D10!111");
    assert_int_equal(net_dial("ABCD", PLAIN, WITHIN(20 * MS), log_text), CSOCK_ETIMEOUT);
    expect("0+A 10-A 10+B 20-B");
}

static void the_delay_is_never_under_10_ms(void **state)
{
    (void)state;
    assert_int_equal(dial("C5", "ABC", (struct csock_dial){.attempt_delay = 1}, NULL), 0);
    expect("0+A 10+B 20+C 25=C 25-A 25-B");
    assert_int_equal(
        dial("B5", "AB", (struct csock_dial){.attempt_delay = INT64_MAX}, WITHIN(7200 * 1000 * MS)),
        0);
    expect("0+A 3600000+B 3600005=B 3600005-A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_black_hole_costs_a_quarter_of_a_second),
        TEST(the_first_may_still_win),
        TEST(families_take_turns),
        TEST(a_failure_is_followed_at_once),
        TEST(when_all_fail_all_errors_are_kept),
        TEST(which_error_tells_most),
        TEST(two_that_connect_in_one_instant),
        TEST(one_fails_and_one_connects_in_one_instant),
        TEST(one_connects_and_one_fails_in_one_instant),
        TEST(six_in_flight_and_the_oldest_gives_way),
        TEST(a_deadline_bounds_the_whole),
        TEST(a_single_address_has_the_whole_time),
        TEST(no_time_at_all),
        TEST(failures_do_not_outlast_the_deadline),
        TEST(the_delay_is_never_under_10_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
