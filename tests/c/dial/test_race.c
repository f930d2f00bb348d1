/* The race of attempts, as a table: what happens and when, and what begins and when. Sections are
 * those of RFC 8305; "-" stands beside what is ours. Nothing sleeps, nothing connects.
 *
 * What happens is written "<ms> <event>", one after the other:
 *   6+N 4+N *+N   an answer with N addresses about IPv6, IPv4, both, which has some of each
 *   *6+N *4+N     an answer about both, which has some of that family alone
 *   6- 4- *-      an answer without addresses
 *   fail win      an attempt has failed; one has connected
 *   end           something ended all
 * How: "attempt=N resolution=N" (ms), "one" (at a time), "only4" (IPv6 was not asked for),
 * "starved=N" and "fails=N": which begins starve, or fail at once, in digits.
 * What is expected: "<ms> begin", "give-up", "starved", "fails" (when it was to begin), "lost"; and
 * at the end "idle": nothing is to happen by itself any more. */
#include "util.h"

#include "dial/race.h"

struct row {
    const char *section, *what, *how, *happens, *expected;
};

static const struct row rows[] = {
    {"5", "one after the other, 250 ms apart", "", "0 *+3", "0 begin 250 begin 500 begin idle"},
    {"5", "as far apart as asked", "attempt=100", "0 *+3", "0 begin 100 begin 200 begin idle"},
    {"5", "a single address has all the time", "", "0 *4+1", "0 begin idle"},
    {"5", "at once when one has failed", "", "0 *+3 20 fail", "0 begin 20 begin 270 begin idle"},
    {"5", "at once each time", "", "0 *+3 20 fail 30 fail", "0 begin 20 begin 30 begin idle"},
    {"5", "at once when the earlier one has failed", "", "0 *+4 260 fail",
     "0 begin 250 begin 260 begin 510 begin idle"},
    {"5", "two have failed at once: two begin", "", "0 *+4 260 fail 260 fail",
     "0 begin 250 begin 260 begin 260 begin idle"},
    {"5", "an error of this machine's own is one, too", "fails=0", "0 *+3",
     "0 begin 0 fails 0 begin 250 begin idle"},
    {"5", "all have failed: at once", "", "0 *+2 10 fail 20 fail", "0 begin 10 begin 20 lost"},
    {"5", "all fail when they are to begin", "fails=012", "0 *+3",
     "0 begin 0 fails 0 begin 0 fails 0 begin 0 fails 0 lost"},
    {"5", "the last one fails while others run", "", "0 *+2 300 fail 9000 fail",
     "0 begin 250 begin 9000 lost"},
    {"5", "an earlier one wins: nothing begins after", "", "0 *+4 260 win",
     "0 begin 250 begin idle"},
    {"5", "one wins at once", "", "0 *+4 1 win", "0 begin idle"},
    {"5", "one wins and one fails in the same instant", "", "0 *+4 260 win 260 fail",
     "0 begin 250 begin idle"},
    {"5", "one fails and one wins in the same instant", "", "0 *+2 260 fail 260 win",
     "0 begin 250 begin idle"},
    {"-", "no timer where nothing is to begin", "", "0 *+2", "0 begin 250 begin idle"},
    {"-", "at most six are in flight", "", "0 *+8",
     "0 begin 250 begin 500 begin 750 begin 1000 begin 1250 begin 1500 give-up 1500 begin 1750 "
     "give-up 1750 begin idle"},
    {"-", "a failure makes room", "", "0 *+7 1300 fail",
     "0 begin 250 begin 500 begin 750 begin 1000 begin 1250 begin 1300 begin idle"},
    {"-", "with a port of its own: no two at a time", "one", "0 *+3 1000 fail",
     "0 begin 1000 begin idle"},
    {"-", "the same, but a lost race", "one", "0 *+2 1000 fail 3000 fail",
     "0 begin 1000 begin 3000 lost"},
    {"-", "the same, and a late answer", "one", "0 4+1 900 6+1 1000 fail",
     "50 begin 1000 begin idle"},

    {"3", "IPv6 alone waits for nothing", "", "0 6+1", "0 begin idle"},
    {"3", "IPv4 alone waits 50 ms", "", "0 4+1", "50 begin idle"},
    {"3", "as long as asked", "resolution=20", "0 4+1", "20 begin idle"},
    {"3", "or not at all", "resolution=0", "0 4+1", "0 begin idle"},
    {"3", "IPv6 comes within these 50 ms", "", "0 4+1 30 6+1", "30 begin 280 begin idle"},
    {"3", "no IPv6 is an answer", "", "0 4+1 30 6-", "30 begin idle"},
    {"3", "no IPv6, then IPv4", "", "0 6- 30 4+1", "30 begin idle"},
    {"3", "no IPv4, then IPv6", "", "0 4- 30 6+1", "30 begin idle"},
    {"3", "a whole answer waits for nothing", "", "0 *4+2", "0 begin 250 begin idle"},
    {"3", "a whole answer within these 50 ms", "", "0 4+1 30 *4+1", "30 begin 280 begin idle"},
    {"3", "IPv6 comes late, and joins", "", "0 4+1 120 6+1", "50 begin 300 begin idle"},
    {"3", "so late that it begins at once", "", "0 4+1 900 6+1", "50 begin 900 begin idle"},
    {"3", "once the first has failed", "", "0 4+1 90 fail 120 6+1", "50 begin 120 begin idle"},
    {"3", "and what failed with nothing to follow it counts once", "",
     "0 *+3 10 fail 20 fail 30 fail 40 6+3", "0 begin 10 begin 20 begin 30 lost"},
    {"3", "late answers after failures do not begin all at once", "",
     "0 4+3 60 fail 70 fail 80 fail 400 6+3",
     "50 begin 60 begin 70 begin 400 begin 650 begin 900 begin idle"},
    {"3", "nor after several that had failed by then", "",
     "0 4+3 600 fail 610 fail 620 fail 700 6+3",
     "50 begin 300 begin 550 begin 700 begin 950 begin 1200 begin idle"},
    {"3", "all have failed, but an answer is on its way: wait", "", "0 4+1 90 fail 500 6-",
     "50 begin 500 lost"},
    {"3", "IPv4 alone was asked for", "only4", "0 4+1", "0 begin idle"},
    {"3", "no addresses at all", "", "0 *-", "0 lost"},
    {"3", "no addresses of either", "", "5 6- 9 4-", "9 lost"},
    {"3", "no answer", "", "", "idle"},
    {"3", "half an answer without addresses", "", "5 6-", "idle"},
    {"-", "ended within the 50 ms: nothing begins", "", "0 4+3 20 end", "idle"},
    {"-", "ended, then the other answer", "", "0 4+3 20 end 30 6+3", "idle"},
    {"-", "ended while attempts are under way", "", "0 *+3 20 end", "0 begin idle"},
    {"-", "ended at the moment of the next", "", "0 *+3 250 end", "0 begin idle"},

    {"-", "no descriptors: go on with those that run, and try again later", "starved=123", "0 *+2",
     "0 begin 250 begin 250 starved 500 begin 500 starved 1000 begin 1000 starved 2000 begin idle"},
    {"-", "and at once when one of them ends", "starved=1", "0 *+2 300 fail",
     "0 begin 250 begin 250 starved 300 begin idle"},
    {"-", "not at once again, where that has starved, too", "starved=2", "0 *+3 300 fail",
     "0 begin 250 begin 300 begin 300 starved 550 begin idle"},
    {"-", "once one has begun, the times are short again", "starved=124", "0 *+3",
     "0 begin 250 begin 250 starved 500 begin 500 starved 1000 begin 1250 begin 1250 starved "
     "1500 begin idle"},
    {"-", "and never longer than 16 s", "starved=123456789", "0 *+2",
     "0 begin 250 begin 250 starved 500 begin 500 starved 1000 begin 1000 starved 2000 begin "
     "2000 starved 4000 begin 4000 starved 8000 begin 8000 starved 16000 begin 16000 starved "
     "32000 begin 32000 starved 48000 begin 48000 starved 64000 begin idle"},
    {"-", "a failure that is followed by none", "fails=1", "0 *+3 20 fail",
     "0 begin 20 begin 20 fails 20 begin idle"},
};

struct run {
    const struct row *row;
    struct csock__race race;
    int64_t now; /* ms */
    unsigned begins;
    char log[1024];
    bool lost;
};

static void note(struct run *run, const char *what)
{
    size_t n = strlen(run->log);
    snprintf(run->log + n, sizeof run->log - n, "%s%d %s", n ? " " : "", (int)run->now, what);
}

/* What stands behind a word of `how`, or NULL. */
static const char *option(const struct row *row, const char *word)
{
    const char *at = strstr(row->how, word);
    return at ? at + strlen(word) : NULL;
}

static bool among(const char *digits, unsigned which)
{
    size_t n = digits ? strspn(digits, "0123456789") : 0;
    return n && which < 10 && memchr(digits, (int)('0' + which), n);
}

static void begin(struct run *run)
{
    unsigned which = run->begins++;
    note(run, "begin");
    if (among(option(run->row, "starved="), which)) {
        note(run, "starved");
        csock__race_starved(&run->race, run->now * MS);
        return;
    }
    csock__race_begun(&run->race, run->now * MS);
    if (among(option(run->row, "fails="), which)) {
        note(run, "fails");
        csock__race_failed(&run->race);
    }
}

/* Does what the race says until it says to wait. */
static void settle(struct run *run)
{
    for (int i = 0; !run->lost; i++) {
        assert_in_range(i, 0, 100); /* or it spins */
        switch (csock__race_ask(&run->race, run->now * MS)) {
        case CSOCK__RACE_BEGIN:
            begin(run);
            break;
        case CSOCK__RACE_GIVE_UP:
            note(run, "give-up");
            csock__race_given_up(&run->race);
            break;
        case CSOCK__RACE_LOST:
            note(run, "lost");
            run->lost = true;
            break;
        case CSOCK__RACE_WAIT:
            return;
        }
    }
}

/* Lets time pass up to ms, or until nothing happens any more. */
static void pass(struct run *run, int64_t ms)
{
    while (!run->lost && run->race.timer != CSOCK__NO_TIMER && run->race.timer < ms * MS) {
        assert_true(run->race.timer > run->now * MS || run->now == 0);
        run->now = run->race.timer / MS;
        settle(run);
    }
}

/* "6+3" and its like. */
static void answer(struct run *run, const char *event)
{
    unsigned families = 0, found = 0;
    size_t n = 0;
    for (; *event != '+' && *event != '-'; event++) {
        if (*event == '*')
            families = found = CSOCK__BOTH;
        else
            found = *event == '6' ? CSOCK__INET6 : CSOCK__INET;
    }
    if (*event == '+')
        n = (size_t)(event[1] - '0');
    families = families ? families : found;
    csock__race_answer(&run->race, run->now * MS, families, n ? found : 0, n);
}

static void happen(struct run *run, const char *event)
{
    if (strcmp(event, "fail") == 0)
        csock__race_failed(&run->race);
    else if (strcmp(event, "win") == 0 || strcmp(event, "end") == 0)
        csock__race_end(&run->race);
    else
        answer(run, event);
}

static int64_t ns_or(const char *ms, int64_t usual)
{
    return ms ? strtol(ms, NULL, 10) * MS : usual;
}

static void play(const struct row *row, struct run *run)
{
    char happens[256], *rest, *at;
    *run = (struct run){.row = row};
    run->race = (struct csock__race){
        .attempt_delay = ns_or(option(row, "attempt="), CSOCK_DIAL_ATTEMPT_DELAY),
        .resolution_delay = ns_or(option(row, "resolution="), CSOCK_DIAL_RESOLUTION_DELAY),
        .one_at_a_time = option(row, "one") != NULL,
        .unknown = option(row, "only4") ? CSOCK__INET : CSOCK__BOTH};
    snprintf(happens, sizeof happens, "%s", row->happens);
    settle(run);
    at = strtok_r(happens, " ", &rest);
    for (bool more = at != NULL; more && !run->lost;) {
        int64_t when = strtol(at, NULL, 10);
        pass(run, when);
        run->now = when;
        /* All of one moment are heard before anybody asks. */
        do {
            happen(run, strtok_r(NULL, " ", &rest));
            at = strtok_r(NULL, " ", &rest);
            more = at != NULL;
        } while (more && strtol(at, NULL, 10) == when);
        settle(run);
    }
    pass(run, INT64_MAX / MS);
    if (!run->lost)
        strcat(run->log, run->log[0] ? " idle" : "idle");
}

static void the_table(void **state)
{
    static struct run run;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        play(&rows[i], &run);
        if (strcmp(run.log, rows[i].expected) != 0)
            fail_msg("section %s, %s:\n  %s\n  is   %s\n  not  %s", rows[i].section, rows[i].what,
                     rows[i].happens, run.log, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
