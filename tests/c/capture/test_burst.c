/* Bursts, on a clock that stands: what is collected, and when it is written. */
#include "bursts.h"

static void few_are_written_at_once(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    for (int i = 0; i < 12; i++) {
        burst_write(p, 10000);
        assert_int_equal(block_count(NULL), burst_packets());
    }
    fake_clock_add(2 * MS); /* or many, in no burst */
    for (int i = 0; i < 50; i++, fake_clock_add(2 * MS)) {
        burst_write(p, 50000);
        assert_int_equal(block_count(NULL), burst_packets());
    }
    assert_null(p->burst.memory);
    burst_end(p);
    assert_int_equal(fake_live(), 0);
}

static void many_are_collected(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    for (int full = 0; full < 3; full++) {
        unsigned writes = fake_calls(FAKE_FILE_WRITE), before = burst_packets();
        assert_int_equal(block_count(NULL), before - 1);
        assert_int_equal((uintptr_t)p->burst.first % 4096, p->stamp.size % 4096);
        while (fake_calls(FAKE_FILE_WRITE) == writes)
            burst_write(p, 1 + burst_packets() * 7919 % 50000);
        assert_int_equal(fake_calls(FAKE_FILE_WRITE), writes + 1);
        assert_in_range(burst_packets() - before, 5, 30);
        assert_int_equal(block_count(NULL), burst_packets() - 1);
    }
    csock__pcap_flush(p);
    assert_int_equal(block_count(NULL), burst_packets());
    burst_end(p);
    assert_int_equal(fake_live(), 0);
}

static void a_pause_ends_it(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    fake_clock_add(2 * MS);
    burst_write(p, 10);
    assert_int_equal(block_count(NULL), burst_packets());
    burst_begin(p); /* another one */
    csock__pcap_end(p);
    assert_int_equal(block_count(NULL), burst_packets());
    assert_null(p->burst.memory);
    burst_end(p);
    assert_int_equal(fake_live(), 0);
}

static void the_last_user_writes_it(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    csock__pcap_let_go(p);
    assert_int_equal(block_count(NULL), burst_packets());
    burst_run_thread();
    assert_int_equal(fake_live(), 0);
}

static struct csock__pcap *looked_at;

static void look(void *unused)
{
    (void)unused;
    if (looked_at && fake_calls(FAKE_NANOSLEEP) > 1)
        assert_int_equal(block_count(NULL), burst_packets());
    if (looked_at)
        assert_non_null(looked_at->burst.memory);
}

/* After one nap; and gives the buffer back, and ends, when nothing has come for a second. */
static void the_thread_writes_it(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    looked_at = p;
    fake_hook(FAKE_NANOSLEEP, FAKE_EVERY, look, NULL);
    burst_run_thread();
    looked_at = NULL;
    assert_in_range(fake_calls(FAKE_NANOSLEEP), 49, 53);
    assert_int_equal(block_count(NULL), burst_packets());
    assert_null(p->burst.memory);
    assert_false(csock__flusher_runs());
    burst_begin(p); /* there is another one */
    assert_true(csock__flusher_runs());
    burst_end(p);
    assert_int_equal(fake_live(), 0);
}

static void without_memory_or_a_thread_all_is_written_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        burst_no_thread();
        struct csock__pcap *p = burst_file();
        fake_fail(i ? FAKE_ALLOC : FAKE_THREAD_START, FAKE_EVERY, i ? ENOMEM : EAGAIN);
        for (int k = 0; k < 60; k++) {
            burst_write(p, 10000);
            assert_int_equal(block_count(NULL), burst_packets());
        }
        enum fake_entry asked = i ? FAKE_ALLOC : FAKE_THREAD_START;
        assert_in_range(fake_calls(asked), 2, 8); /* now and then */
        fake_install();
        csock__pcap_let_go(p);
        assert_false(csock__flusher_runs());
    }
}

static void only_so_many_files_have_buffers(void **state)
{
    struct csock__pcap *files[CSOCK__BUFFERS], *one_more;
    (void)state;
    burst_no_thread();
    for (unsigned i = 0; i < CSOCK__BUFFERS; i++) {
        files[i] = burst_file();
        burst_begin(files[i]);
    }
    one_more = burst_file();
    for (int i = 0; i < 60; i++) {
        burst_write(one_more, 10000);
        assert_int_equal(block_count(NULL), burst_packets());
    }
    assert_null(one_more->burst.memory);
    csock__pcap_let_go(files[0]);
    burst_begin(one_more);
    for (unsigned i = 1; i < CSOCK__BUFFERS; i++)
        csock__pcap_let_go(files[i]);
    burst_end(one_more);
    assert_int_equal(fake_live(), 0);
}

/* At any place of the buffer: what is whole before it stays. */
static void a_full_disk_leaves_whole_packets(void **state)
{
    (void)state;
    for (ssize_t bytes = 0; bytes < 2000; bytes += 13) {
        burst_no_thread();
        struct csock__pcap *p = burst_file();
        burst_begin(p);
        csock__pcap_flush(p);
        unsigned before = burst_packets();
        burst_write(p, 100);
        size_t each = p->burst.n;
        for (int i = 0; i < 20; i++)
            burst_write(p, 100);
        block_disk_takes(bytes);
        csock__pcap_flush(p);
        assert_int_equal(csock__pcap_failure(p), ENOSPC);
        assert_int_equal(csock__pcap_failure(p), 0);
        for (int i = 0; i < 20; i++)
            burst_write(p, 50000); /* for nobody */
        assert_int_equal(p->fd, -1);
        assert_null(p->burst.memory);
        assert_int_equal(block_count(NULL), before + (unsigned)bytes / (unsigned)each);
        burst_end(p);
        assert_int_equal(fake_live(), 0);
        fake_install();
    }
}

static void what_has_got_its_descriptor_is_left_alone(void **state)
{
    (void)state;
    burst_no_thread();
    struct csock__pcap *p = burst_file();
    burst_begin(p);
    int fd = p->fd, other = open("/dev/null", O_RDWR | O_CLOEXEC);
    unsigned in_file = block_count(NULL), writes = fake_calls(FAKE_FILE_WRITE);
    assert_int_equal(dup2(other, fd), fd);
    csock__pcap_flush(p);
    assert_int_equal(csock__pcap_failure(p), EBADF);
    assert_int_equal(fake_calls(FAKE_FILE_WRITE), writes);
    assert_int_equal(block_count(NULL), in_file);
    burst_end(p);
    assert_int_equal(fake_live(), 0);
    assert_true(util_fd_is_open(fd));
    close(fd);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(few_are_written_at_once),
        TEST(many_are_collected),
        TEST(a_pause_ends_it),
        TEST(the_last_user_writes_it),
        TEST(the_thread_writes_it),
        TEST(without_memory_or_a_thread_all_is_written_at_once),
        TEST(only_so_many_files_have_buffers),
        TEST(a_full_disk_leaves_whole_packets),
        TEST(what_has_got_its_descriptor_is_left_alone),
    };
    return cmocka_run_group_tests(tests, block_make_folder, block_remove_folder);
}
