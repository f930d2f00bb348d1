/* Connections: what the class socket.socket (class/) takes of the methods here, so that its short
 * cuts end where those do. An accept of its own makes another object of the connection, but waits
 * as the method does; a close that has nothing to wait for is the method. */
#ifndef CSOCK_EXT_METHODS_CONNECT_H
#define CSOCK_EXT_METHODS_CONNECT_H

#include "object/socket.h"

/* A connection into *conn and its peer into *peer: the core's result. Waits. */
int sock_run_accept(struct sock_object *s, struct csock *conn, union csock_addr *peer,
                    socklen_t *len);
/* The method close. */
PyObject *sock_close(PyObject *self, PyObject *unused);

#endif
