/* A resolver that is silent until it is told to answer: for look-ups that take long. */
#ifndef CSOCK_TESTS_SILENT_H
#define CSOCK_TESTS_SILENT_H

#include "util.h"

#include <netdb.h>

/* util_setup and util_teardown around it. getaddrinfo, getnameinfo and gethostby… wait until they
 * are told, and then say what script_answers() has; getaddrinfo, 192.0.2.1. At the end all are
 * told, and nothing may be under way or allocated any more; nor may one of them have seen a signal
 * unblocked. */
int silent_setup(void **state);
int silent_teardown(void **state);
#define SILENT_TEST(f) cmocka_unit_test_setup_teardown(f, silent_setup, silent_teardown)

/* All who ask are answered from now on; or so many. */
void silent_end(void);
void silent_answer(unsigned n);

/* Waits until so many ask, and until so many are under way by the library's own list; and fails
 * after 10 s. */
void silent_await_asking(unsigned n);
void silent_await_under_way(size_t n);

/* How many have asked. */
unsigned silent_asked(void);
/* This test asks in the caller's own thread: signals may be unblocked. */
void silent_in_own_thread(void);

#endif
