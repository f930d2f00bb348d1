/* A kernel that reads its answers from the input: the table of system calls with receives, waits,
 * options, memory and the clock replaced. It is honest, as the manual pages have it, and hostile
 * within that: errors, signals, short counts, lengths beyond the room, no memory at any moment, a
 * socket that is closed under the call. */
#ifndef CSOCK_FUZZ_KERNEL_H
#define CSOCK_FUZZ_KERNEL_H

#include "fuzz.h"

#include "csock.h"
#include "sys/sys.h"

enum { KERNEL_FD = 1000000, KERNEL_FIRST_RIGHT = 2000000, KERNEL_RIGHTS = 64 };

struct kernel {
    struct fuzz_input in;
    struct csock *s;
    /* What the socket is, whatever it was declared as. */
    int family, type, proto;
    bool tls;
    bool options_fail; /* from now on */
    bool alloc_fails;  /* now and then */
    int64_t now;
    /* Of the stream or of all datagrams: where the next receive begins. */
    size_t position;
    /* Of the running call: where it began, and its buffer up to the last byte written. */
    size_t begin;
    const char *end;
    size_t last_written; /* by the last system call that succeeded */
    unsigned n_options_failed;
    int live; /* blocks of memory */
    int fd_closed;
    /* Descriptors that came with messages. */
    size_t n_rights;
    int right_closed[KERNEL_RIGHTS];
};

extern struct kernel kernel;

/* A socket of the kinds there are, adopted by *s, perhaps as something else. */
void kernel_begin(struct csock *s, const uint8_t *data, size_t n);
/* Closes it, if nobody has, and looks at what is left. */
void kernel_end(void);

/* Before each call. */
void kernel_call(const void *buf);

/* How the next call waits; uses *w. NULL is a way, too. */
const struct csock_wait *kernel_wait(struct csock_wait *w);
/* Its flags. */
int kernel_flags(void);

/* The byte at this place of what is received: never PATTERN. */
static inline char kernel_data(size_t position)
{
    return (char)(position % 125 + 1);
}

/* What a call left in its buffer of n bytes: data up to where the kernel wrote, and no more. */
void kernel_check_buffer(const char *buf, size_t n);

/* Descriptors that were handed out and not closed; none is closed twice. */
size_t kernel_open_rights(void);

#endif
