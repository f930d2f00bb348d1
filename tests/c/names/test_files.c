/* Names that libc finds in hosts(5): which, and that no thread is made for them. */
#include "etc.h"
#include "silent.h"

#include "names/files.h"
#include "names/resolver.h"

#define FILES "passwd: files\nhosts: files dns\n"

static bool has(const char *host, int family)
{
    struct csock__question q = {.host = host, .service = "80", .family = family};
    return csock__in_hosts_file(&q);
}

static bool has_host(const char *hosts, const char *host)
{
    etc_script(hosts, FILES);
    return has(host, AF_UNSPEC);
}

static bool is_first(const char *sources)
{
    etc_script("192.0.2.1 a\n", sources);
    return has("a", AF_UNSPEC);
}

static int teardown(void **state)
{
    etc_has_nscd(false);
    return silent_teardown(state);
}

static void names_in_the_file(void **state)
{
    static const char hosts[] = "# one.test\n127.0.0.1\tlocalhost\n\n"
                                " 192.0.2.1 one.test one # uno\r\n2001:db8::1 Six.Test\n"
                                "192.0.2.2 xone.test one.testx\n192.0.2.3 last.test";
    static const char *in[] = {"localhost", "one.test",  "ONE",      "six.test",
                               "xone.test", "one.testx", "last.test"};
    static const char *out[] = {"uno", "test", "192.0.2.1", "one.", "#", "x", "one.test ", ""};
    (void)state;
    for (size_t i = 0; i < COUNT(in); i++)
        if (!has_host(hosts, in[i]))
            fail_msg("%s is not found", in[i]);
    for (size_t i = 0; i < COUNT(out); i++)
        if (has_host(hosts, out[i]))
            fail_msg("'%s' is found", out[i]);
    assert_false(has(NULL, AF_UNSPEC));
}

static void lines_without_an_address(void **state)
{
    (void)state;
    assert_false(has_host("127.1 a\n", "a"));
    assert_false(has_host("fe80::1%lo a\n", "a"));
    assert_false(has_host("a a\n", "a"));
    assert_false(has_host("2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999 a\n", "a"));
    assert_false(has_host("192.0.2.1#a\na a\n", "a"));
    assert_false(has_host("", "a"));
    assert_true(has_host("a a\n127.1 a\n192.0.2.1 a\n", "a"));
}

/* Of the other family libc asks servers. */
static void the_family_that_is_asked_for(void **state)
{
    (void)state;
    etc_script("192.0.2.4 four both\n2001:db8::6 six both\n", FILES);
    assert_true(has("four", AF_INET) && has("both", AF_INET) && !has("six", AF_INET));
    assert_true(has("six", AF_INET6) && has("both", AF_INET6) && !has("four", AF_INET6));
    assert_true(has("four", AF_UNSPEC) && has("six", AF_UNSPEC));
}

static void sources_before_the_files(void **state)
{
    static const char *first[] = {"hosts: files\n", "hosts:files dns\n",
                                  "hosts:\tfiles mdns dns #\n", "#hosts: dns\nhosts: files dns",
                                  "hosts: files # [\n"};
    static const char *not_first[] = {"hosts: dns files\n",
                                      "hosts: files [SUCCESS=continue] dns\n",
                                      "hosts: files[SUCCESS=continue] dns\n",
                                      "hosts: filesystem\n",
                                      "hosts:\n",
                                      "# hosts: files\n",
                                      "",
                                      "hosts: files\nhosts: dns\n",
                                      " hosts: dns\nhosts: files\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(first); i++)
        if (!is_first(first[i]))
            fail_msg("they are: %s", first[i]);
    for (size_t i = 0; i < COUNT(not_first); i++)
        if (is_first(not_first[i]))
            fail_msg("they are not: %s", not_first[i]);
    assert_false(is_first(NULL));
}

static void what_leads_elsewhere(void **state)
{
    static const int flags[] = {AI_CANONNAME, AI_ADDRCONFIG, AI_V4MAPPED | AI_ALL};
    struct csock__question q = {.host = "a", .service = "80"};
    (void)state;
    etc_script("192.0.2.1 a\n", FILES);
    assert_true(csock__in_hosts_file(&q));
    for (size_t i = 0; i < COUNT(flags); i++) {
        q.flags = flags[i];
        assert_false(csock__in_hosts_file(&q));
    }
    q = (struct csock__question){.host = "a", .service = "http"};
    assert_false(csock__in_hosts_file(&q));
    q = (struct csock__question){.host = "a", .what = CSOCK__HOST_BY_NAME};
    assert_true(csock__in_hosts_file(&q));
    q.what = CSOCK__NAMES;
    assert_false(csock__in_hosts_file(&q));
    etc_has_nscd(true);
    assert_false(has("a", AF_UNSPEC));
}

static void files_that_are_large_or_cannot_be_read(void **state)
{
    static char large[16384 + 1];
    (void)state;
    memset(large, '\n', sizeof large - 1);
    memcpy(large, "192.0.2.1 a\n", 12);
    assert_false(has_host(large, "a"));
    assert_false(has_host(NULL, "a"));
    large[sizeof large - 2] = '\0';
    assert_true(has_host(large, "a"));
    etc_script("192.0.2.1 a\n", FILES);
    for (unsigned nth = 1; nth <= 2; nth++) {
        fake_fail(FAKE_READ_FILE, nth, EMFILE);
        assert_false(has("a", AF_INET));
    }
    assert_true(has("a", AF_INET)); /* that is not remembered */
}

static void each_is_read_once_until_they_change(void **state)
{
    (void)state;
    etc_script("192.0.2.1 a # once\n", FILES);
    unsigned before = fake_calls(FAKE_READ_FILE);
    for (int i = 0; i < 3; i++) {
        assert_true(has("a", AF_UNSPEC));
        assert_false(has("b", AF_UNSPEC));
    }
    assert_int_equal(fake_calls(FAKE_READ_FILE) - before, 3); /* hosts twice */
    assert_true(has_host("192.0.2.1 b\n", "b"));
    assert_false(has("a", AF_UNSPEC));
}

static void more_names_than_are_remembered(void **state)
{
    char host[20];
    (void)state;
    etc_script("192.0.2.1 h7 h700\n", FILES);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(host, sizeof host, "h%d", i);
            assert_int_equal(has(host, AF_UNSPEC), i == 7 || i == 700);
        }
}

static void they_get_no_thread(void **state)
{
    struct addrinfo *list;
    (void)state;
    etc_script("192.0.2.1 a\n", FILES);
    silent_in_own_thread();
    silent_end();
    assert_int_equal(csock_resolve_within("a", "80", NULL, &list, WITHIN(SOON)), 0);
    csock_resolve_free(list);
    assert_int_equal(silent_asked(), 1);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 0);
    assert_int_equal(csock_resolve_within("b", "80", NULL, &list, WITHIN(SOON)), 0);
    csock_resolve_free(list);
    assert_int_equal(fake_calls(FAKE_THREAD_START), 1);
    /* What cannot be in time is not begun. */
    assert_int_equal(csock_resolve_within("a", "80", NULL, &list, WITHIN(-MS)), CSOCK_ETIMEOUT);
    assert_int_equal(silent_asked(), 2);
}

#define FILES_TEST(f) cmocka_unit_test_setup_teardown(f, silent_setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FILES_TEST(names_in_the_file),
        FILES_TEST(lines_without_an_address),
        FILES_TEST(the_family_that_is_asked_for),
        FILES_TEST(sources_before_the_files),
        FILES_TEST(what_leads_elsewhere),
        FILES_TEST(files_that_are_large_or_cannot_be_read),
        FILES_TEST(each_is_read_once_until_they_change),
        FILES_TEST(more_names_than_are_remembered),
        FILES_TEST(they_get_no_thread),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
