/* A network of one's own below csock_dial(): sockets are real, but connect(2) and its outcome are
 * scripted, and time is what poll(2) lets pass. An address is a letter, small for IPv4, large for
 * IPv6; what becomes of an attempt at it is given by its plan. */
#ifndef CSOCK_TESTS_DIAL_NET_H
#define CSOCK_TESTS_DIAL_NET_H

#include "util.h"

/* "a10" connects after 10 ms, "A20!111" fails with errno 111 after 20 ms; "a!111" at once, in
 * connect(2) itself; "a" never; "a0" is connected when connect(2) returns. Separated by blanks;
 * what is not named is never. */
void net_begin(const char *plans);

/* Dials these letters, in this order. d may have all but addrs. The outcome, and what happened:
 * each "<ms>+a" an attempt that began, "<ms>-a" one that ended without success, "<ms>=a" the
 * winner. */
int net_dial(const char *letters, struct csock_dial d, const struct csock_wait *w, char log[512]);

/* The report of the last one: to be freed with csock_dial_report_free. */
extern struct csock_dial_report net_report;
extern struct csock net_winner;

/* Milliseconds since net_begin. */
int net_ms(void);
void net_address(char letter, union csock_addr *ret_addr, socklen_t *ret_len);
char net_letter(const union csock_addr *addr);

#endif
