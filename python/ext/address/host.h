/* Hosts: text for the resolver out of what Python programs give, and the address it means. ASCII
 * goes as it is; all else by the idna codec, as in stock. */
#ifndef CSOCK_EXT_ADDRESS_HOST_H
#define CSOCK_EXT_ADDRESS_HOST_H

#include "object/socket.h"

/* str, bytes or bytearray host argument to a NUL-terminated char *; *ret_keep owns it.
 * Same rules and messages as stock: ASCII str as is, else idna. */
bool addr_host_argument(PyObject *o, const char **ret_host, PyObject **ret_keep);

/* The address of a host, port 0: numeric hosts at once, names by the resolver with the GIL
 * released, for as long as that socket's timeout and the thread's deadline allow. AF_UNSPEC takes
 * either family. s: the socket that it is for, or NULL. Errors as stock's, with the host. */
bool addr_resolve(struct ext_state *st, const struct sock_object *s, int family, const char *host,
                  union csock_addr *ret_addr, socklen_t *ret_len);
/* The same for one that is known not to be numeric. */
bool addr_resolve_name(struct ext_state *st, const struct sock_object *s, int family,
                       const char *host, union csock_addr *ret_addr, socklen_t *ret_len);

/* The text of a str that the idna codec would leave as it is, valid as long as o; else NULL, and no
 * exception. The codec is slow, and may be out of reach. */
const char *addr_ascii_text(PyObject *o);

#endif
