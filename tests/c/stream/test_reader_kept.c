/* Readers whose calls fail: what came is there for the next call, and outputs are untouched. */
#include "script.h"

#define LARGE 200000 /* goes straight to the caller */

static struct csock_reader r;
static struct script script;
static char buf[2 * LARGE], large[2 * LARGE];
static const char *data;

#define BEGIN(limit, ...) \
    static const struct script_step steps[] = {__VA_ARGS__}; \
    (void)state; \
    data = "untouched"; \
    script_begin(&r, &script, steps, COUNT(steps), limit)

static void holds(const char *text)
{
    const char *there;
    assert_int_equal(csock_reader_pending(&r), strlen(text));
    assert_int_equal(csock_reader_peek(&r, strlen(text), &there, NULL), strlen(text));
    assert_memory_equal(there, text, strlen(text));
    assert_string_equal(data, "untouched");
}

static void every_call_keeps_what_came(void **state)
{
    BEGIN(9, FAILS(CSOCK_ETIMEOUT), GIVES("a"), FAILS(CSOCK_ETIMEOUT), GIVES("b"), FAILS(-EAGAIN),
          GIVES("c"), FAILS(CSOCK_ECLOSED), GIVES("d"), FAILS(CSOCK_EINTERRUPTED), GIVES("e\r"),
          FAILS(-ECONNRESET), GIVES("\n"), FAILS(-EIO));
    const struct csock_separator end = {"\r\n", 2};
    assert_int_equal(csock_reader_some(&r, buf, 9, NULL), CSOCK_ETIMEOUT);
    assert_int_equal(csock_reader_exactly(&r, buf, 2, NULL), CSOCK_ETIMEOUT);
    holds("a");
    assert_int_equal(csock_reader_line(&r, &data, NULL), -EAGAIN);
    holds("ab");
    assert_int_equal(csock_reader_peek(&r, 5, &data, NULL), CSOCK_ECLOSED);
    holds("abc");
    assert_int_equal(csock_reader_until(&r, &end, 1, &data, NULL), CSOCK_EINTERRUPTED);
    holds("abcd");
    assert_int_equal(csock_reader_until(&r, &end, 1, &data, NULL), -ECONNRESET);
    holds("abcde\r");
    assert_int_equal(csock_reader_until(&r, &end, 1, &data, NULL), 7);
    assert_memory_equal(data, "abcde\r\n", 7);
    assert_int_equal(csock_reader_some(&r, buf, LARGE, NULL), -EIO);
    assert_int_equal(csock_reader_pending(&r), 0);
    script_end(&r, &script);
}

static void an_end_in_the_middle_keeps_what_came(void **state)
{
    BEGIN(9, GIVES("abc"), ENDS);
    const struct csock_separator end = {"\r\n", 2};
    assert_int_equal(csock_reader_exactly(&r, buf, 4, NULL), CSOCK_EINCOMPLETE);
    holds("abc");
    assert_int_equal(csock_reader_exactly(&r, buf, LARGE, NULL), CSOCK_EINCOMPLETE);
    holds("abc");
    assert_int_equal(csock_reader_until(&r, &end, 1, &data, NULL), CSOCK_EINCOMPLETE);
    holds("abc");
    assert_false(csock_reader_at_end(&r));
    assert_int_equal(csock_reader_some(&r, buf, 9, NULL), 3);
    assert_true(csock_reader_at_end(&r));
    script_end(&r, &script);
}

static void fill_large(void)
{
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 31 % 251);
}

/* Half of it has come to the caller's memory when it fails, in two pieces, behind what was there
 * before. */
static void large_reads_keep_what_came_straight(void **state)
{
    static const int errors[] = {CSOCK_ETIMEOUT, CSOCK_EINTERRUPTED, -ECONNRESET, 0};
    (void)state;
    fill_large();
    for (unsigned i = 0; i < COUNT(errors); i++) {
        const struct script_step steps[] = {{.data = large, .n = 10},
                                            {.data = large + 10, .n = 70000},
                                            {.data = large + 70010, .n = 20000},
                                            {.err = errors[i]},
                                            {.data = large + 90010, .n = LARGE - 90010 + 5}};
        bool ends = errors[i] == 0;
        fake_install();
        fake_guard();
        script_begin(&r, &script, steps, ends ? 4 : 5, 9);
        assert_int_equal(csock_reader_exactly(&r, buf, 3, NULL), 3);
        int err = ends ? CSOCK_EINCOMPLETE : errors[i];
        assert_int_equal(csock_reader_exactly(&r, buf, LARGE, NULL), err);
        assert_int_equal(csock_reader_pending(&r), 90007);
        assert_int_equal(csock_reader_peek(&r, 90007, &data, NULL), 90007);
        assert_memory_equal(data, large + 3, 90007);
        if (!ends) {
            assert_int_equal(csock_reader_exactly(&r, buf, LARGE, NULL), LARGE);
            assert_memory_equal(buf, large + 3, LARGE);
            assert_int_equal(csock_reader_some(&r, buf, 9, NULL), 2);
        }
        script_end(&r, &script);
    }
}

/* Room for what may come is there before it does: where there is no memory, nothing is received. */
static void without_memory_nothing_is_received(void **state)
{
    BEGIN(9, GIVES("abc"), GIVES("\n"));
    const struct csock_separator end = {"\r\n", 2};
    fake_fail(FAKE_ALLOC, FAKE_EVERY, ENOMEM);
    assert_int_equal(csock_reader_some(&r, buf, 9, NULL), -ENOMEM);
    assert_int_equal(csock_reader_exactly(&r, buf, 9, NULL), -ENOMEM);
    assert_int_equal(csock_reader_exactly(&r, buf, LARGE, NULL), -ENOMEM);
    assert_int_equal(csock_reader_line(&r, &data, NULL), -ENOMEM);
    assert_int_equal(csock_reader_until(&r, &end, 1, &data, NULL), -ENOMEM);
    assert_int_equal(csock_reader_peek(&r, 1, &data, NULL), -ENOMEM);
    holds("");
    assert_int_equal(script.at, 0);
    fake_install();
    assert_int_equal(csock_reader_exactly(&r, buf, 2, NULL), 2);
    fake_fail(FAKE_ALLOC, FAKE_EVERY, ENOMEM);
    assert_int_equal(csock_reader_exactly(&r, buf, LARGE, NULL), -ENOMEM);
    holds("c");
    assert_int_equal(script.at, 1);
    assert_int_equal(csock_reader_line(&r, &data, NULL), 2); /* there is room for that */
    assert_int_equal(csock_reader_exactly(&r, buf, SIZE_MAX / 2 + 1, NULL), -EINVAL);
    csock_reader_free(&r);
}

/* Where it is only the second block, or a later one, that cannot be had. */
static void without_more_memory_all_is_kept(void **state)
{
    enum { N = 3000000 };
    static char text[N], into[N];
    (void)state;
    for (size_t i = 0; i < N; i++)
        text[i] = (char)(i * 13 % 251);
    for (unsigned nth = 2; nth < 4; nth++) {
        const struct script_step steps[] = {{.data = text, .n = 1500000},
                                            {.data = text + 1500000, .n = N - 1500000}};
        fake_install();
        fake_guard();
        script_begin(&r, &script, steps, COUNT(steps), 9);
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        ssize_t n = csock_reader_exactly(&r, into, N, NULL);
        size_t there = csock_reader_pending(&r);
        assert_int_equal(n, -ENOMEM);
        assert_in_range(there, 1, N - 1);
        assert_int_equal(csock_reader_peek(&r, there, &data, NULL), there);
        assert_memory_equal(data, text, there);
        assert_int_equal(csock_reader_exactly(&r, into, N, NULL), N);
        assert_memory_equal(into, text, N);
        script_end(&r, &script);
    }
}

/* A block as large as that is not kept for what is to come. */
static void a_very_large_block_is_let_go_of(void **state)
{
    static char text[6000000];
    static const struct script_step steps[] = {{.data = text, .n = sizeof text}, GIVES("ab")};
    (void)state;
    script_begin(&r, &script, steps, COUNT(steps), 9);
    assert_int_equal(csock_reader_peek(&r, sizeof text, &data, NULL), sizeof text);
    assert_true(r.size >= sizeof text);
    assert_int_equal(csock_reader_skip(&r, sizeof text), sizeof text);
    assert_int_equal(csock_reader_exactly(&r, buf, 2, NULL), 2);
    assert_in_range(r.size, 2, 131072);
    script_end(&r, &script);
}

static void a_line_beyond_the_limit_is_kept(void **state)
{
    BEGIN(3, GIVES("abcd"), GIVES("efgh\n"), ENDS);
    assert_int_equal(csock_reader_line(&r, &data, NULL), CSOCK_EOVERRUN);
    holds("abcd");
    assert_int_equal(csock_reader_overrun(&r), 4);
    assert_int_equal(csock_reader_peek(&r, 5, &data, NULL), 5);
    data = "untouched";
    assert_int_equal(csock_reader_line(&r, &data, NULL), CSOCK_EOVERRUN);
    assert_int_equal(csock_reader_overrun(&r), 8); /* the newline stands there */
    holds("abcdefgh\n");
    assert_int_equal(csock_reader_skip(&r, 9), 9);
    assert_int_equal(csock_reader_line(&r, &data, NULL), 0);
    script_end(&r, &script);
}

static void the_wait_goes_to_the_source(void **state)
{
    const struct csock_wait wait = {.deadline = CSOCK_NOWAIT};
    BEGIN(9, GIVES("a\n"), GIVES("b\n"));
    assert_int_equal(csock_reader_line(&r, &data, &wait), 2);
    assert_ptr_equal(script.w, &wait);
    assert_int_equal(csock_reader_line(&r, &data, NULL), 2);
    assert_null(script.w);
    script_end(&r, &script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_call_keeps_what_came),          TEST(an_end_in_the_middle_keeps_what_came),
        TEST(large_reads_keep_what_came_straight), TEST(without_memory_nothing_is_received),
        TEST(without_more_memory_all_is_kept),     TEST(a_very_large_block_is_let_go_of),
        TEST(a_line_beyond_the_limit_is_kept),     TEST(the_wait_goes_to_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
