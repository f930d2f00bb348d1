/* Answers of libc to look-ups, as long as real ones can be: they make the buffers grow. */
#ifndef CSOCK_TESTS_ANSWERS_H
#define CSOCK_TESTS_ANSWERS_H

#include "util.h"

enum { N_ALIASES = 300, N_ADDRS = 200, ENTRY_ROOM = 5000 };

extern int answer_family; /* of the scripted host */
/* What the last look-up of a host by its address was asked for. */
extern unsigned char asked_addr[16];
extern socklen_t asked_len;

/* Puts all of them into the table of system calls under fake.h's. */
void script_answers(void);

int names_setup(void **state);
/* Whatever a test did, nothing may be left allocated. */
int names_teardown(void **state);

#define NAMES_TEST(name) cmocka_unit_test_setup_teardown(name, names_setup, names_teardown)

#endif
