/* Errors: every code has a number and a text, in any thread. */
#include "csock.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum kind { OSERROR, MESSAGE, TIMEOUT, VALUE, OVERFLOW, END, PENDING };

static const struct {
    int code;
    const char *text;
    enum kind kind;
    int number;
} rows[] = {
#define CSOCK_ERR(code, text, kind, number) {code, text, kind, number},
#include "err.def"
#undef CSOCK_ERR
};

enum { N_ROWS = sizeof rows / sizeof *rows };

static void table_is_the_enum(void **state)
{
    (void)state;
    for (int i = 0; i < N_ROWS; i++)
        assert_int_equal(rows[i].code, CSOCK_ETIMEOUT + i);
    assert_int_equal(rows[N_ROWS - 1].code, CSOCK_EEXCLUDED);
}

static void own_codes(void **state)
{
    (void)state;
    for (int i = 0; i < N_ROWS; i++) {
        assert_string_equal(csock_strerror(rows[i].code), rows[i].text);
        assert_int_equal(csock_err_errno(rows[i].code), rows[i].number);
        assert_int_equal(csock_err_gai(rows[i].code), 0);
        assert_int_equal(csock_err_herr(rows[i].code), 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(rows[k].text, rows[i].text);
    }
    assert_int_equal(csock_err_errno(CSOCK_ETIMEOUT), ETIMEDOUT);
    assert_int_equal(csock_err_errno(CSOCK_ECLOSED), EBADF);
    assert_int_equal(csock_err_errno(CSOCK_EINTERRUPTED), EINTR);
    assert_int_equal(csock_err_errno(CSOCK_EFAMILY), EAFNOSUPPORT);
}

static void system_errors(void **state)
{
    (void)state;
    for (int number = 1; number <= EHWPOISON; number++) {
        assert_int_equal(csock_err_errno(-number), number);
        assert_int_equal(csock_err_gai(-number), 0);
        assert_int_equal(csock_err_herr(-number), 0);
        const bool hole = number == EWOULDBLOCK + 30 || number == 58; /* 41 and 58 */
        if (!hole && strcmp(strerror(number), strerror(4095)) != 0)   /* that libc knows */
            assert_string_equal(csock_strerror(-number), strerror(number));
    }
    assert_string_equal(csock_strerror(-ECONNRESET), "Connection reset by peer");
}

static void resolver_codes(void **state)
{
    static const int gai[] = {EAI_BADFLAGS, EAI_NONAME, EAI_AGAIN,  EAI_FAIL,    EAI_FAMILY,
                              EAI_SERVICE,  EAI_MEMORY, EAI_SYSTEM, EAI_OVERFLOW};
    static const int herr[] = {HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA};
    (void)state;
    for (size_t i = 0; i < sizeof gai / sizeof *gai; i++) {
        int err = CSOCK_EAI(gai[i]);
        assert_int_equal(csock_err_gai(err), gai[i]);
        assert_int_equal(csock_err_herr(err), 0);
        assert_int_equal(csock_err_errno(err), 0);
        assert_string_equal(csock_strerror(err), gai_strerror(gai[i]));
    }
    for (size_t i = 0; i < sizeof herr / sizeof *herr; i++) {
        int err = CSOCK_EHERR(herr[i]);
        assert_int_equal(csock_err_herr(err), herr[i]);
        assert_int_equal(csock_err_gai(err), 0);
        assert_int_equal(csock_err_errno(err), 0);
        assert_string_equal(csock_strerror(err), hstrerror(herr[i]));
    }
}

static void any_number_has_a_text(void **state)
{
    (void)state;
    for (int err = -9000; err <= 9000; err++) {
        assert_non_null(csock_strerror(err));
        assert_true(strlen(csock_strerror(err)) > 0);
    }
    assert_string_equal(csock_strerror(-4000), "unknown error 4000");
    assert_string_equal(csock_strerror(-5500), "unknown error -5500");
    assert_string_equal(csock_strerror(0), "unknown error 0");
    assert_string_equal(csock_strerror(INT32_MIN), "unknown error -2147483648");
    assert_int_equal(csock_err_errno(0), 0);
    assert_int_equal(csock_err_errno(5), 0);
    assert_int_equal(csock_err_errno(-4095), 4095); /* the kernel's last */
    assert_int_equal(csock_err_errno(-4096), 0);
    assert_int_equal(csock_err_gai(CSOCK_EHERR(0)), 0); /* where the ranges end */
    assert_int_equal(csock_err_herr(CSOCK_EHERR(1000)), 0);
    assert_int_equal(csock_err_herr(CSOCK_EHERR(999)), 999);
    assert_int_equal(csock_err_errno(-4900), 0);
    assert_int_equal(csock_err_errno(INT32_MIN), 0);
    assert_int_equal(csock_err_herr(INT32_MIN), 0);
    assert_int_equal(csock_err_gai(INT32_MIN), 0);
}

/* Texts without an entry are written at run time: each thread must see its own. */
static void *ask_for_own(void *arg)
{
    int number = *(int *)arg;
    char expected[40];
    snprintf(expected, sizeof expected, "unknown error %d", number);
    for (int i = 0; i < 20000; i++)
        if (strcmp(csock_strerror(-number), expected) != 0)
            return arg;
    return NULL;
}

static void threads_do_not_share_texts(void **state)
{
    pthread_t threads[4];
    int numbers[4] = {3001, 3002, 3003, 3004};
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_own, &numbers[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_enum),     cmocka_unit_test(own_codes),
        cmocka_unit_test(system_errors),         cmocka_unit_test(resolver_codes),
        cmocka_unit_test(any_number_has_a_text), cmocka_unit_test(threads_do_not_share_texts),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
