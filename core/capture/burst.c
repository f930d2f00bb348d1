/* Packets on their way into the file: see burst.h. Sits on file.h to write, on flusher.h for what
 * is left when nothing more comes. */
#include "capture/burst.h"

#include <string.h>

#include "capture/file.h"
#include "capture/flusher.h"
#include "csock/time.h"

#define PAGE 4096

/* Pages of the file are filled from pages of the buffer: that takes a third less time than from any
 * other place. */
static uint8_t *place_for(const struct csock__burst *u, uint64_t offset)
{
    uintptr_t page = ((uintptr_t)u->memory + PAGE - 1) / PAGE * PAGE;
    return u->memory + (page - (uintptr_t)u->memory) + offset % PAGE;
}

/* Without memory, or a thread to look after it, or where too many have one, there will be another
 * try in a while. */
static bool has_buffer(struct csock__pcap *p)
{
    struct csock__burst *u = &p->burst;
    if (u->memory)
        return true;
    u->memory = csock__sys->alloc(CSOCK__COLLECTED + 2 * PAGE);
    if (u->memory && csock__watch(p))
        return true;
    csock__sys->release(u->memory);
    u->memory = NULL;
    u->bytes = 0;
    return false;
}

void csock__pcap_flush(struct csock__pcap *p)
{
    struct iovec part = {p->burst.first, p->burst.n};
    p->burst.n = 0;
    if (part.iov_len > 0)
        csock__pcap_write(p, &part, 1);
    __atomic_store_n(&p->burst.since, 0, __ATOMIC_RELAXED);
}

void csock__pcap_stop_collecting(struct csock__pcap *p)
{
    csock__pcap_flush(p);
    uint8_t *memory = p->burst.memory;
    p->burst.memory = NULL;
    csock__sys->release(memory);
}

/* One packet: three parts. */
static void collect(struct csock__pcap *p, const struct iovec *parts, int64_t now)
{
    struct csock__burst *u = &p->burst;
    size_t size = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
    if (u->n + size > CSOCK__COLLECTED)
        csock__pcap_flush(p);
    if (p->fd < 0)
        return;
    if (u->n == 0) {
        u->first = place_for(u, p->stamp.size);
        __atomic_store_n(&u->since, csock__burst_ms(now), __ATOMIC_RELAXED);
    }
    for (int i = 0; i < 3; i++) {
        if (parts[i].iov_len > 0)
            memcpy(u->first + u->n, parts[i].iov_base, parts[i].iov_len);
        u->n += parts[i].iov_len;
    }
}

static uint64_t bytes_in(const struct csock__batch *b)
{
    uint64_t n = 0;
    for (int i = 0; i < 3 * b->n; i++)
        n += b->parts[i].iov_len;
    return n;
}

/* The time that a write takes is no pause. */
void csock__pcap_take(struct csock__batch *b)
{
    struct csock__pcap *p = (struct csock__pcap *)b;
    struct csock__burst *u = &p->burst;
    int64_t now = csock_now();
    if (p->fd < 0)
        return;
    if (now - u->newest > CSOCK__PAUSE)
        u->bytes = 0;
    bool collects = u->bytes > CSOCK__ALONE && has_buffer(p);
    u->bytes += bytes_in(b);
    if (collects) {
        for (int i = 0; i < b->n; i++)
            collect(p, &b->parts[3 * i], now);
    } else {
        csock__pcap_flush(p);
        csock__pcap_write(p, b->parts, 3 * b->n);
    }
    u->newest = csock_now();
}
