/* Connections and datagrams as packets: what a reader who knows TCP would say of them. */
#include "blocks.h"
#include "util.h"

#include "capture/flow.h"

/* What the peer of a stream has seen: of each way, the next byte; 0 packets: none yet. */
static struct watcher {
    struct csock__batch batch; /* the first */
    uint32_t next[2];
    uint64_t bytes[2];
    unsigned packets, resets, ends[2];
    int64_t time;
    uint8_t heard[2][64]; /* the first bytes of each way */
} seen;

static void look_at(const struct block *b)
{
    unsigned way = b->direction == 2 ? 0 : 1;
    assert_true(b->tcp && b->ip_sum_right);
    if (b->flags & CSOCK__SYN)
        seen.next[way] = b->seq;
    assert_int_equal(b->seq, seen.next[way]);
    assert_true(b->n == 0 || seen.ends[way] == 0);
    if (b->flags & CSOCK__ACK)
        assert_int_equal(b->ack, seen.next[!way]);
    assert_true(b->time >= seen.time);
    assert_true(b->size <= 65535 + (b->v6 ? 40 : 0));
    if (seen.bytes[way] + b->n_kept <= sizeof seen.heard[way])
        memcpy(seen.heard[way] + seen.bytes[way], b->data, b->n_kept);
    seen.time = b->time;
    seen.bytes[way] += b->n;
    seen.next[way] += (uint32_t)b->n + ((b->flags & (CSOCK__SYN | CSOCK__FIN)) != 0);
    seen.ends[way] += (b->flags & CSOCK__FIN) != 0;
    seen.resets += (b->flags & CSOCK__RST) != 0;
    seen.packets++;
}

static void watch(struct csock__batch *batch)
{
    static uint8_t bytes[CSOCK__BATCH * 66000];
    size_t n = 0, at = 0;
    struct block b;
    for (int i = 0; i < 3 * batch->n; i++) {
        assert_true(n + batch->parts[i].iov_len <= sizeof bytes);
        if (batch->parts[i].iov_len > 0)
            memcpy(bytes + n, batch->parts[i].iov_base, batch->parts[i].iov_len);
        n += batch->parts[i].iov_len;
    }
    while (block_next(bytes, n, &at, &b))
        look_at(&b);
}

static struct csock__flow begin(bool v6, uint32_t seq)
{
    struct csock__flow f = {
        .v6 = v6, .tcp = true, .end = {{.port = 1000, .seq = seq}, {.port = 80, .seq = ~seq}}};
    memset(&seen, 0, sizeof seen);
    seen.batch.flush = watch;
    return f;
}

static void a_connection_goes_by_the_book(void **state)
{
    (void)state;
    struct csock__flow f = begin(false, 5);
    struct csock__batch *b = &seen.batch;
    csock__flow_begin(&f, b, CSOCK__OUTWARD, 10, 20, 0);
    csock__flow_bytes(&f, b, CSOCK__OUTWARD, 30, "question", 8, 8);
    csock__flow_bytes(&f, b, CSOCK__INWARD, 40, "an answer", 9, 9);
    csock__flow_end(&f, b, CSOCK__INWARD, 50);
    csock__flow_end(&f, b, CSOCK__INWARD, 60);
    csock__flow_bytes(&f, b, CSOCK__INWARD, 60, "late", 4, 4);
    csock__flow_end(&f, b, CSOCK__OUTWARD, 70);
    csock__batch_end(b);
    assert_int_equal(seen.packets, 9);
    assert_int_equal(seen.ends[0], 1);
    assert_int_equal(seen.ends[1], 1);
    assert_int_equal(seen.bytes[0], 8);
    assert_int_equal(seen.bytes[1], 9);
    assert_memory_equal(seen.heard[0], "question", 8);
    assert_memory_equal(seen.heard[1], "an answer", 9);
}

static void what_cannot_be_made_and_what_is_broken_off(void **state)
{
    static const struct {
        int err;
        unsigned packets, resets;
    } table[] = {{ECONNREFUSED, 2, 1}, {ETIMEDOUT, 1, 0}, {0, 4, 1}};
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct csock__flow f = begin(true, 5);
        csock__flow_begin(&f, &seen.batch, CSOCK__OUTWARD, 10, 20, table[i].err);
        csock__flow_reset(&f, &seen.batch, CSOCK__INWARD, 30);
        csock__flow_reset(&f, &seen.batch, CSOCK__INWARD, 30);
        csock__flow_bytes(&f, &seen.batch, CSOCK__OUTWARD, 30, "a", 1, 1);
        csock__flow_end(&f, &seen.batch, CSOCK__OUTWARD, 30);
        csock__batch_end(&seen.batch);
        assert_int_equal(seen.packets, table[i].packets);
        assert_int_equal(seen.resets, table[i].resets);
    }
}

/* More than 2^32 bytes each way, of which nothing is kept; in pieces, and from right before the
 * end of the numbers. */
static void sequence_numbers_go_round(void **state)
{
    static const uint8_t some[100000];
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        struct csock__flow f = begin(v6, 0xffffff00);
        csock__flow_begin(&f, &seen.batch, CSOCK__INWARD, 1, 2, 0);
        for (int i = 0; i < 9; i++)
            for (int way = 0; way < 2; way++)
                csock__flow_bytes(&f, &seen.batch, way ? CSOCK__INWARD : CSOCK__OUTWARD, 3, some,
                                  600000001, 1);
        csock__flow_end(&f, &seen.batch, CSOCK__OUTWARD, 4);
        csock__batch_end(&seen.batch);
        assert_true(seen.bytes[0] == UINT64_C(5400000009) && seen.bytes[1] == seen.bytes[0]);
        assert_int_equal(seen.next[0], (uint32_t)(UINT64_C(0xffffff00) + 5400000009 + 2));
    }
}

/* A sender without an answer would have filled any window. */
static void much_is_acknowledged(void **state)
{
    static const uint8_t much[4 << 20];
    (void)state;
    struct csock__flow f = begin(false, 1);
    csock__flow_begin(&f, &seen.batch, CSOCK__OUTWARD, 1, 2, 0);
    csock__flow_bytes(&f, &seen.batch, CSOCK__OUTWARD, 3, much, sizeof much, sizeof much);
    csock__batch_end(&seen.batch);
    assert_int_equal(seen.bytes[0], sizeof much);
    assert_in_range(seen.packets, 3 + 65 + 12, 3 + 65 + 16);
}

static struct block datagram;
static size_t datagrams;

static void keep(struct csock__batch *batch)
{
    static uint8_t bytes[70000];
    size_t n = 0, at = 0;
    assert_int_equal(batch->n, 1);
    for (int i = 0; i < 3; i++) {
        if (batch->parts[i].iov_len > 0)
            memcpy(bytes + n, batch->parts[i].iov_base, batch->parts[i].iov_len);
        n += batch->parts[i].iov_len;
    }
    assert_true(block_next(bytes, n, &at, &datagram));
    datagrams++;
}

static void a_datagram_is_one_packet(void **state)
{
    static struct csock__batch b = {.flush = keep};
    static const uint8_t much[100000];
    static const struct {
        size_t n, known, keep, size, kept;
    } table[] = {{0, 0, 0, 0, 0},
                 {5, 5, 0, 5, 5},
                 {5, 3, 0, 5, 3},
                 {500, 500, 64, 500, 64},
                 {65507, 65507, 0, 65507, 65507},
                 {100000, 100000, 0, 65507, 65507}};
    (void)state;
    datagrams = 0;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct csock__flow f = {.keep = table[i].keep, .comment = i == 1 ? "first" : NULL};
        csock__flow_datagram(&f, &b, CSOCK__INWARD, 7, much, table[i].n, table[i].known);
        csock__batch_end(&b);
        assert_int_equal(datagrams, i + 1);
        assert_int_equal(datagram.n, table[i].size);
        assert_int_equal(datagram.n_kept, table[i].kept);
        assert_int_equal(datagram.direction, 1);
        assert_string_equal(datagram.comment, i == 1   ? "first"
                                              : i == 5 ? "a datagram of 100000 bytes: the rest has "
                                                         "no place in one of UDP"
                                                       : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_goes_by_the_book), TEST(what_cannot_be_made_and_what_is_broken_off),
        TEST(sequence_numbers_go_round),     TEST(much_is_acknowledged),
        TEST(a_datagram_is_one_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
