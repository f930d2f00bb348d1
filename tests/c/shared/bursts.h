/* Bursts, for tests: a capture file, packets in it, and the thread that looks after it. */
#ifndef CSOCK_TESTS_BURSTS_H
#define CSOCK_TESTS_BURSTS_H

#include "blocks.h"
#include "util.h"

#include "capture/file.h"

/* A new file at block_path, of this process, with a flow of its own. */
struct csock__pcap *burst_file(void);
/* A packet of n bytes; and so many that it collects from there on. */
void burst_write(struct csock__pcap *p, size_t n);
void burst_begin(struct csock__pcap *p);
/* Bytes that are collected; and how many packets there were. */
size_t burst_collected(struct csock__pcap *p);
unsigned burst_packets(void);
/* The last user lets it go; the thread has ended. await: it will, as no file is left. */
void burst_end(struct csock__pcap *p);
void burst_await_end_of_thread(void);

/* From now on the thread does not start. Runs it, on a clock that it alone moves. */
void burst_no_thread(void);
void burst_run_thread(void);

#endif
