/* Options, for whoever sets them elsewhere than by setsockopt(). */
#ifndef CSOCK_EXT_METHODS_OPTIONS_H
#define CSOCK_EXT_METHODS_OPTIONS_H

#include "state.h"

/* Whether a value counts as an int, as setsockopt() takes it; else it is a buffer, unless there is
 * an exception. */
bool sock_option_int(PyObject *o, int *ret);
/* What bears on waiting, once it is set or may have been. */
void sock_note_option(struct ext_state *st, int level, int name);

#endif
