/* Bytes of packets: headers, lengths, checksums, padding. */
#include "blocks.h"
#include "util.h"

#include "capture/packet.h"

static uint8_t bytes[70000];

static const struct csock__end own = {.addr = {192, 0, 2, 1}, .port = 4711, .seq = 0xfffffffe},
                               peer = {.addr = {192, 0, 2, 2}, .port = 80, .seq = 17};
static const char data[] = "a question, and what belongs to it";

/* The file's bytes of one packet. */
static size_t written(const struct csock__packet *p)
{
    struct csock__wrapping w;
    csock__wrap(&w, p);
    memcpy(bytes, w.head, w.head_size);
    memcpy(bytes + w.head_size, p->data, p->kept);
    memcpy(bytes + w.head_size + p->kept, w.tail, w.tail_size);
    return w.head_size + p->kept + w.tail_size;
}

static struct block read_back(const struct csock__packet *p)
{
    struct block b;
    size_t at = 0, n = written(p);
    assert_true(block_next(bytes, n, &at, &b));
    assert_int_equal(at, n);
    return b;
}

/* Of all lengths, so that padding and odd last bytes are there. */
static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (size_t n = 0; n < sizeof data; n++) {
            struct csock__packet p = {.v6 = kind & 1,
                                      .tcp = kind & 2,
                                      .way = n % 2 ? CSOCK__INWARD : CSOCK__OUTWARD,
                                      .from = &own,
                                      .to = &peer,
                                      .flags = CSOCK__ACK | CSOCK__PSH,
                                      .time = INT64_C(1234567890123456789),
                                      .data = data,
                                      .size = n,
                                      .kept = n};
            struct block b = read_back(&p);
            assert_true(b.ip_sum_right && b.sum_right);
            assert_int_equal(b.time, p.time);
            assert_int_equal(b.direction, n % 2 ? 1 : 2);
            assert_int_equal(b.v6, p.v6);
            assert_int_equal(b.tcp, p.tcp);
            assert_memory_equal(b.from, own.addr, p.v6 ? 16 : 4);
            assert_memory_equal(b.to, peer.addr, p.v6 ? 16 : 4);
            assert_int_equal(b.ports[0], 4711);
            assert_int_equal(b.ports[1], 80);
            assert_int_equal(b.n, n);
            assert_memory_equal(b.data, data, n);
            assert_string_equal(b.comment, "");
            if (b.tcp) {
                assert_int_equal(b.seq, own.seq);
                assert_int_equal(b.ack, 17);
                assert_int_equal(b.flags, CSOCK__ACK | CSOCK__PSH);
            }
        }
}

static void what_is_not_kept_counts(void **state)
{
    char comment[2 * CSOCK__COMMENT_MAX];
    struct csock__packet p = {.tcp = true,
                              .from = &own,
                              .to = &peer,
                              .data = data,
                              .size = sizeof data,
                              .kept = 7,
                              .comment = comment};
    (void)state;
    memset(comment, 'x', sizeof comment);
    comment[sizeof comment - 1] = '\0';
    struct block b = read_back(&p);
    assert_int_equal(b.n, sizeof data);
    assert_int_equal(b.n_kept, 7);
    assert_memory_equal(b.data, data, 7);
    assert_int_equal(strlen(b.comment), CSOCK__COMMENT_MAX);
}

static void the_largest_fill_what_ip_counts(void **state)
{
    static const char much[65536];
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct csock__packet p = {
            .v6 = kind & 1, .tcp = kind & 2, .from = &own, .to = &peer, .data = much};
        p.size = p.kept = csock__packet_max(p.v6, p.tcp);
        struct block b = read_back(&p);
        assert_int_equal(b.size, p.v6 ? 65575 : 65535);
        assert_true(b.ip_sum_right);
        assert_true(b.tcp || b.sum_right);
    }
}

/* A checksum of 0 says that there is none. */
static void a_checksum_of_udp_is_not_zero(void **state)
{
    uint8_t word[2] = {0};
    struct csock__packet p = {
        .v6 = true, .from = &own, .to = &peer, .data = word, .size = 2, .kept = 2};
    bool found = false;
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        word[0] = (uint8_t)(i >> 8);
        word[1] = (uint8_t)i;
        struct block b = read_back(&p);
        const uint8_t *sum = b.data - 2;
        assert_true(b.sum_right && (sum[0] || sum[1]));
        found = found || (sum[0] == 0xff && sum[1] == 0xff);
    }
    assert_true(found);
}

static void the_head_takes_texts_of_any_length(void **state)
{
    static char text[3000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    const struct csock__about some = {.hardware = "abc", .os = "", .application = NULL},
                              much = {.hardware = text, .os = text, .application = text};
    size_t n = csock__file_head(bytes, &some);
    assert_int_equal(block_head(bytes, n), n);
    n = csock__file_head(bytes, &much);
    assert_int_equal(block_head(bytes, n), n);
    assert_true(n <= CSOCK__FILE_HEAD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(what_is_not_kept_counts),
        TEST(the_largest_fill_what_ip_counts),
        TEST(a_checksum_of_udp_is_not_zero),
        TEST(the_head_takes_texts_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
