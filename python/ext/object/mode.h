/* The blocking mode of a descriptor, for calls within a deadline.
 *
 * accept(2) and connect(2) cannot be told not to wait but by O_NONBLOCK, which belongs to the open
 * description. So where a deadline bounds one on a blocking socket, the call borrows the mode: the
 * core makes the descriptor one that does not block before each try, and the last of the calls that
 * need it so gives it back as it was. An accept has waited by poll before it tries, a connect waits
 * after. Receives and sends have MSG_DONTWAIT, and sendfile() goes by them.
 *
 * An accept without a deadline, beside one that borrows, hears EAGAIN if it comes just when the
 * mode changes: it waits by poll, and is tried again. */
#ifndef CSOCK_EXT_OBJECT_MODE_H
#define CSOCK_EXT_OBJECT_MODE_H

#include "object/socket.h"

EXT_RARE void sock_mode_borrow(struct sock_object *s);
EXT_RARE void sock_mode_return(struct sock_object *s);

/* settimeout(): at once, or by the last of those that borrow. In a critical section of s. 0 or
 * negative. */
int sock_mode_set(struct sock_object *s, bool blocking);
/* A descriptor that was detached while it was borrowed: who borrowed finds no socket any more. */
EXT_RARE void sock_mode_settle(struct sock_object *s, int fd);

/* What a call that does not borrow looks at before and after: whether another one borrowed then or
 * meanwhile. */
static inline uint16_t sock_mode_loans(const struct sock_object *s)
{
    return __atomic_load_n(&s->mode.loans, __ATOMIC_SEQ_CST);
}
static inline bool sock_mode_is_borrowed(const struct sock_object *s)
{
    return __atomic_load_n(&s->mode.borrowers, __ATOMIC_SEQ_CST) > 0;
}

#endif
