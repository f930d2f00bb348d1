/* What a capture file says, read again: blocks of pcapng, and the headers in their packets. */
#ifndef CSOCK_TESTS_BLOCKS_H
#define CSOCK_TESTS_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A packet block. */
struct block {
    int64_t time;
    size_t size, kept; /* as it went over the wire, and as it is in the file */
    unsigned direction;
    char comment[256];
    /* of its headers */
    bool v6, tcp;
    uint8_t from[16], to[16];
    uint16_t ports[2], id;
    uint32_t seq, ack;
    unsigned flags;
    bool ip_sum_right, sum_right;
    const uint8_t *data;
    size_t n, n_kept; /* bytes of data */
};

/* The packet block at *at, and *at behind it; false at the end of n bytes. Asserts that whatever
 * stands there is well formed. Blocks of other kinds are passed over. */
bool block_next(const uint8_t *bytes, size_t n, size_t *at, struct block *ret);
/* Set-up and tear-down of a group: a folder of its own, and the path of a file in it. */
extern char block_folder[], block_path[64];
int block_make_folder(void **state);
int block_remove_folder(void **state);

/* Captures can write so many bytes from now on, and then the disk is full. */
void block_disk_takes(ssize_t bytes);

/* A section and an interface with nanoseconds: how long they are. */
size_t block_head(const uint8_t *bytes, size_t n);

/* Packets in the file at block_path, and bytes of data in them (or NULL). Asserts that it is whole,
 * and that those of a connection, which is told by its ports, go on from one another. */
unsigned block_count(uint64_t *ret_bytes);
/* The same while somebody writes to it: the last block may be there in part. */
unsigned block_count_so_far(void);

#endif
