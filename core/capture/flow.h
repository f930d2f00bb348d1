/* What a socket has carried, as packets: of a stream a connection of TCP that goes as the book has
 * it, of datagrams one of UDP each. Pure: packets go to a batch, and from there where its owner
 * wants them.
 *
 * A connection is shaken hands on before its first byte, ended by FIN each way and by RST. Each
 * packet acknowledges all that has come; who has sent much without an answer gets an empty one. */
#ifndef CSOCK_CORE_FLOW_H
#define CSOCK_CORE_FLOW_H

#include "capture/packet.h"

#define CSOCK__BATCH 16

/* Packets on their way into a file: three parts each. */
struct csock__batch {
    void (*flush)(struct csock__batch *b); /* takes all that is there, whole packets */
    int n;                                 /* packets */
    struct iovec parts[3 * CSOCK__BATCH];
    struct csock__wrapping wrapping[CSOCK__BATCH];
};
/* What is left. */
void csock__batch_end(struct csock__batch *b);

struct csock__flow {
    bool v6, tcp;
    bool begun, ended[2], reset;
    struct csock__end end[2];   /* by way: who sends it. The socket's own first */
    uint32_t unacknowledged[2]; /* bytes */
    uint16_t id;
    size_t keep;         /* of the data of each packet; 0: all */
    const char *comment; /* of the next packet; forgotten then */
};

/* time: ns since 1970. A handshake that began and ended then, by the one who sends that way; err:
 * 0, or the errno that it failed with. */
void csock__flow_begin(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t began, int64_t ended, int err);
/* n bytes, of which data has the first `known`. */
void csock__flow_bytes(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t time, const void *data, size_t n, size_t known);
/* There will be no more that way: once, whoever asks. */
void csock__flow_end(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                     int64_t time);
void csock__flow_reset(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                       int64_t time);
/* One of n bytes; what is too large for UDP is cut. */
void csock__flow_datagram(struct csock__flow *f, struct csock__batch *b, enum csock__way way,
                          int64_t time, const void *data, size_t n, size_t known);

#endif
