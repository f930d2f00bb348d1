/* The reader of capture files: see blocks.h. Written by the documents, not by what writes them. */
#include "blocks.h"
#include "util.h"

#include <sys/stat.h>

char block_folder[] = "/tmp/csock-test-XXXXXX", block_path[64];

int block_make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(block_folder))
        return -1;
    snprintf(block_path, sizeof block_path, "%s/a.pcapng", block_folder);
    return 0;
}

int block_remove_folder(void **state)
{
    (void)state;
    unlink(block_path);
    return rmdir(block_folder);
}

static ssize_t room; /* on the disk */

static ssize_t write_less(int fd, const struct iovec *parts, int n, off_t offset)
{
    struct iovec part = parts[0];
    (void)n;
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (part.iov_len > (size_t)room)
        part.iov_len = (size_t)room;
    ssize_t r = pwritev(fd, &part, 1, offset);
    if (r > 0)
        room -= r;
    return r;
}

void block_disk_takes(ssize_t bytes)
{
    room = bytes;
    fake_under()->file_write = write_less;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t net(const uint8_t *at, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

/* One's complement, a word at a time. */
static uint32_t sum(uint32_t so_far, const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        so_far += (uint32_t)at[i] << (i % 2 ? 0 : 8);
    while (so_far >> 16)
        so_far = (so_far >> 16) + (so_far & 0xffff);
    return so_far;
}

/* Length of the block at `at`, whose two lengths agree. */
static size_t block_size(const uint8_t *bytes, size_t n, size_t at)
{
    assert_true(n - at >= 12);
    size_t size = get32(bytes + at + 4);
    assert_true(size >= 12 && size % 4 == 0 && size <= n - at);
    assert_int_equal(get32(bytes + at + size - 4), size);
    return size;
}

size_t block_head(const uint8_t *bytes, size_t n)
{
    size_t first = block_size(bytes, n, 0), second = block_size(bytes, n, first);
    assert_int_equal(get32(bytes), 0x0A0D0D0A);
    assert_int_equal(get32(bytes + 8), 0x1A2B3C4D);
    assert_int_equal(get32(bytes + first), 1);
    assert_int_equal(get16(bytes + first + 8), 101);
    return first + second;
}

static void read_options(const uint8_t *at, const uint8_t *end, struct block *ret)
{
    ret->comment[0] = '\0';
    for (;;) {
        assert_true(end - at >= 4);
        unsigned code = get16(at), size = get16(at + 2);
        if (code == 0)
            break;
        assert_true((size_t)(end - at) >= 4 + size);
        if (code == 1)
            snprintf(ret->comment, sizeof ret->comment, "%.*s", (int)size, (const char *)at + 4);
        if (code == 2)
            ret->direction = get32(at + 4) & 3;
        at += 4 + (size + 3) / 4 * 4;
    }
    assert_ptr_equal(at + 4, end);
}

static void read_transport(const uint8_t *at, size_t size, size_t kept, uint32_t pseudo,
                           struct block *ret)
{
    size_t head = ret->tcp ? (size_t)(at[12] >> 4) * 4 : 8;
    ret->ports[0] = (uint16_t)net(at, 2);
    ret->ports[1] = (uint16_t)net(at + 2, 2);
    if (ret->tcp) {
        ret->seq = net(at + 4, 4);
        ret->ack = net(at + 8, 4);
        ret->flags = at[13];
    } else {
        assert_int_equal(net(at + 4, 2), size);
    }
    ret->data = at + head;
    ret->n = size - head;
    ret->n_kept = kept - head;
    ret->sum_right = kept == size && sum(pseudo, at, size) == 0xffff;
}

static void read_ip(const uint8_t *ip, struct block *ret)
{
    const uint8_t *addrs;
    size_t n, head;
    ret->v6 = ip[0] >> 4 == 6;
    if (ret->v6) {
        assert_int_equal(net(ip + 4, 2) + 40, ret->size);
        addrs = ip + 8, n = 16, head = 40;
        ret->tcp = ip[6] == 6;
        ret->ip_sum_right = true;
    } else {
        assert_int_equal(ip[0], 0x45);
        assert_int_equal(net(ip + 2, 2), ret->size);
        addrs = ip + 12, n = 4, head = 20;
        ret->tcp = ip[9] == 6;
        ret->id = (uint16_t)net(ip + 4, 2);
        ret->ip_sum_right = sum(0, ip, 20) == 0xffff;
    }
    memcpy(ret->from, addrs, n);
    memcpy(ret->to, addrs + n, n);
    uint32_t pseudo = sum((uint32_t)(ret->size - head) + (ret->tcp ? 6 : 17), addrs, 2 * n);
    read_transport(ip + head, ret->size - head, ret->kept - head, pseudo, ret);
}

bool block_next(const uint8_t *bytes, size_t n, size_t *at, struct block *ret)
{
    while (*at < n) {
        const uint8_t *block = bytes + *at;
        size_t size = block_size(bytes, n, *at);
        *at += size;
        if (get32(block) != 6)
            continue;
        memset(ret, 0, sizeof *ret);
        ret->time = (int64_t)((uint64_t)get32(block + 12) << 32 | get32(block + 16));
        ret->kept = get32(block + 20);
        ret->size = get32(block + 24);
        assert_true(ret->kept <= ret->size && 28 + ret->kept + 4 <= size);
        read_options(block + 28 + (ret->kept + 3) / 4 * 4, block + size - 4, ret);
        read_ip(block + 28, ret);
        return true;
    }
    return false;
}

static uint8_t *read_whole(size_t *ret_n)
{
    struct stat st;
    int fd = open(block_path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    *ret_n = 0;
    for (ssize_t r; (r = read(fd, bytes + *ret_n, (size_t)st.st_size - *ret_n)) > 0;)
        *ret_n += (size_t)r;
    close(fd);
    return bytes;
}

/* Bytes of the blocks that are all there. */
static size_t whole_blocks(const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (n - at >= 12 && get32(bytes + at + 4) <= n - at)
        at += block_size(bytes, n, at);
    return at;
}

static unsigned count(const uint8_t *bytes, size_t n, uint64_t *ret_bytes)
{
    static uint32_t next[65536]; /* by the port that sends; 0: not seen */
    struct block b;
    unsigned packets = 0;
    uint64_t data = 0;
    memset(next, 0, sizeof next);
    for (size_t at = block_head(bytes, n); block_next(bytes, n, &at, &b); packets++) {
        uint32_t *seq = &next[b.ports[0]];
        if (b.tcp && *seq)
            assert_int_equal(b.seq, *seq);
        *seq = b.seq + (uint32_t)b.n + ((b.flags & 3) != 0); /* SYN, FIN */
        data += b.n;
    }
    if (ret_bytes)
        *ret_bytes = data;
    return packets;
}

unsigned block_count(uint64_t *ret_bytes)
{
    size_t n;
    uint8_t *bytes = read_whole(&n);
    unsigned packets = count(bytes, n, ret_bytes);
    free(bytes);
    return packets;
}

unsigned block_count_so_far(void)
{
    size_t n;
    uint8_t *bytes = read_whole(&n);
    unsigned packets = count(bytes, whole_blocks(bytes, n), NULL);
    free(bytes);
    return packets;
}
