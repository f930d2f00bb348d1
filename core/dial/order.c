/* The order of addresses: see order.h. Sits on sys, for memory. */
#include "dial/order.h"

#include <string.h>

#include "sys/sys.h"

enum { ROOM_MIN = 16 };

/* libc leaves no padding as it happened to be. */
static struct csock__candidate *find(const struct csock__order *o, const void *addr, socklen_t len)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->list[i].len == len && memcmp(&o->list[i].addr, addr, len) == 0)
            return &o->list[i];
    return NULL;
}

static void insert_at(struct csock__order *o, size_t at, const struct csock__candidate *c)
{
    memmove(&o->list[at + 1], &o->list[at], (o->n - at) * sizeof *c);
    o->list[at] = *c;
    o->n++;
}

static void take_out(struct csock__order *o, const struct csock__candidate *c)
{
    size_t at = (size_t)(c - o->list);
    memmove(&o->list[at], &o->list[at + 1], (o->n - at - 1) * sizeof *c);
    o->n--;
}

ssize_t csock__order_add(struct csock__order *o, const struct csock__found *a)
{
    ssize_t fresh = 0;
    struct csock__candidate *list =
        csock__grown(o->list, o->n, a->n, ROOM_MIN, sizeof *list, &o->room);
    if (!list)
        return -ENOMEM;
    o->list = list;
    for (size_t i = 0, at = 0; i < a->n; i++) {
        const struct csock__candidate *known = find(o, &a->list[i].addr, a->list[i].len);
        fresh += !known;
        if (!known && !a->first) {
            insert_at(o, o->n, &a->list[i]);
        } else if (a->first && !(known && known->begun)) {
            size_t before = known && known < &o->list[at];
            if (before)
                continue; /* twice in this answer */
            if (known)
                take_out(o, known);
            insert_at(o, at++, &a->list[i]);
        }
    }
    o->waiting += (size_t)fresh;
    return fresh;
}

static struct csock__candidate *first_waiting(struct csock__order *o, int other_than)
{
    for (size_t i = 0; i < o->n; i++)
        if (!o->list[i].begun && o->list[i].addr.any.sa_family != other_than)
            return &o->list[i];
    return NULL;
}

struct csock__candidate *csock__order_next(struct csock__order *o)
{
    struct csock__candidate *c = first_waiting(o, o->last_family);
    if (!c)
        c = first_waiting(o, -1);
    if (!c)
        return NULL;
    c->begun = true;
    o->waiting--;
    o->family_before = o->last_family;
    o->last_family = c->addr.any.sa_family;
    return c;
}

void csock__order_put_back(struct csock__order *o, const struct sockaddr *addr, socklen_t len)
{
    struct csock__candidate *c = find(o, addr, len);
    c->begun = false;
    o->waiting++;
    o->last_family = o->family_before;
}

void csock__order_free(struct csock__order *o)
{
    csock__sys->release(o->list);
    *o = (struct csock__order){0};
}
