/* Network interfaces by name and number, netdevice(7). s is a socket, whose network namespace is
 * then asked, or NULL for that of the calling thread. Do not block. */
#ifndef CSOCK_IFACE_H
#define CSOCK_IFACE_H

#include "csock/socket.h"

CSOCK__BEGIN

#define CSOCK_IFACE_NAME_MAX 16 /* any name, with its NUL */

/* 0, or -ENODEV if there is none of that name, or other -errno. */
CSOCK_API int csock_iface_index(struct csock *s, const char *name, unsigned *ret_index);

/* The length of the name, which is NUL-terminated, or -ENXIO, -ENODEV if there is no such number,
 * or other -errno. */
CSOCK_API int csock_iface_name(struct csock *s, unsigned index, char name[CSOCK_IFACE_NAME_MAX]);

struct csock_iface {
    unsigned index;
    char name[CSOCK_IFACE_NAME_MAX];
};

/* All of the calling thread's namespace. Returns how many; *ret_list is the caller's:
 * csock_iface_list_free. Errors: -ENOMEM and other -errno. if_nameindex(3). */
CSOCK_API int csock_iface_list(struct csock_iface **ret_list);
CSOCK_API void csock_iface_list_free(struct csock_iface *list);

CSOCK__END
#endif
