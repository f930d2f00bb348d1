/* Bursts: where packets come so fast that a write for each would cost as much as the transfers.
 *
 * A burst is what comes without a pause of PAUSE. Its first packets, up to ALONE bytes, are written
 * one by one, as are those that are in none; after that they are collected, and written when there
 * is no room for the next, by csock__pcap_flush(), or by a thread (flusher.h), which comes by every
 * LATE: so at the latest twice that after the first of them. Either way the file has whole packets,
 * in their order. */
#ifndef CSOCK_CORE_BURST_H
#define CSOCK_CORE_BURST_H

#include <stddef.h>
#include <stdint.h>

#define CSOCK__PAUSE INT64_C(1000000)   /* ns, by CLOCK_MONOTONIC, as all here */
#define CSOCK__LATE 20u                 /* ms */
#define CSOCK__IDLE INT64_C(1000000000) /* ns without a packet, then the buffer goes */
#define CSOCK__ALONE ((size_t)128 * 1024)
#define CSOCK__COLLECTED ((size_t)512 * 1024)
#define CSOCK__BUFFERS 64u /* of all files, so that a server has memory left: flusher.c */

struct csock__batch;
struct csock__pcap;

struct csock__burst {
    int64_t newest;  /* when the newest packet was taken */
    uint64_t bytes;  /* so far, of all that came without a pause */
    uint8_t *memory; /* of the buffer; NULL: there is none */
    uint8_t *first;  /* of its bytes */
    size_t n;
    uint32_t since; /* when they began to wait, in ms, never 0; 0: there are none. Atomic */
};

static inline uint32_t csock__burst_ms(int64_t ns)
{
    return (uint32_t)(ns / 1000000) | 1;
}

/* All of these are for whoever has the file's lock. The flush of its batch. */
void csock__pcap_take(struct csock__batch *b);
/* Writes what is collected; and gives the buffer back, too. */
void csock__pcap_flush(struct csock__pcap *p);
void csock__pcap_stop_collecting(struct csock__pcap *p);

#endif
