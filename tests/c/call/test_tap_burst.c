/* Tapped sockets in a burst: all of it is in the file before anybody sleeps, and once it ends. */
#include "bursts.h"

#include "call/tap.h"
#include "call/users.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { SOME = 2000, TIMES = 100, MUCH = 60000 };

static struct csock s[2];
static struct csock__pcap *pcap;
static char data[MUCH];

static void tap(struct csock *which)
{
    memset(which->room, 0, sizeof which->room);
    assert_int_equal(csock__tap_begin(which, pcap, false, NULL), 0);
}

/* s[0] is tapped, and has sent and received so much that its packets are collected. The clock
 * stands, and no thread writes. */
static void burst(int family)
{
    burst_no_thread();
    pcap = burst_file();
    util_pair(s, family, SOCK_STREAM);
    tap(&s[0]);
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(csock_send(&s[i % 2], data, SOME, 0, NULL), SOME);
        assert_int_equal(csock_recv(&s[(i + 1) % 2], data, SOME, MSG_WAITALL, NULL), SOME);
    }
    assert_true(pcap->burst.n > 0);
}

static void end(void)
{
    csock__tap_end(&s[0], true);
    csock__tap_free(&s[0]);
    burst_end(pcap);
    util_close(&s[0]);
    util_close(&s[1]);
}

static void assert_all_is_written(void)
{
    uint64_t bytes;
    block_count(&bytes);
    assert_int_equal(bytes, SOME * TIMES);
    assert_int_equal(pcap->burst.n, 0);
}

static ssize_t recv_within(struct util_call *call)
{
    char byte;
    return csock_recv(call->s, &byte, 1, 0, WITHIN(100 * SOON));
}

static ssize_t recv_untried(struct util_call *call)
{
    csock__flag(call->s, CSOCK_NO_TRY, true);
    return recv_within(call);
}

static ssize_t recv_all(struct util_call *call)
{
    char bytes[4];
    return csock_recv(call->s, bytes, 4, MSG_WAITALL, call->w);
}

static ssize_t ready(struct util_call *call)
{
    return csock_ready(call->s, POLLIN, call->w);
}

static void before_a_call_sleeps(void **state)
{
    ssize_t (*const runs[])(struct util_call *) = {util_recv, recv_within, recv_untried, recv_all,
                                                   ready};
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        burst(AF_INET);
        fake_under()->poll = csock__sys_linux.poll; /* on the clock of the kernel */
        struct util_call call = {.run = runs[i], .s = &s[0]};
        util_start_asleep(&call);
        assert_all_is_written();
        assert_int_equal(csock_send(&s[1], "abcd", 4, 0, NULL), 4);
        assert_in_range(util_join(&call), 1, 4);
        end();
        fake_install();
    }
}

static void before_a_call_says_that_it_would(void **state)
{
    char byte;
    (void)state;
    burst(AF_UNIX);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, NOWAIT), -EAGAIN);
    assert_all_is_written();
    end();
}

/* Another socket of the same file. */
static void whichever_it_is(void **state)
{
    struct csock pair[2];
    char byte;
    (void)state;
    burst(AF_UNIX);
    util_pair(pair, AF_UNIX, SOCK_STREAM);
    tap(&pair[0]);
    assert_int_equal(csock_recv(&pair[0], &byte, 1, MSG_DONTWAIT, NULL), -EAGAIN);
    assert_all_is_written();
    csock__tap_free(&pair[0]);
    util_close(&pair[0]);
    util_close(&pair[1]);
    end();
}

static void shut(void)
{
    csock__tap_shut(&s[0], SHUT_WR);
}

static void end_tap(void)
{
    csock__tap_end(&s[0], false);
}

static void close_file(void)
{
    csock__pcap_close(pcap);
}

static void tap_again(void)
{
    struct csock__pcap *p = NULL;
    char path[80];
    snprintf(path, sizeof path, "%s/b", block_folder);
    assert_int_equal(csock__pcap_open(path, &(struct csock__about){0}, 0, csock_forks() + 1, &p),
                     0);
    assert_int_equal(csock__tap_begin(&s[0], p, false, NULL), 0);
    csock__pcap_let_go(p);
    unlink(path);
}

static void hear_the_end(void)
{
    char byte;
    assert_int_equal(csock_shutdown(&s[1], SHUT_WR), 0);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, NULL), 0);
}

static void at_any_end(void **state)
{
    void (*const ends[])(void) = {shut, end_tap, close_file, tap_again, hear_the_end};
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        burst(AF_INET);
        ends[i]();
        assert_all_is_written();
        end();
        fake_install();
    }
}

/* ---- threads */

static ssize_t echo(struct util_call *call)
{
    char buf[5000];
    ssize_t r, n = 0;
    while ((r = csock_recv(call->s, buf, sizeof buf, 0, NULL)) > 0)
        for (n += r; r > 0;)
            r -= csock_send(call->s, buf, (size_t)r, 0, NULL);
    return n;
}

/* Each packet acknowledges what has come: so the bytes of both ways have an order in the file, and
 * no answer is before its question. */
static void assert_answers_follow(void)
{
    struct block b;
    static uint8_t file[8 << 20];
    size_t at, ways[3] = {0};
    int fd = open(block_path, O_RDONLY);
    ssize_t n = read(fd, file, sizeof file);
    close(fd);
    assert_in_range(n, 1, sizeof file - 1);
    for (at = block_head(file, (size_t)n); block_next(file, (size_t)n, &at, &b);) {
        ways[b.direction] += b.n;
        assert_true(ways[1] <= ways[2]);
    }
    assert_int_equal(ways[1], ways[2]);
    assert_int_equal(ways[1], MUCH * 60);
}

static ssize_t take_answers(struct util_call *call)
{
    char buf[7000];
    ssize_t r = 1, n = 0;
    for (; n < MUCH * 60 && r > 0; n += r)
        r = csock_recv(call->s, buf, sizeof buf, 0, WITHIN(SOON));
    return n;
}

static void several_threads(void **state)
{
    size_t sent;
    (void)state;
    pcap = burst_file();
    util_pair(s, AF_INET, SOCK_STREAM);
    tap(&s[0]);
    struct util_call other_end = {.run = echo, .s = &s[1]},
                     taker = {.run = take_answers, .s = &s[0]};
    util_start(&other_end);
    util_start(&taker);
    for (int i = 0; i < 60; i++)
        assert_int_equal(csock_send_all(&s[0], data, MUCH, 0, &sent, NULL), 0);
    assert_int_equal(util_join(&taker), MUCH * 60);
    csock_shutdown(&s[0], SHUT_WR);
    assert_int_equal(util_join(&other_end), MUCH * 60);
    end();
    block_count(NULL);
    assert_answers_follow();
}

/* ---- forks */

static int child_is_alone(void *unused)
{
    char byte;
    (void)unused;
    if (csock_recv(&s[0], &byte, 1, 0, NOWAIT) != -EAGAIN ||
        csock_send(&s[0], "x", 1, 0, NULL) != 1)
        return __LINE__;
    csock__tap_free(&s[0]);
    csock__pcap_let_go(pcap);
    return 0;
}

static void a_child_writes_nothing_of_it(void **state)
{
    (void)state;
    burst(AF_INET);
    unsigned before = block_count(NULL);
    csock__lock(&pcap->lock);
    util_in_child(child_is_alone, NULL);
    csock__unlock(&pcap->lock);
    assert_int_equal(block_count(NULL), before);
    csock__tap_shut(&s[0], SHUT_WR);
    assert_all_is_written();
    end();
}

static pid_t grandchild = -1;

static void *fork_and_use_it(void *unused)
{
    (void)unused;
    grandchild = fork();
    if (grandchild == 0) {
        setrlimit(RLIMIT_CPU, &(struct rlimit){.rlim_cur = 10, .rlim_max = 10});
        util_exit(csock_send(&s[0], "x", 1, 0, NULL) != 1);
    }
    return NULL;
}

/* In the middle of leaving the parent's file. */
static void fork_beside(void *unused)
{
    pthread_t thread;
    (void)unused;
    if (grandchild == -1 && pthread_create(&thread, NULL, fork_and_use_it, NULL) == 0)
        pthread_join(thread, NULL);
}

static int fork_while_it_settles(void *unused)
{
    int status = -1;
    (void)unused;
    csock__generation();
    csock__pcap_let_go(pcap);                    /* the socket is its last user, */
    fake_hook(FAKE_CLOSE, 1, fork_beside, NULL); /* and closes it then */
    if (csock_send(&s[0], "x", 1, 0, NULL) != 1 || grandchild <= 0)
        return __LINE__;
    return waitpid(grandchild, &status, 0) == grandchild && status == 0 ? 0 : __LINE__;
}

static void a_fork_while_another_thread_settles_in_a_child(void **state)
{
    (void)state;
    burst(AF_INET);
    util_in_child(fork_while_it_settles, NULL);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_a_call_sleeps),
        TEST(before_a_call_says_that_it_would),
        TEST(whichever_it_is),
        TEST(at_any_end),
        TEST(several_threads),
        TEST(a_child_writes_nothing_of_it),
        TEST(a_fork_while_another_thread_settles_in_a_child),
    };
    return cmocka_run_group_tests(tests, block_make_folder, block_remove_folder);
}
