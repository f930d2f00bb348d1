/* See bursts.h. */
#include "bursts.h"

static const struct csock__about about = {.application = "a"};
static struct csock__flow flow;
static unsigned packets;
static void *(*thread)(void *arg);

struct csock__pcap *burst_file(void)
{
    struct csock__pcap *p = NULL;
    unlink(block_path);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, csock_forks() + 1, &p), 0);
    flow = (struct csock__flow){.tcp = true, .end = {{.port = 1, .seq = 1}, {.port = 2, .seq = 1}}};
    packets = 0;
    return p;
}

void burst_write(struct csock__pcap *p, size_t n)
{
    static char data[60000];
    assert_in_range(n, 1, sizeof data);
    csock__lock(&p->lock);
    flow.unacknowledged[0] = 0; /* no answers in between: one packet each */
    csock__flow_bytes(&flow, &p->batch, CSOCK__OUTWARD, 1, data, n, n);
    csock__batch_end(&p->batch);
    packets++;
    csock__unlock(&p->lock);
}

size_t burst_collected(struct csock__pcap *p)
{
    csock__lock(&p->lock);
    size_t n = p->burst.n;
    csock__unlock(&p->lock);
    return n;
}

/* On a machine that takes this thread off its processor, in several attempts. */
void burst_begin(struct csock__pcap *p)
{
    while (burst_collected(p) == 0)
        burst_write(p, 50000);
}

unsigned burst_packets(void)
{
    return packets;
}

void burst_await_end_of_thread(void)
{
    while (csock__flusher_runs())
        util_sleep(MS);
}

void burst_end(struct csock__pcap *p)
{
    csock__pcap_let_go(p);
    if (thread)
        burst_run_thread();
    burst_await_end_of_thread();
}

static int keep_thread(pthread_t *ret_thread, void *(*run)(void *arg), void *arg)
{
    (void)ret_thread;
    (void)arg;
    thread = run;
    return 0;
}

static int detach_nothing(pthread_t unused)
{
    (void)unused;
    return 0;
}

void burst_no_thread(void)
{
    thread = NULL;
    fake_under()->thread_start = keep_thread;
    fake_under()->thread_detach = detach_nothing;
    fake_clock_set(csock_now());
}

void burst_run_thread(void)
{
    void *(*run)(void *arg) = thread;
    assert_non_null(run);
    thread = NULL;
    run(NULL);
}
