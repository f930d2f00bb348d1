/* Look-ups under way, each in a thread of its own: the list of them, and who takes part in one.
 * Nothing here waits for libc: resolver.c does, on the words below, and dial on an eventfd.
 *
 * A look-up is freed by the last of those who take part, its thread being one. The thread holds
 * nothing of theirs: what it was asked are copies, what it tells them by is a duplicate of their
 * descriptor, or the word `done` in the look-up itself. Sits on call/thread and sys. */
#ifndef CSOCK_CORE_NAMES_LOOKUP_H
#define CSOCK_CORE_NAMES_LOOKUP_H

#include "names/question.h"
#include "names/resolver.h"

/* csock__lookup_begin, for any question. *ret_started: whether a thread was started for it, or the
 * same one is under way. */
int csock__lookup_start(const struct csock__question *q, int event,
                        struct csock__lookup **ret_lookup, bool *ret_started);

/* csock__lookup_take, for any question: 0 and a copy of the answer, whose result may be an error;
 * -EAGAIN, -ESTALE. */
int csock__lookup_answer(const struct csock__lookup *lookup, struct csock__answer *ret);

/* Asks for as long as w says, as csock_resolve_for does; it may be NULL, as s may. 0 and the
 * answer, whose result may be an error; else an error of the asking. resolver.c */
int csock__ask_within(struct csock *s, const struct csock__question *q, const struct csock_wait *w,
                      struct csock__answer *ret);

/* For futex_wait: 0 for as long as the look-up is under way. Valid until it is dropped. */
const uint32_t *csock__lookup_done(const struct csock__lookup *lookup);

/* For futex_wait: another number with each look-up that ends. One of those who wait is woken then;
 * who does not start a look-up after that passes it on. */
const uint32_t *csock__lookups_ended(void);
void csock__lookups_pass_on(void);

#endif
