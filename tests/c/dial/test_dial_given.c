/* csock_dial() over a scripted network: what is given to it, what it lacks, what calls back. */
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
