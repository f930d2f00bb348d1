/* The packets of a flow: see flow.h. Sits on packet.h. */
#include "capture/flow.h"

#include <errno.h>
#include <stdio.h>

#define ANSWER_AFTER (256 * 1024)

void csock__batch_end(struct csock__batch *b)
{
    if (b->n > 0)
        b->flush(b);
    b->n = 0;
}

static enum csock__way other(enum csock__way way)
{
    return way == CSOCK__OUTWARD ? CSOCK__INWARD : CSOCK__OUTWARD;
}

static void set_part(struct iovec *part, const void *data, size_t n)
{
    *part = (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = n};
}

static void add_packet(struct csock__flow *f, struct csock__batch *b, struct csock__packet *p)
{
    if (b->n == CSOCK__BATCH)
        csock__batch_end(b);
    struct csock__wrapping *w = &b->wrapping[b->n];
    struct iovec *parts = &b->parts[3 * b->n];
    p->v6 = f->v6;
    p->tcp = f->tcp;
    p->from = &f->end[p->way];
    p->to = &f->end[other(p->way)];
    p->id = f->id++;
    p->comment = p->comment ? p->comment : f->comment;
    f->comment = NULL;
    csock__wrap(w, p);
    set_part(&parts[0], w->head, w->head_size);
    set_part(&parts[1], p->data, p->kept);
    set_part(&parts[2], w->tail, w->tail_size);
    b->n++;
}

/* A packet of TCP without data, and what its flags take of the sequence. */
static void add_flags(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                      int64_t time, unsigned flags)
{
    struct csock__packet p = {.way = way, .flags = (uint8_t)flags, .time = time};
    add_packet(f, b, &p);
    if (flags & (CSOCK__SYN | CSOCK__FIN))
        f->end[way].seq++;
    if (flags & CSOCK__ACK)
        f->unacknowledged[other(way)] = 0;
}

void csock__flow_begin(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t began, int64_t ended, int err)
{
    f->begun = true;
    add_flags(f, b, way, began, CSOCK__SYN);
    if (err) {
        f->reset = true;
        f->end[other(way)].seq = 0; /* nobody there has chosen one */
        if (err == ECONNREFUSED)
            add_flags(f, b, other(way), ended, CSOCK__RST | CSOCK__ACK);
        return;
    }
    add_flags(f, b, other(way), ended, CSOCK__SYN | CSOCK__ACK);
    add_flags(f, b, way, ended, CSOCK__ACK);
}

static size_t kept_of(const struct csock__flow *f, size_t known, size_t size)
{
    size_t kept = known < size ? known : size;
    return f->keep > 0 && kept > f->keep ? f->keep : kept;
}

static void add_segment(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                        int64_t time, const uint8_t *data, size_t size, size_t known, bool last)
{
    struct csock__packet p = {.way = way,
                              .flags = (uint8_t)(CSOCK__ACK | (last ? CSOCK__PSH : 0)),
                              .time = time,
                              .data = known < size ? NULL : data,
                              .size = size,
                              .kept = kept_of(f, known, size)};
    add_packet(f, b, &p);
    set_part(&b->parts[3 * b->n - 2], data, p.kept);
    f->end[way].seq += (uint32_t)size;
    f->unacknowledged[other(way)] = 0;
    f->unacknowledged[way] += (uint32_t)size;
    if (f->unacknowledged[way] >= ANSWER_AFTER)
        add_flags(f, b, other(way), time, CSOCK__ACK);
}

void csock__flow_bytes(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t time, const void *data, size_t n, size_t known)
{
    const size_t most = csock__packet_max(f->v6, true);
    const uint8_t *at = data;
    if (f->reset || f->ended[way])
        return;
    while (n > 0) {
        size_t size = n < most ? n : most;
        add_segment(f, b, way, time, at, size, known, size == n);
        at += known < size ? known : size;
        known -= known < size ? known : size;
        n -= size;
    }
}

void csock__flow_end(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                     int64_t time)
{
    if (f->reset || f->ended[way])
        return;
    f->ended[way] = true;
    add_flags(f, b, way, time, CSOCK__FIN | CSOCK__ACK);
    add_flags(f, b, other(way), time, CSOCK__ACK);
}

void csock__flow_reset(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t time)
{
    if (f->reset || (f->ended[0] && f->ended[1]))
        return;
    f->reset = true;
    add_flags(f, b, way, time, CSOCK__RST | CSOCK__ACK);
}

void csock__flow_datagram(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                          int64_t time, const void *data, size_t n, size_t known)
{
    const size_t most = csock__packet_max(f->v6, false), size = n < most ? n : most;
    char words[CSOCK__COMMENT_MAX];
    struct csock__packet p = {.way = way,
                              .time = time,
                              .data = known < size ? NULL : data,
                              .size = size,
                              .kept = kept_of(f, known, size)};
    if (n > most) {
        snprintf(words, sizeof words,
                 "a datagram of %zu bytes: the rest has no place in one of UDP", n);
        p.comment = words;
    }
    add_packet(f, b, &p);
    set_part(&b->parts[3 * b->n - 2], data, p.kept);
}
