/* A fork beside a call of another thread's: what the child must know of it. */
#ifndef CSOCK_TESTS_FORKS_H
#define CSOCK_TESTS_FORKS_H

#include "util.h"

/* Asserts that a child of fork(3) is counted as one, so is a child of it, and that it counts nobody
 * as inside: it can close the socket at once. The parent's call goes on. */
void forks_check_noticed(void);

/* At the first call of that entry another thread forks, while this one has whatever it has then;
 * the child exits with what run(arg) returns. end: asserts that it did so, with 0. */
void forks_begin_beside(enum fake_entry entry, int (*run)(void *arg), void *arg);
void forks_end_beside(void);

#endif
