/* The order in which addresses are tried. Addresses are single letters here: small ones IPv4, large
 * ones IPv6. An answer is written as them, a family's own after "+" (IPv4) or "^" (IPv6); "!" takes
 * the next, "?" puts it back. Sections are those of RFC 8305. */
#include "util.h"

#include "dial/order.h"

static const struct {
    const char *section, *what, *script, *expected;
} rows[] = {
    {"4", "libc's order decides which family begins: IPv6", "ABab !!!!", "AaBb"},
    {"4", "and IPv4", "abAB !!!!", "aAbB"},
    {"4", "families take turns however they stand", "ABCa !!!!", "AaBC"},
    {"4", "within a family libc's order holds", "aCbABc !!!!!!", "aCbAcB"},
    {"4", "one family", "abc !!!", "abc"},
    {"4", "no more than there are", "a !!", "a-"},
    {"4", "nothing", " !", "-"},
    {"4", "the same address twice is one", "aAaA !!!", "aA-"},
    {"3", "IPv6 goes before IPv4 that came first", "+ab ^A !!!", "Aab"},
    {"3", "IPv4 goes after IPv6 that came first", "^AB +a !!!", "AaB"},
    {"3", "IPv6 that comes late has its turn next", "+ab ! ^AB !!!", "aAbB"},
    {"3", "a whole answer decides the order of what is left", "^AB +ab ! baBA !!!!", "AbBa-"},
    {"3", "and adds what is new", "+a ! abAB !!!!", "aAbB-"},
    {"3", "and lists twice nothing", "^A +a AaAa !!!", "Aa-"},
    {"3", "what a whole answer lacks stays, last", "+abc ! c !!!", "acb-"},
    {"-", "put back, it is the next", "ABa !?!!!", "A?AaB"},
    {"-", "put back when another family's turn was", "ABab !!?!!!", "Aa?aBb"},
};

static struct csock__candidate candidate(char letter)
{
    struct csock__candidate c = {.len = sizeof c.addr.in};
    if (letter >= 'a') {
        c.addr.in.sin_family = AF_INET;
        c.addr.in.sin_port = (in_port_t)letter;
    } else {
        c.addr.in6.sin6_family = AF_INET6;
        c.addr.in6.sin6_port = (in_port_t)letter;
        c.len = sizeof c.addr.in6;
    }
    return c;
}

static char letter_of(const struct csock__candidate *c)
{
    return (char)(c->addr.any.sa_family == AF_INET ? c->addr.in.sin_port : c->addr.in6.sin6_port);
}

static const char *answer(struct csock__order *o, const char *at)
{
    struct csock__candidate list[16];
    struct csock__found a = {.list = list, .first = *at != '+'};
    size_t waiting = o->waiting;
    for (at += *at == '+' || *at == '^'; *at >= 'A'; at++)
        list[a.n++] = candidate(*at);
    ssize_t fresh = csock__order_add(o, &a);
    assert_true(fresh >= 0);
    assert_int_equal(o->waiting, waiting + (size_t)fresh);
    return at;
}

static void take(struct csock__order *o, char *log)
{
    struct csock__candidate *c = csock__order_next(o);
    log[strlen(log)] = c ? letter_of(c) : '-';
}

static void put_back(struct csock__order *o, char *log)
{
    struct csock__candidate c = candidate(log[strlen(log) - 1]);
    csock__order_put_back(o, &c.addr.any, c.len);
    log[strlen(log)] = '?';
}

static void play(const char *script, char log[64])
{
    struct csock__order o = {0};
    memset(log, 0, 64);
    while (*script) {
        if (*script == '!')
            take(&o, log);
        else if (*script == '?')
            put_back(&o, log);
        else if (*script != ' ') {
            script = answer(&o, script);
            continue;
        }
        script++;
    }
    csock__order_free(&o);
    assert_int_equal(fake_live(), 0);
}

static void the_table(void **state)
{
    char log[64];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        play(rows[i].script, log);
        if (strcmp(log, rows[i].expected) != 0)
            fail_msg("section %s, %s: %s gives %s, not %s", rows[i].section, rows[i].what,
                     rows[i].script, log, rows[i].expected);
    }
}

static void many_addresses(void **state)
{
    struct csock__order o = {0};
    struct csock__candidate c = candidate('a');
    (void)state;
    fake_guard();
    for (in_port_t i = 0; i < 500; i++) {
        c.addr.in.sin_port = i;
        assert_int_equal(csock__order_add(&o, &(struct csock__found){.list = &c, .n = 1}), 1);
    }
    for (in_port_t i = 0; i < 500; i++)
        assert_int_equal(csock__order_next(&o)->addr.in.sin_port, i);
    assert_null(csock__order_next(&o));
    csock__order_put_back(&o, &c.addr.any, c.len);
    assert_int_equal(o.waiting, 1);
    assert_int_equal(csock__order_next(&o)->addr.in.sin_port, c.addr.in.sin_port);
    csock__order_free(&o);
}

static void without_memory_nothing_changes(void **state)
{
    struct csock__order o = {0};
    struct csock__candidate list[40];
    (void)state;
    for (size_t i = 0; i < COUNT(list); i++) {
        list[i] = candidate('a');
        list[i].addr.in.sin_port = (in_port_t)i;
    }
    assert_int_equal(csock__order_add(&o, &(struct csock__found){.list = list, .n = 3}), 3);
    fake_fail(FAKE_ALLOC, 1, ENOMEM);
    assert_int_equal(csock__order_add(&o, &(struct csock__found){.list = list, .n = 40}), -ENOMEM);
    assert_int_equal(o.waiting, 3);
    assert_int_equal(csock__order_add(&o, &(struct csock__found){.list = list, .n = 40}), 37);
    csock__order_free(&o);
    assert_int_equal(fake_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(the_table), TEST(many_addresses),
                                       TEST(without_memory_nothing_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
