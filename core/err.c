/* Errors as numbers and as text. Sits on err.def and on the texts of libc. */
#include "csock.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

struct row {
    int code;
    int number;
    const char *text;
};

static const struct row err_rows[] = {
#define CSOCK_ERR(code, text, kind, number) {code, number, text},
#include "err.def"
#undef CSOCK_ERR
};

#define N_ROWS (sizeof err_rows / sizeof *err_rows)
static_assert(N_ROWS == CSOCK_EEXCLUDED - CSOCK_ETIMEOUT + 1,
              "err.def and enum csock_error differ");

/* Linux keeps errno within this, see IS_ERR_VALUE of the kernel. */
enum { ERRNO_MAX = 4095 };

static const struct row *error_row_of(int err)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (err_rows[i].code == err)
            return &err_rows[i];
    return NULL;
}

int csock_err_gai(int err)
{
    return err < CSOCK_EAI(0) && err > CSOCK_EHERR(0) ? err - CSOCK_EAI(0) : 0;
}

int csock_err_herr(int err)
{
    return err < CSOCK_EHERR(0) && err > CSOCK_EHERR(1000) ? CSOCK_EHERR(0) - err : 0;
}

int csock_err_errno(int err)
{
    if (err < 0 && err >= -ERRNO_MAX)
        return -err;
    const struct row *row = error_row_of(err);
    return row ? row->number : 0;
}

/* A number that no table knows. */
static const char *number_text(int err)
{
    static _Thread_local char text[40];
    snprintf(text, sizeof text, "unknown error %d", err);
    return text;
}

/* strerror(3) may write into a buffer that all threads share. */
static const char *errno_text(int number)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    const char *text = strerrordesc_np(number);
    return text ? text : number_text(number);
#elif defined(__GLIBC__)
    static _Thread_local char text[128];
    return strerror_r(number, text, sizeof text);
#else
    /* One text may stand for all numbers that it does not know. */
    static _Thread_local char text[128];
    char unknown[sizeof text];
    return strerror_r(number, text, sizeof text) == 0 &&
                   strerror_r(ERRNO_MAX, unknown, sizeof unknown) == 0 && strcmp(text, unknown) != 0
               ? text
               : number_text(number);
#endif
}

const char *csock_strerror(int err)
{
    const struct row *row = error_row_of(err);
    if (row)
        return row->text;
    if (csock_err_gai(err))
        return gai_strerror(csock_err_gai(err));
    if (csock_err_herr(err))
        return hstrerror(csock_err_herr(err));
    return csock_err_errno(err) ? errno_text(-err) : number_text(err);
}
