/* What is remembered of names whose AAAA answer never comes. */
#include "util.h"

#include "dial/memory.h"

#define SECOND (1000 * MS)

static void for_five_minutes(void **state)
{
    int64_t now = 5000 * SECOND;
    (void)state;
    assert_false(csock__silence_known("host.example", now));
    csock__silence_note("host.example", now);
    assert_true(csock__silence_known("host.example", now));
    assert_true(csock__silence_known("HOST.example", now));
    assert_false(csock__silence_known("other.example", now));
    assert_true(csock__silence_known("host.example", now + 299 * SECOND));
    assert_false(csock__silence_known("host.example", now + 300 * SECOND));
    assert_false(csock__silence_known("host.example", now + 100000 * SECOND));
}

static void until_it_comes_after_all(void **state)
{
    (void)state;
    csock__silence_note("a.example", SECOND);
    csock__silence_forget("b.example");
    assert_true(csock__silence_known("a.example", SECOND));
    csock__silence_forget("a.example");
    assert_false(csock__silence_known("a.example", SECOND));
}

/* A newer one takes the place of an older one, and costs nothing. */
static void of_as_many_as_there_is_room_for(void **state)
{
    char name[32];
    int known = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "host%d.example", i);
        csock__silence_note(name, SECOND);
        assert_true(csock__silence_known(name, SECOND));
    }
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "host%d.example", i);
        known += csock__silence_known(name, SECOND);
    }
    assert_in_range(known, 100, 256);
    assert_int_equal(fake_calls(FAKE_ALLOC), 0);
}

/* The count of seconds has 24 bits. */
static void where_seconds_begin_anew(void **state)
{
    int64_t now = ((INT64_C(1) << 24) - 10) * SECOND;
    (void)state;
    csock__silence_note("host.example", now);
    assert_true(csock__silence_known("host.example", now + 299 * SECOND));
    assert_false(csock__silence_known("host.example", now + 300 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(for_five_minutes), TEST(until_it_comes_after_all),
                                       TEST(of_as_many_as_there_is_room_for),
                                       TEST(where_seconds_begin_anew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
