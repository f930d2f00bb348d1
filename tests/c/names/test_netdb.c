/* Hosts: what libc answers, and every way in which it can fail to. Answers that need files or
 * servers are scripted. And memory, for look-ups of all kinds. */
#include "answers.h"
#include "record.h"

#include <netdb.h>

static void host_of_a_literal(void **state)
{
    struct csock_host *host = NULL;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_host_by_name("192.0.2.1", AF_INET, &host), 0);
    assert_int_equal(host->family, AF_INET);
    assert_string_equal(host->name, "192.0.2.1");
#ifdef __GLIBC__ /* others name it twice */
    assert_null(host->aliases[0]);
#endif
    assert_int_equal(host->n_addrs, 1);
    assert_true(csock_addr_format(&host->addrs[0].any, sizeof host->addrs[0].in, text, 128) > 0);
    assert_string_equal(text, "192.0.2.1:0");
    csock_host_free(host);
    assert_int_equal(csock_host_by_name("2001:db8::1", AF_INET6, &host), 0);
    assert_int_equal(host->family, AF_INET6);
    assert_int_equal(host->n_addrs, 1);
    assert_true(csock_addr_format(&host->addrs[0].any, sizeof host->addrs[0].in6, text, 128) > 0);
    assert_string_equal(text, "[2001:db8::1]:0");
    csock_host_free(host);
    csock_host_free(NULL);
}

static void assert_scripted_host(const struct csock_host *host)
{
    unsigned char bytes[16];
    char alias[32];
    assert_int_equal(host->family, answer_family);
    assert_string_equal(host->name, "official.example");
    for (int i = 0; i < N_ALIASES; i++) {
        snprintf(alias, sizeof alias, "alias-%d.example", i);
        assert_string_equal(host->aliases[i], alias);
    }
    assert_null(host->aliases[N_ALIASES]);
    assert_int_equal(host->n_addrs, N_ADDRS);
    for (int i = 0; i < N_ADDRS; i++) {
        memset(bytes, i + 1, sizeof bytes);
        assert_int_equal(host->addrs[i].any.sa_family, answer_family);
        if (answer_family == AF_INET) {
            assert_memory_equal(&host->addrs[i].in.sin_addr, bytes, 4);
            assert_int_equal(host->addrs[i].in.sin_port, 0);
        } else {
            assert_memory_equal(&host->addrs[i].in6.sin6_addr, bytes, 16);
            assert_int_equal(host->addrs[i].in6.sin6_port, 0);
        }
    }
}

static void host_with_many_names_grows_the_buffer(void **state)
{
    union csock_addr addr;
    socklen_t len;
    struct csock_host *host;
    (void)state;
    script_answers();
    assert_int_equal(csock_host_by_name("big.example", AF_INET, &host), 0);
    assert_true(fake_calls(FAKE_GETHOSTBYNAME2_R) > 1);
    assert_scripted_host(host);
    csock_host_free(host);

    assert_int_equal(csock_addr_parse(AF_INET, "192.0.2.1:5", &addr, &len), 0);
    assert_int_equal(csock_host_by_addr(&addr.any, len, &host), 0);
    assert_int_equal(asked_len, 4);
    assert_memory_equal(asked_addr, &addr.in.sin_addr, 4);
    assert_scripted_host(host);
    csock_host_free(host);

    answer_family = AF_INET6;
    assert_int_equal(csock_addr_parse(AF_INET6, "[2001:db8::1]:5", &addr, &len), 0);
    assert_int_equal(csock_host_by_addr(&addr.any, 24, &host), 0); /* RFC 2133: no scope */
    assert_int_equal(asked_len, 16);
    assert_memory_equal(asked_addr, &addr.in6.sin6_addr, 16);
    assert_scripted_host(host);
    csock_host_free(host);
}

static int again_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                         struct hostent **ret_ent, int *ret_herr)
{
    (void)name;
    (void)family;
    (void)ent;
    (void)buf;
    (void)size;
    *ret_ent = NULL;
    *ret_herr = TRY_AGAIN;
    return EAGAIN; /* glibc gives both */
}

static int too_small_try_again(const char *name, int family, struct hostent *ent, char *buf,
                               size_t size, struct hostent **ret_ent, int *ret_herr)
{
    again_by_name(name, family, ent, buf, size, ret_ent, ret_herr);
    return ERANGE;
}

/* The reason of an earlier try must not stand for the lack of memory in the next. */
static void host_without_memory_is_no_answer(void **state)
{
    struct csock_host *host = NULL;
    (void)state;
    fake_under()->gethostbyname2_r = too_small_try_again;
    fake_fail(FAKE_ALLOC, 2, ENOMEM);
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), -ENOMEM);
    assert_null(host);
}

static void host_failures(void **state)
{
    static const int codes[] = {HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA};
    union csock_addr addr = {.in.sin_family = AF_INET};
    struct csock_host *host = (struct csock_host *)(void *)&addr;
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fake_fail(FAKE_GETHOSTBYNAME2_R, 1, -codes[i]);
        assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(codes[i]));
        fake_fail(FAKE_GETHOSTBYADDR_R, 1, -codes[i]);
        assert_int_equal(csock_host_by_addr(&addr.any, 16, &host), CSOCK_EHERR(codes[i]));
    }
    fake_fail(FAKE_GETHOSTBYNAME2_R, 1, EMFILE);
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), -EMFILE);
    fake_fail(FAKE_GETHOSTBYADDR_R, 1, ENOMEM);
    assert_int_equal(csock_host_by_addr(&addr.any, 16, &host), -ENOMEM);
    fake_fail(FAKE_GETHOSTBYNAME2_R, 1, 0); /* no entry and no reason */
    fake_under()->gethostbyname2_r = again_by_name;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(HOST_NOT_FOUND));
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(TRY_AGAIN));
    script_answers();
    answer_family = AF_APPLETALK;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EFAMILY);
    assert_ptr_equal(host, &addr);
}

static void host_bad_arguments(void **state)
{
    union csock_addr addr = {.in6.sin6_family = AF_INET6};
    struct csock_host *host = (struct csock_host *)(void *)&addr;
    char name[4000];
    (void)state;
    assert_int_equal(csock_host_by_name("x", AF_UNIX, &host), CSOCK_EFAMILY);
    assert_int_equal(csock_host_by_name("x", AF_UNSPEC, &host), CSOCK_EFAMILY);
    void *cut = malloc(1); /* ASan sees a family read out of one byte */
    assert_non_null(cut);
    assert_int_equal(csock_host_by_addr(cut, 0, &host), CSOCK_EADDRLEN);
    assert_int_equal(csock_host_by_addr(cut, 1, &host), CSOCK_EADDRLEN);
    free(cut);
    assert_int_equal(csock_host_by_addr(&addr.any, 23, &host), CSOCK_EADDRLEN);
    addr.any.sa_family = AF_INET;
    assert_int_equal(csock_host_by_addr(&addr.any, 7, &host), CSOCK_EADDRLEN);
    addr.any.sa_family = AF_UNIX;
    assert_int_equal(csock_host_by_addr(&addr.any, 110, &host), CSOCK_EFAMILY);
    assert_int_equal(fake_calls(FAKE_GETHOSTBYNAME2_R), 0);
    assert_int_equal(fake_calls(FAKE_GETHOSTBYADDR_R), 0);
    memset(name, 'a', sizeof name); /* longer than DNS allows: no server is asked */
    name[sizeof name - 1] = '\0';
    assert_true(csock_host_by_name(name, AF_INET, &host) < 0);
    assert_ptr_equal(host, &addr);
}

/* Memory */

/* Each look-up as one call, for the tests that fail all of them alike. Frees what it gets. */
static int look_up(int which)
{
    union csock_addr addr = {.in.sin_family = AF_INET};
    struct csock_host *host;
    char name[16];
    int r;
    switch (which) {
    case 0:
        if ((r = csock_host_by_name("x", AF_INET, &host)) == 0)
            csock_host_free(host);
        return r;
    case 1:
        if ((r = csock_host_by_addr(&addr.any, sizeof addr.in, &host)) == 0)
            csock_host_free(host);
        return r;
    case 2:
        return csock_service_by_name("oracle", NULL);
    case 3:
        return csock_service_by_port(65000, NULL, name, sizeof name);
    default:
        return csock_protocol_by_name("x");
    }
}

static void no_memory_at_any_allocation(void **state)
{
    (void)state;
    for (int which = 0; which < 5; which++) {
        unsigned failed = 0;
        for (unsigned nth = 1;; nth++) {
            fake_install();
            script_answers();
            fake_fail(FAKE_ALLOC, nth, ENOMEM);
            int r = look_up(which);
            assert_int_equal(fake_live(), 0);
            if (r >= 0)
                break;
            assert_int_equal(r, -ENOMEM);
            failed++;
        }
        assert_true(failed >= 3 && failed <= 10); /* growing, and for hosts the copy */
    }
}

static void growth_is_bounded(void **state)
{
    static const enum fake_entry entries[] = {
        FAKE_GETHOSTBYNAME2_R, FAKE_GETHOSTBYADDR_R,  FAKE_GETSERVBYNAME_R,
        FAKE_GETSERVBYPORT_R,  FAKE_GETPROTOBYNAME_R,
    };
    (void)state;
    for (int which = 0; which < 5; which++) {
        fake_fail(entries[which], FAKE_EVERY, ERANGE);
        assert_int_equal(look_up(which), -ENOMEM);
        assert_true(fake_calls(entries[which]) >= 2 && fake_calls(entries[which]) <= 20);
        assert_int_equal(fake_live(), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAMES_TEST(host_of_a_literal),  NAMES_TEST(host_with_many_names_grows_the_buffer),
        NAMES_TEST(host_failures),      NAMES_TEST(host_without_memory_is_no_answer),
        NAMES_TEST(host_bad_arguments), NAMES_TEST(no_memory_at_any_allocation),
        NAMES_TEST(growth_is_bounded),
    };
    return cmocka_run_group_tests_name("netdb", tests, make_record, NULL);
}
