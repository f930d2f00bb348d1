/* csock_try_…: one call, never a wait; and the call that goes on after one. */
#include "csock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BIG (8 << 20)

static struct csock pair[2];

static int setup(void **state)
{
    (void)state;
    return csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, 0);
}

static int teardown(void **state)
{
    (void)state;
    csock_close(&pair[0]);
    csock_close(&pair[1]);
    return 0;
}

static void a_try_takes_what_is_there(void **state)
{
    char byte = 0;
    (void)state;
    assert_int_equal(csock_try_recv(&pair[1], &byte, 1, 0), -EAGAIN);
    assert_int_equal(csock_try_send(&pair[0], "x", 1, 0), 1);
    assert_int_equal(csock_try_recv(&pair[1], &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
}

static void a_failed_try_is_not_repeated(void **state)
{
    char byte;
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    const struct csock_wait soon = {.deadline = csock_deadline(50000000)};
    (void)state;
    csock_try_send(&pair[0], "x", 1, 0);
    assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, -EAGAIN, &now),
                     -EAGAIN); /* though it is there */
    assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, -EAGAIN, &soon), 1);
    assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, -EAGAIN, &soon), CSOCK_ETIMEOUT);
}

/* Though there is something, or room. */
static void no_call_makes_a_second_try(void **state)
{
    char byte;
    union csock_addr from;
    socklen_t len;
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    (void)state;
    assert_int_equal(csock_send_tried(&pair[0], "x", 1, 0, -EAGAIN, &now), -EAGAIN);
    assert_int_equal(csock_send_to_tried(&pair[0], "x", 1, 0, NULL, 0, -EAGAIN, &now), -EAGAIN);
    assert_int_equal(csock_send_all_tried(&pair[0], "x", 1, 0, NULL, -EAGAIN, &now), -EAGAIN);
    assert_int_equal(csock_recv(&pair[1], &byte, 1, 0, &now), -EAGAIN);
    csock_try_send(&pair[0], "x", 1, 0);
    assert_int_equal(csock_recv_from_tried(&pair[1], &byte, 1, 0, &from, &len, -EAGAIN, &now),
                     -EAGAIN);
}

static int refuse(void *arg)
{
    ++*(int *)arg;
    return 1;
}

static void an_interrupted_try_asks(void **state)
{
    int asked = 0;
    char byte;
    const struct csock_wait w = {.interrupted = refuse, .arg = &asked};
    (void)state;
    assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, -EINTR, &w), CSOCK_EINTERRUPTED);
    assert_int_equal(asked, 1);
}

/* No count is made up of what cannot have come from a try of the call. */
static void what_is_no_try_is_refused(void **state)
{
    static const ssize_t bad[] = {5, 1, -EBADF, -1, CSOCK_ETIMEOUT};
    char byte = 'z';
    union csock_addr from = {0};
    socklen_t len = 99;
    size_t sent = 99;
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ssize_t b = bad[i];
        assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, b, &now), -EINVAL);
        assert_int_equal(csock_recv_from_tried(&pair[1], &byte, 1, 0, &from, &len, b, &now),
                         -EINVAL);
        if (b == 1) /* of a send: all of it */
            continue;
        assert_int_equal(csock_send_tried(&pair[0], "x", 1, 0, b, &now), -EINVAL);
        assert_int_equal(csock_send_to_tried(&pair[0], "x", 1, 0, NULL, 0, b, &now), -EINVAL);
        assert_int_equal(csock_send_all_tried(&pair[0], "x", 1, 0, &sent, b, &now), -EINVAL);
        assert_int_equal(sent, 0);
    }
    assert_int_equal(byte, 'z');
    assert_int_equal(len, 99);
    assert_int_equal(csock_recv(&pair[1], &byte, 1, 0, &now), -EAGAIN); /* nothing went out */
}

static void without_a_try_it_is_the_plain_call(void **state)
{
    char byte = 0;
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    (void)state;
    assert_int_equal(csock_send_tried(&pair[0], "x", 1, 0, 0, &now), 1);
    assert_int_equal(csock_send_all_tried(&pair[0], "y", 1, 0, NULL, 0, &now), 0);
    assert_int_equal(csock_recv_tried(&pair[1], &byte, 1, 0, 0, &now), 1);
    assert_int_equal(byte, 'x');
}

static void a_short_send_counts_into_the_whole(void **state)
{
    char *data = calloc(1, BIG);
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    (void)state;
    ssize_t sent = csock_try_send(&pair[0], data, BIG, 0);
    assert_in_range(sent, 1, BIG - 1);
    const struct csock_wait soon = {.deadline = csock_deadline(1000000)};
    assert_int_equal(csock_send_tried(&pair[0], data, BIG, 0, sent, &soon),
                     sent); /* no blocking call then */
    ssize_t got = 0, r;
    while ((r = csock_recv(&pair[1], data, BIG, 0, &now)) > 0)
        got += r;
    assert_int_equal(got, sent);
    free(data);
}

static void a_try_that_sent_all_is_the_result(void **state)
{
    char byte;
    size_t sent = 99;
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    (void)state;
    assert_int_equal(csock_send_tried(&pair[0], "xyz", 3, 0, 3, &now), 3);
    assert_int_equal(csock_send_to_tried(&pair[0], "xyz", 3, 0, NULL, 0, 3, &now), 3);
    assert_int_equal(csock_send_all_tried(&pair[0], "xyz", 3, 0, &sent, 3, &now), 0);
    assert_int_equal(sent, 3);
    assert_int_equal(csock_recv(&pair[1], &byte, 1, 0, &now), -EAGAIN); /* none is sent again */
}

/* After a try that found nothing, or no room, each of them goes on. */
static void every_call_goes_on_after_its_try(void **state)
{
    char data[4];
    const struct csock_wait soon = {.deadline = csock_deadline(5000000000)};
    (void)state;
    assert_int_equal(csock_send_tried(&pair[0], "a", 1, 0, -EAGAIN, &soon), 1);
    assert_int_equal(csock_send_to_tried(&pair[0], "b", 1, 0, NULL, 0, -EAGAIN, &soon), 1);
    assert_int_equal(csock_send_all_tried(&pair[0], "c", 1, 0, NULL, -EINTR, &soon), 0);
    assert_int_equal(csock_recv_tried(&pair[1], data, 1, 0, -EINTR, &soon), 1);
    assert_int_equal(csock_recv_from_tried(&pair[1], data + 1, 1, 0, NULL, NULL, -EAGAIN, &soon),
                     1);
    assert_int_equal(csock_recv_from_tried(&pair[1], data + 2, 1, 0, NULL, NULL, 0, &soon), 1);
    assert_memory_equal(data, "abc", 3);
}

static void a_datagram_has_its_sender(void **state)
{
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    union csock_addr to, from;
    socklen_t len, from_len = 99;
    char data[4];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(csock_open(&s[i], AF_INET, SOCK_DGRAM, 0, 0), 0);
        assert_int_equal(csock_addr_from_host(AF_INET, "127.0.0.1", 0, &to, &len), 0);
        assert_int_equal(csock_bind(&s[i], &to.any, len), 0);
    }
    assert_int_equal(csock_sockname(&s[1], &to, &len), 0);
    assert_int_equal(csock_try_recv_from(&s[1], data, 4, 0, &from, &from_len), -EAGAIN);
    assert_int_equal(from_len, 99); /* untouched */
    assert_int_equal(csock_try_send_to(&s[0], "abc", 3, 0, &to.any, len), 3);
    assert_int_equal(csock_try_recv_from(&s[1], data, 4, 0, &from, &from_len), 3);
    assert_int_equal(csock_sockname(&s[0], &to, &len), 0);
    assert_int_equal(from_len, len);
    assert_memory_equal(&from.in.sin_addr, &to.in.sin_addr, sizeof to.in.sin_addr);
    assert_int_equal(from.in.sin_port, to.in.sin_port);
    csock_close(&s[0]);
    csock_close(&s[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_try_takes_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_try_is_not_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(no_call_makes_a_second_try, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_try_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_try_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_try_it_is_the_plain_call, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_send_counts_into_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_try_that_sent_all_is_the_result, setup, teardown),
        cmocka_unit_test_setup_teardown(every_call_goes_on_after_its_try, setup, teardown),
        cmocka_unit_test_setup_teardown(a_datagram_has_its_sender, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
