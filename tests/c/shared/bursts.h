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
/* How many there were. */
unsigned burst_packets(void);
/* The last user lets it go; the thread has ended. */
void burst_end(struct csock__pcap *p);

/* From now on the thread does not start. Runs it, on a clock that it alone moves. */
void burst_no_thread(void);
void burst_run_thread(void);

#endif
