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

/* ---- what this machine lacks */

static void without_descriptors_those_that_run_go_on(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        net_begin("A600 a10");
        fake_fail(FAKE_SOCKET, 2, errors[i]);
        assert_int_equal(net_dial("Aa", PLAIN, NULL, log_text), 0);
        assert_int_equal(net_report.n_attempts, 3);
        assert_int_equal(net_report.attempts[1].err, -errors[i]);
        expect("0+A 250-a 500+a 510=a 510-A");
        fake_install();
    }
}

static void without_descriptors_from_the_start(void **state)
{
    (void)state;
    net_begin("");
    fake_fail(FAKE_SOCKET, FAKE_EVERY, EMFILE);
    assert_int_equal(net_dial("Aa", PLAIN, NULL, log_text), -EMFILE);
    assert_int_equal(net_report.n_attempts, 2);
    expect("0-A 0-a");
}

static void without_memory(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        net_begin("j10");
        int live = fake_live();
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        int r = net_dial("abcdefghij", PLAIN, NULL, log_text);
        csock_dial_report_free(&net_report);
        assert_in_range(fake_live() - live, 0, 1); /* the record of this thread */
        fake_install();
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
    }
}

/* ---- options, sources, modes */

static void with_a_port_of_its_own_attempts_do_not_overlap(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(39)};
    struct csock_dial_addr source = {(struct sockaddr *)&any, sizeof any};
    (void)state;
    net_begin("a900!110 b10");
    fake_fail(FAKE_BIND, 3, EADDRINUSE);
    struct csock_dial d = {.sources = &source, .n_sources = 1};
    assert_int_equal(net_dial("AaBb", d, NULL, log_text), 0);
    assert_int_equal(net_report.n_found, 4);
    assert_int_equal(net_report.n_left_out, 2);
    expect("0+a 900-a 900+b 910=b");
}

static void families_of_sources_and_filter(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct csock_dial_addr source = {(struct sockaddr *)&any, sizeof any};
    (void)state;
    assert_int_equal(dial("", "AB", (struct csock_dial){.sources = &source, .n_sources = 1}, NULL),
                     CSOCK_EEXCLUDED);
    assert_int_equal(net_report.n_left_out, 2);
    expect("");
    assert_int_equal(dial("", "AB", (struct csock_dial){.family = AF_INET}, NULL), CSOCK_EEXCLUDED);
    expect("");
    assert_int_equal(dial("B5", "aABb", (struct csock_dial){.family = AF_INET6}, NULL), 0);
    expect("0+A 250+B 255=B 255-A");
    assert_int_equal(dial("", "", PLAIN, NULL), CSOCK_ENOADDR);
    assert_int_equal(net_report.stage, CSOCK_DIAL_LOOKUP);
    expect("");
}

static void an_option_that_cannot_be_set_fails_the_attempt(void **state)
{
    int on = 1;
    struct csock_dial_option options[] = {{SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on},
                                          {IPPROTO_IPV6, IPV6_UNICAST_HOPS, &on, sizeof on}};
    (void)state;
    assert_int_equal(
        dial("A5 a5", "aA", (struct csock_dial){.options = options, .n_options = 2}, NULL), 0);
    assert_int_equal(net_report.attempts[0].err, -ENOPROTOOPT);
    expect("0-a 0+A 5=A");
}

/* ---- callbacks */

struct stops {
    int nth, seen, places;
    bool place;
    char log[128];
    struct csock rooms[8];
};

static int stop_step(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step)
{
    struct stops *stops = arg;
    size_t n = strlen(stops->log);
    snprintf(stops->log + n, sizeof stops->log - n, "%c%c", "bce"[step], net_letter(&a->addr));
    assert_true(step == CSOCK_DIAL_END ? (a->s != NULL) == (a->err == 0) : csock_fd(a->s) >= 0);
    return step != CSOCK_DIAL_END && ++stops->seen == stops->nth;
}

static struct csock *place(void *arg, const struct csock_dial_attempt *a)
{
    struct stops *stops = arg;
    stops->places++;
    assert_null(a->s);
    return stops->place ? &stops->rooms[a->index] : NULL;
}

static void a_callback_that_says_so_ends_all(void **state)
{
    struct stops stops = {.nth = 3};
    (void)state;
    assert_int_equal(dial("", "ABCD", (struct csock_dial){.step = stop_step, .arg = &stops}, NULL),
                     CSOCK_EINTERRUPTED);
    assert_string_equal(stops.log, "cAcBcCeCeAeB");
    assert_int_equal(net_report.n_attempts, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(net_report.attempts[i].err, -ECANCELED);
    assert_int_equal(net_report.decisive, -1);
    csock_dial_report_free(&net_report);
}

static void no_place_ends_all(void **state)
{
    struct stops stops = {0};
    (void)state;
    assert_int_equal(dial("", "ABCD", (struct csock_dial){.place = place, .arg = &stops}, NULL),
                     CSOCK_EINTERRUPTED);
    assert_int_equal(stops.places, 1);
    assert_int_equal(fake_calls(FAKE_SOCKET), 0);
    csock_dial_report_free(&net_report);
}

static void sockets_are_where_the_caller_wants_them(void **state)
{
    struct stops stops = {.place = true};
    struct csock_dial d = {.place = place, .step = stop_step, .arg = &stops};
    (void)state;
    net_winner = (struct csock)CSOCK_INIT;
    assert_int_equal(dial("A5!111 B300 a300", "AaB", d, NULL), 0);
    assert_ptr_equal(net_report.attempts[net_report.decisive].s, &stops.rooms[1]);
    assert_string_equal(stops.log, "cAeAcacBeaeB");
    for (size_t i = 0; i < COUNT(stops.rooms); i++) {
        assert_int_equal(csock_fd(&stops.rooms[i]) >= 0, i == 1);
        if (i != 1)
            assert_true(csock_idle(&stops.rooms[i]));
    }
    util_close(&stops.rooms[1]);
    csock_dial_report_free(&net_report);
}

/* A hook that kept the socket may close it: that attempt has failed, the others go on. */
static int close_first(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step)
{
    struct csock_dial_attempt *seen = arg;
    seen[a->index] = *a;
    if (step == CSOCK_DIAL_CONNECT && a->index == 1)
        csock_close(seen[0].s);
    return 0;
}

static void an_attempt_that_somebody_closes_has_failed(void **state)
{
    struct csock_dial_attempt seen[3];
    (void)state;
    assert_int_equal(
        dial("a400", "AaB", (struct csock_dial){.step = close_first, .arg = seen}, NULL), 0);
    assert_int_equal(net_report.attempts[0].err, CSOCK_ECLOSED);
    assert_in_range(net_report.attempts[2].began, 250 * MS, 251 * MS); /* at once after that */
    csock_dial_report_free(&net_report);
}

static int stop_now(void *arg)
{
    (void)arg;
    return 1;
}

static void a_signal_may_end_all(void **state)
{
    struct csock_wait w = {.interrupted = stop_now};
    (void)state;
    net_begin("");
    fake_fail(FAKE_POLL, 2, EINTR);
    assert_int_equal(net_dial("ABC", PLAIN, &w, log_text), CSOCK_EINTERRUPTED);
    expect("0+A 250+B 250-A 250-B");
}

static void or_be_let_go_by(void **state)
{
    atomic_int times = 0;
    struct csock_wait w = {.interrupted = util_count_interrupted, .arg = &times};
    (void)state;
    net_begin("B5");
    fake_fail(FAKE_POLL, 1, EINTR);
    fake_fail(FAKE_POLL, 2, EINTR);
    assert_int_equal(net_dial("AB", PLAIN, &w, log_text), 0);
    assert_int_equal(atomic_load(&times), 2);
    expect("0+A 250+B 255=B 255-A");
}

static void bad_arguments(void **state)
{
    (void)state;
    assert_int_equal(csock_dial(NULL, &PLAIN, NULL, NULL), -EINVAL);
    assert_int_equal(
        csock_dial(&net_winner, &(struct csock_dial){.host = "::1", .port = 65536}, NULL, NULL),
        CSOCK_EPORT);
    assert_int_equal(
        csock_dial(&net_winner, &(struct csock_dial){.host = "::1", .port = -1}, &net_report, NULL),
        CSOCK_EPORT);
    csock_dial_report_free(&net_report);
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
        TEST(six_in_flight_and_the_oldest_gives_way),
        TEST(a_deadline_bounds_the_whole),
        TEST(a_single_address_has_the_whole_time),
        TEST(no_time_at_all),
        TEST(failures_do_not_outlast_the_deadline),
        TEST(the_delay_is_never_under_10_ms),
        TEST(without_descriptors_those_that_run_go_on),
        TEST(without_descriptors_from_the_start),
        TEST(without_memory),
        TEST(with_a_port_of_its_own_attempts_do_not_overlap),
        TEST(families_of_sources_and_filter),
        TEST(an_option_that_cannot_be_set_fails_the_attempt),
        TEST(a_callback_that_says_so_ends_all),
        TEST(no_place_ends_all),
        TEST(sockets_are_where_the_caller_wants_them),
        TEST(an_attempt_that_somebody_closes_has_failed),
        TEST(a_signal_may_end_all),
        TEST(or_be_let_go_by),
        TEST(bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
