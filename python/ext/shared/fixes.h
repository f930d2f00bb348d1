/* Bug fixes of CPython's that programs see and that came in the middle of a minor version: whether
 * this interpreter has them. One build serves every release of a minor version, so what counts is
 * the version at run time. What a whole minor version has is the preprocessor's, and not here. */
#ifndef CSOCK_EXT_SHARED_FIXES_H
#define CSOCK_EXT_SHARED_FIXES_H

#include "shared/python.h"

/* Whether this is 3.minor, and that bug fix release of it or a later one. */
static inline bool fix_since(int minor, unsigned long micro)
{
    return PY_MINOR_VERSION == minor && (Py_Version >> 8 & 0xff) >= micro;
}

/* gh-131668: numbers in AF_BLUETOOTH addresses are parsed as what their fields are. */
static inline bool fix_bluetooth_numbers(void)
{
    return PY_MINOR_VERSION >= 14 || fix_since(13, 3) || fix_since(12, 10);
}

/* gh-132099: BTPROTO_SCO takes a str, and no bytes with a NUL in them. */
static inline bool fix_bluetooth_sco(void)
{
    return PY_MINOR_VERSION >= 14 || fix_since(13, 4);
}

/* gh-100218: the error of if_nametoindex has a number. */
static inline bool fix_nametoindex_errno(void)
{
    return PY_MINOR_VERSION >= 15 || fix_since(14, 1) || fix_since(13, 10);
}

/* gh-152849: one text for all numbers of seconds that are too large. */
static inline bool fix_timestamp_text(void)
{
    return PY_MINOR_VERSION >= 15 || fix_since(14, 7) || fix_since(13, 15);
}

#endif
