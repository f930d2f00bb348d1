/* Network interfaces between names and numbers, netdevice(7). Sits on users
 * and sys. Must not keep anything: interfaces come and go. */
#include "sys/sys.h"
#include "call/users.h"

#include <net/if.h>
#include <string.h>

_Static_assert(CSOCK_IFACE_NAME_MAX >= IF_NAMESIZE, "any name, with its NUL");

/* The kernel would cut a longer name, and perhaps find another interface by what is left. */
static int index_by_socket(struct csock *s, const char *name)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->iface_index(csock__fd(s), name));
    csock__leave(&call);
    return r;
}

int csock_iface_index(struct csock *s, const char *name, unsigned *ret_index)
{
    if (strlen(name) >= IF_NAMESIZE)
        return -ENODEV;
    if (s) {
        int r = index_by_socket(s, name);
        if (r >= 0)
            *ret_index = (unsigned)r;
        return r < 0 ? r : 0;
    }
    unsigned index = csock__sys->if_nametoindex(name);
    if (index == 0)
        return -errno;
    *ret_index = index;
    return 0;
}

static int name_by_socket(struct csock *s, unsigned index, char name[IF_NAMESIZE])
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->iface_name(csock__fd(s), (int)index, name));
    csock__leave(&call);
    return r;
}

int csock_iface_name(struct csock *s, unsigned index, char name[CSOCK_IFACE_NAME_MAX])
{
    char found[IF_NAMESIZE + 1] = "";
    if (s) {
        int r = name_by_socket(s, index, found);
        if (r < 0)
            return r;
    } else if (!csock__sys->if_indextoname(index, found)) {
        return -errno;
    }
    size_t n = strnlen(found, CSOCK_IFACE_NAME_MAX - 1);
    memcpy(name, found, n);
    name[n] = '\0';
    return (int)n;
}

/* How many rows libc's list has before the one that ends it. */
static size_t count_of(const struct if_nameindex *rows)
{
    size_t n = 0;
    while (rows[n].if_index != 0)
        n++;
    return n;
}

int csock_iface_list(struct csock_iface **ret_list)
{
    struct if_nameindex *rows = csock__sys->if_nameindex();
    if (!rows)
        return -errno;
    size_t n = count_of(rows);
    struct csock_iface *list = csock__sys->alloc((n + 1) * sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        list[i].index = rows[i].if_index;
        strncpy(list[i].name, rows[i].if_name, sizeof list[i].name - 1);
    }
    csock__sys->if_freenameindex(rows);
    if (!list)
        return -ENOMEM;
    *ret_list = list;
    return (int)n;
}

void csock_iface_list_free(struct csock_iface *list)
{
    csock__sys->release(list);
}
