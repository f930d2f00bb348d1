/* A thread that writes what bursts have left in buffers: a program that hangs after one, or waits
 * where no capture sees it, is one whose file is read. There is one for all files, while any has a
 * buffer. At exit(3) what is collected is written, too. What ends a process without (_exit(2),
 * exec, SIGKILL) has it lost: of a burst, what came in its last 20 to 40 ms.
 *
 * A child of fork(2) has neither the thread nor its parent's files here. */
#ifndef CSOCK_CORE_FLUSHER_H
#define CSOCK_CORE_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

struct csock__pcap;

/* A file's place here. Under the lock of all of them. */
struct csock__watched {
    struct csock__pcap *next;
    unsigned held;       /* by those who go through them: it is not to be freed */
    bool listed, wanted; /* wanted: it has a buffer, or had one just now */
};

/* It has got a buffer. For whoever has its lock. False: CSOCK__BUFFERS others have one, or there is
 * no thread to be had, or it is the end of the process. */
bool csock__watch(struct csock__pcap *p);
/* Before its memory goes; its lock is not held. */
void csock__unwatch(struct csock__pcap *p);
/* Whether the thread is there; if not, all that it did is done. */
bool csock__flusher_runs(void);

#endif
