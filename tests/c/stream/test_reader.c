/* Readers: what each call gives, from whatever pieces the bytes come in. What is kept where one
 * fails is in test_reader_kept.c, readers over sockets in test_reader_socket.c. */
#include "script.h"

static struct csock_reader r;
static struct script script;
static char buf[256 * 1024];
static const char *data, *const into = buf;

#define BEGIN(limit, ...) \
    static const struct script_step steps[] = {__VA_ARGS__}; \
    (void)state; \
    script_begin(&r, &script, steps, COUNT(steps), limit)

/* n is what a call gave, got where it says that the bytes are. */
static void expect(ssize_t n, const char *const *got, const char *text)
{
    assert_int_equal(n, strlen(text));
    assert_memory_equal(*got, text, strlen(text));
}

static void exactly(const char *text)
{
    memset(buf, '?', strlen(text));
    expect(csock_reader_exactly(&r, buf, strlen(text), NULL), &into, text);
}

static void line(const char *text)
{
    expect(csock_reader_line(&r, &data, NULL), &data, text);
}

static ssize_t until(const char *a, const char *b)
{
    const struct csock_separator seps[] = {{a, strlen(a)}, {b, b ? strlen(b) : 0}};
    return csock_reader_until(&r, seps, b ? 2 : 1, &data, NULL);
}

static void an_empty_reader_has_nothing(void **state)
{
    void *rest = buf;
    BEGIN(10, ENDS);
    assert_int_equal(csock_reader_pending(&r), 0);
    assert_false(csock_reader_at_end(&r));
    assert_int_equal(csock_reader_skip(&r, 5), 0);
    assert_int_equal(csock_reader_unread(&r, 0), 0);
    assert_int_equal(csock_reader_unread(&r, 1), -EINVAL);
    assert_int_equal(csock_reader_exactly(&r, NULL, 0, NULL), 0);
    assert_int_equal(csock_reader_some(&r, NULL, 0, NULL), 0);
    assert_int_equal(csock_reader_peek(&r, 0, &data, NULL), 0);
    assert_int_equal(csock_reader_detach(&r, &rest), 0);
    assert_null(rest);
    assert_int_equal(fake_calls(FAKE_ALLOC), 0);
    assert_int_equal(csock_reader_some(&r, buf, 1, NULL), 0);
    assert_true(csock_reader_at_end(&r));
    script_end(&r, &script);
}

static void what_came_too_early_is_for_the_next_call(void **state)
{
    BEGIN(10, GIVES("\3abcline\nsome"), GIVES("xyz"), ENDS);
    exactly("\3");
    exactly("abc");
    line("line\n");
    assert_int_equal(csock_reader_pending(&r), 4);
    expect(csock_reader_some(&r, buf, 3, NULL), &into, "som");
    exactly("ex");
    expect(csock_reader_some(&r, buf, 99, NULL), &into, "yz");
    assert_false(csock_reader_at_end(&r)); /* as far as is known */
    assert_int_equal(csock_reader_some(&r, buf, 9, NULL), 0);
    assert_int_equal(csock_reader_some(&r, buf, 9, NULL), 0); /* and nobody is asked again */
    assert_int_equal(csock_reader_line(&r, &data, NULL), 0);
    assert_int_equal(csock_reader_exactly(&r, buf, 1, NULL), CSOCK_EINCOMPLETE);
    assert_true(csock_reader_at_end(&r));
    script_end(&r, &script);
}

static void a_call_goes_on_until_it_has_all(void **state)
{
    BEGIN(10, GIVES("a"), GIVES("b"), GIVES("c\r"), GIVES("\nd"), GIVES("e"), ENDS);
    exactly("ab");
    expect(until("\r\n", NULL), &data, "c\r\n");
    line("de");
    line("");
    script_end(&r, &script);
}

static void of_several_separators_the_one_that_ends_first(void **state)
{
    BEGIN(99, GIVES("a\r\nb\nc\rabcdx"), GIVES("xyzz1--"), GIVES("2"), ENDS);
    expect(until("\n", "\r\n"), &data, "a\r\n");
    expect(until("\r\n", "\n"), &data, "b\n");
    expect(until("\r\n", "\r"), &data, "c\r");
    expect(until("abcdx", "cd"), &data, "abcd");
    expect(until("yzz", "xxy"), &data, "xxy");
    expect(until("z1", "zz1"), &data, "zz1");
    assert_int_equal(until("-2-", "---"), CSOCK_EINCOMPLETE);
    exactly("--2");
    script_end(&r, &script);
}

/* The one that ends there and is shorter has more in front of it: that is what a limit is for. */
static void separators_that_end_together(void **state)
{
    BEGIN(2, GIVES("ab\r\nab\r\n"));
    assert_int_equal(until("\r\n", "\n"), CSOCK_EOVERRUN);
    assert_int_equal(csock_reader_overrun(&r), 3);
    assert_int_equal(until("\n", "\r\n"), CSOCK_EOVERRUN);
    assert_int_equal(csock_reader_overrun(&r), 3);
    expect(until("\r\n", NULL), &data, "ab\r\n");
    expect(until("\r\n", NULL), &data, "ab\r\n");
    script_end(&r, &script);
}

static void separators_that_are_none(void **state)
{
    BEGIN(9, ENDS);
    data = buf;
    assert_int_equal(csock_reader_until(&r, NULL, 0, &data, NULL), -EINVAL);
    assert_int_equal(until("", NULL), -EINVAL);
    assert_int_equal(until("a", ""), -EINVAL);
    assert_ptr_equal(data, buf);
    assert_int_equal(until("a", "b"), CSOCK_EINCOMPLETE);
    script_end(&r, &script);
}

static void a_separator_behind_the_limit(void **state)
{
    BEGIN(3, GIVES("abc\nabcd"), GIVES("\n-\r"), GIVES("\nabc-"), GIVES("-+"), ENDS);
    line("abc\n");
    data = buf;
    assert_int_equal(csock_reader_line(&r, &data, NULL), CSOCK_EOVERRUN);
    assert_ptr_equal(data, buf);
    assert_int_equal(csock_reader_overrun(&r), 4); /* none has come, and five bytes are too many */
    assert_int_equal(csock_reader_pending(&r), 4);
    exactly("abcd");
    exactly("\n");
    expect(until("\r\n", NULL), &data, "-\r\n");
    expect(until("--+", NULL), &data, "abc--+"); /* as many bytes as may be before it */
    assert_int_equal(until("--+", NULL), CSOCK_EINCOMPLETE);
    script_end(&r, &script);
}

static void as_much_as_the_limit(void **state)
{
    BEGIN(3, GIVES("abc"), GIVES("\na"), GIVES("bc\nabcd\n"));
    line("abc\n");
    line("abc\n");
    assert_int_equal(csock_reader_line(&r, &data, NULL), CSOCK_EOVERRUN);
    assert_int_equal(csock_reader_overrun(&r), 4);
    exactly("abcd\n");
    script_end(&r, &script);
}

static void a_look_takes_nothing(void **state)
{
    BEGIN(2, GIVES("ab"), GIVES("cde"), ENDS);
    expect(csock_reader_peek(&r, 1, &data, NULL), &data, "a");
    assert_int_equal(script.at, 1);
    expect(csock_reader_peek(&r, 4, &data, NULL), &data, "abcd");
    expect(csock_reader_peek(&r, 9, &data, NULL), &data, "abcde");
    assert_int_equal(csock_reader_skip(&r, 2), 2);
    expect(csock_reader_peek(&r, SIZE_MAX, &data, NULL), &data, "cde");
    exactly("cde");
    assert_int_equal(csock_reader_unread(&r, 2), 0);
    exactly("de");
    assert_int_equal(csock_reader_skip(&r, 2), 0);
    assert_int_equal(csock_reader_peek(&r, 3, &data, NULL), 0);
    script_end(&r, &script);
}

static void what_is_there_may_be_handed_over(void **state)
{
    void *rest;
    BEGIN(9, GIVES("line\nrest"), GIVES("more"));
    line("line\n");
    assert_int_equal(csock_reader_detach(&r, &rest), 4);
    assert_memory_equal(rest, "rest", 4);
    free(rest);
    assert_int_equal(csock_reader_pending(&r), 0);
    assert_int_equal(csock_reader_unread(&r, 1), -EINVAL);
    exactly("more");
    assert_int_equal(script.at, 2);
    csock_reader_free(&r);
    assert_int_equal(fake_live(), 1); /* what free(3) had */
}

/* What is asked for is long, what is there is short: no byte goes by way of the reader. */
static void large_reads_go_straight_to_their_caller(void **state)
{
    static char big[300000];
    static const struct script_step steps[] = {GIVES("abc"), {.data = big, .n = sizeof big}, ENDS};
    (void)state;
    memset(big, 'x', sizeof big);
    script_begin(&r, &script, steps, COUNT(steps), 9);
    exactly("ab");
    assert_int_equal(csock_reader_exactly(&r, buf, 100001, NULL), 100001);
    assert_ptr_equal(script.newest, buf + 1);
    assert_true(buf[0] == 'c' && buf[1] == 'x' && buf[100000] == 'x');
    assert_int_equal(csock_reader_pending(&r), 0);
    assert_int_equal(csock_reader_some(&r, buf, sizeof buf, NULL), 200000);
    assert_ptr_equal(script.newest, buf);
    assert_int_equal(csock_reader_some(&r, buf, sizeof buf, NULL), 0);
    script_end(&r, &script);
}

/* The source fills whatever it gets: it gets more each time, up to a bound. */
static void bulk_costs_few_receives(void **state)
{
    static char big[1000000];
    static const struct script_step steps[] = {{.data = big, .n = sizeof big}, ENDS};
    size_t lines = 0;
    (void)state;
    for (size_t i = 99; i < sizeof big; i += 100)
        big[i] = '\n';
    script_begin(&r, &script, steps, COUNT(steps), 99);
    while (csock_reader_line(&r, &data, NULL) == 100 && data[99] == '\n')
        lines++;
    assert_int_equal(lines, 10000);
    assert_in_range(script.largest, 65536, 131072);
    assert_in_range(r.size, 65536, 131072);
    script_end(&r, &script);
}

static void all_there_is(void **state)
{
    static char big[3000000];
    static const struct script_step steps[] = {{.data = big, .n = sizeof big}, ENDS};
    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 % 251);
    fake_guard();
    script_begin(&r, &script, steps, COUNT(steps), 1);
    assert_int_equal(csock_reader_peek(&r, SIZE_MAX, &data, NULL), sizeof big);
    assert_memory_equal(data, big, sizeof big);
    assert_int_equal(csock_reader_skip(&r, SIZE_MAX), sizeof big);
    assert_true(csock_reader_at_end(&r));
    script_end(&r, &script);
}

/* Whatever the pieces, the same comes out. */
static void any_pieces(void **state)
{
    static char text[20000];
    struct script_step steps[64];
    const struct csock_separator seps[] = {{"\r\n", 2}, {"\n", 1}};
    (void)state;
    srand(1);
    fake_guard();
    for (int round = 0; round < 200; round++) {
        size_t n = (size_t)rand() % sizeof text + 1, cut = 0, taken = 0;
        for (size_t i = 0; i < n; i++)
            text[i] = "abcdefgh\r\n"[rand() % 10];
        int pieces = rand() % 62 + 1;
        for (int i = 0; i < pieces; i++) {
            size_t next = i == pieces - 1 ? n : cut + (size_t)rand() % (n - cut + 1);
            steps[i] = (struct script_step){.data = text + cut, .n = next - cut};
            if (next == cut) {
                i--;
                pieces--;
            }
            cut = next;
        }
        steps[pieces] = (struct script_step)ENDS;
        script_begin(&r, &script, steps, (size_t)pieces + 1, sizeof text);
        for (ssize_t got = 1; got > 0;) {
            size_t want = (size_t)rand() % 9000 + 1;
            switch (rand() % 4) {
            case 0:
                got = csock_reader_exactly(&r, buf, want, NULL);
                data = buf;
                break;
            case 1:
                got = csock_reader_line(&r, &data, NULL);
                break;
            case 2:
                got = csock_reader_until(&r, seps, 2, &data, NULL);
                break;
            default:
                got = csock_reader_some(&r, buf, want, NULL);
                data = buf;
            }
            if (got == CSOCK_EINCOMPLETE)
                got = csock_reader_some(&r, buf, sizeof buf, NULL), data = buf;
            assert_true(got >= 0);
            assert_memory_equal(data, text + taken, (size_t)got);
            taken += (size_t)got;
        }
        assert_int_equal(taken, n);
        script_end(&r, &script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_reader_has_nothing),
        TEST(what_came_too_early_is_for_the_next_call),
        TEST(a_call_goes_on_until_it_has_all),
        TEST(of_several_separators_the_one_that_ends_first),
        TEST(separators_that_end_together),
        TEST(separators_that_are_none),
        TEST(a_separator_behind_the_limit),
        TEST(as_much_as_the_limit),
        TEST(a_look_takes_nothing),
        TEST(what_is_there_may_be_handed_over),
        TEST(large_reads_go_straight_to_their_caller),
        TEST(bulk_costs_few_receives),
        TEST(all_there_is),
        TEST(any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
