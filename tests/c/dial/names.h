/* A scripted resolver and two listeners on loopback, for csock_dial() by name. */
#ifndef CSOCK_TESTS_DIAL_NAMES_H
#define CSOCK_TESTS_DIAL_NAMES_H

#include "util.h"

#include <netdb.h>
#include <netinet/in.h>

/* util_setup and util_teardown around it: at the end, all who ask are told. */
int names_setup(void **state);
int names_teardown(void **state);
#define NAMES_TEST(f) cmocka_unit_test_setup_teardown(f, names_setup, names_teardown)

/* On 127.0.0.1 and on ::1, with the same port. */
extern struct csock names_listeners[2];

/* What the resolver says: words like "*=64", to who asks for both families: addresses of IPv6, then
 * IPv4; "4=4", "6=!n" to who asks for one: EAI_NONAME, !a EAI_AGAIN, !f EAI_FAIL; "6>4=6" the same,
 * but only after who asks for IPv4 has been told. Of what is not named it says nothing. */
void names_script(const char *script);

/* From now on it says this, too. */
void names_say(const char *word);

/* Dials with that; a host and a port are there if *d has none. On success the socket is closed. */
int names_dial(const struct csock_dial *d, const char *script, const struct csock_wait *w);
extern struct csock_dial_report names_report;

/* Asserts of which families attempts were begun, "64", and frees the report. */
void names_expect(const char *families);

/* How many have asked for both families (*), or for one (4, 6); how many of all in the thread of
 * the test, which a getaddrinfo of one's own has to note. */
int names_asked(char kind);
extern atomic_int names_in_own_thread;
void names_note_thread(void);

#endif
