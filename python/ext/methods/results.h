/* The cache of results: what was received, given out again once nobody has it any more. A block of
 * this size from malloc, and back, costs as much as all else that a receive does beside the system
 * call. */
#ifndef CSOCK_EXT_METHODS_RESULTS_H
#define CSOCK_EXT_METHODS_RESULTS_H

#include "state.h"

/* A bytes object of n bytes of data. */
PyObject *sock_result(struct ext_state *st, const char *data, size_t n);
void sock_results_clear(struct ext_state *st);

#endif
