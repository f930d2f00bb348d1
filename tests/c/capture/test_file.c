/* Capture files: whose they are, that they are whole whatever fails, and that nobody else's file is
 * written to. */
#include "blocks.h"
#include "util.h"

#include "capture/file.h"

#include <sys/resource.h>
#include <sys/stat.h>

static const struct csock__about about = {.hardware = "h", .os = "o", .application = "a"};
static struct csock__flow flow;

static struct csock__pcap *opened(void)
{
    struct csock__pcap *p = NULL;
    unlink(block_path);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &p), 0);
    flow = (struct csock__flow){.tcp = true};
    return p;
}

static void write_some(struct csock__pcap *p, size_t n)
{
    static char data[100000];
    csock__flow_bytes(&flow, &p->batch, CSOCK__OUTWARD, 1, data, n, n);
    csock__batch_end(&p->batch);
}

static void it_is_new_and_the_users_alone(void **state)
{
    struct csock__pcap *p = opened(), *other = NULL;
    struct stat st;
    (void)state;
    assert_int_equal(stat(block_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fcntl(p->fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &other), -EEXIST);
    csock__pcap_let_go(p);
    assert_int_equal(unlink(block_path), 0);
    assert_int_equal(symlink("/nowhere", block_path), 0);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &other), -EEXIST);
    assert_null(other);
    assert_int_equal(unlink(block_path), 0);
    assert_int_equal(fake_live(), 0);
}

static void nothing_is_left_without_memory(void **state)
{
    struct csock__pcap *p = NULL;
    (void)state;
    for (unsigned nth = 1; nth <= 2; nth++) {
        unlink(block_path);
        fake_fail(FAKE_ALLOC, nth, ENOMEM);
        assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &p), -ENOMEM);
        fake_install();
    }
    fake_fail(FAKE_FILE_CREATE, 1, EMFILE);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &p), -EMFILE);
    fake_fail(FAKE_FILE_WRITE, 1, ENOSPC);
    assert_int_equal(csock__pcap_open(block_path, &about, 0, 1, &p), -ENOSPC);
    assert_null(p);
    assert_int_equal(fake_live(), 0);
}

/* The disk is full after so many bytes, at each place within packets. */
static void a_full_disk_leaves_whole_packets(void **state)
{
    (void)state;
    for (ssize_t bytes = 0; bytes < 400; bytes += 7) {
        struct csock__pcap *p = opened();
        write_some(p, 10);
        unsigned before = block_count(NULL);
        block_disk_takes(bytes);
        for (int i = 0; i < 10; i++)
            write_some(p, 100);
        assert_int_equal(csock__pcap_failure(p), ENOSPC);
        assert_int_equal(csock__pcap_failure(p), 0);
        assert_int_equal(p->fd, -1);
        assert_in_range(block_count(NULL), before, before + 3);
        csock__pcap_let_go(p);
        fake_install();
    }
    assert_int_equal(fake_live(), 0);
}

static void a_write_in_parts_and_a_signal_are_gone_on_after(void **state)
{
    struct csock__pcap *p = opened();
    (void)state;
    block_disk_takes(1 << 30);
    fake_fail(FAKE_FILE_WRITE, 2, EINTR);
    write_some(p, 100000);
    assert_int_equal(csock__pcap_failure(p), 0);
    assert_int_equal(block_count(NULL), 2);
    csock__pcap_let_go(p);
}

/* As daemons do: everything is closed, and the number is another file's. */
static void what_has_got_its_descriptor_is_left_alone(void **state)
{
    struct csock__pcap *p = opened();
    char name[80];
    struct stat st;
    (void)state;
    snprintf(name, sizeof name, "%s/other", block_folder);
    int fd = p->fd, other = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(dup2(other, fd), fd);
    write_some(p, 100);
    assert_int_equal(csock__pcap_failure(p), EBADF);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    csock__pcap_let_go(p);
    assert_true(util_fd_is_open(fd));
    p = opened(); /* not written to meanwhile */
    int another = p->fd;
    assert_int_equal(dup2(other, another), another);
    csock__pcap_let_go(p);
    assert_true(util_fd_is_open(another));
    close(another);
    close(fd);
    close(other);
    unlink(name);
}

/* In a child: SIGXFSZ has its default action, which ends the program. */
static int write_to_the_limit(void *arg)
{
    const struct rlimit limit = {4096, 4096};
    struct csock__pcap *p = NULL;
    (void)arg;
    signal(SIGXFSZ, SIG_DFL);
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0 ||
        csock__pcap_open(block_path, &about, 0, csock_forks() + 1, &p) < 0)
        return __LINE__;
    for (int i = 0; i < 100; i++)
        write_some(p, 100);
    sigset_t pending;
    sigpending(&pending);
    return csock__pcap_failure(p) == EFBIG && !sigismember(&pending, SIGXFSZ) ? 0 : __LINE__;
}

static void the_limit_of_files_ends_the_capture_alone(void **state)
{
    (void)state;
    unlink(block_path);
    util_in_child(write_to_the_limit, NULL);
    assert_in_range(block_count(NULL), 10, 30);
}

static int write_a_lot(void *arg)
{
    for (int i = 0; i < 100; i++)
        write_some(arg, 10000);
    csock__pcap_let_go(arg);
    return 0;
}

/* Nor closes anything but its own descriptor of it. */
static void a_child_writes_nothing(void **state)
{
    struct csock__pcap *p = opened();
    (void)state;
    write_some(p, 10);
    util_in_child(write_a_lot, p);
    write_some(p, 10);
    assert_int_equal(block_count(NULL), 2);
    csock__pcap_let_go(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_new_and_the_users_alone),
        TEST(nothing_is_left_without_memory),
        TEST(a_full_disk_leaves_whole_packets),
        TEST(a_write_in_parts_and_a_signal_are_gone_on_after),
        TEST(what_has_got_its_descriptor_is_left_alone),
        TEST(the_limit_of_files_ends_the_capture_alone),
        TEST(a_child_writes_nothing),
    };
    return cmocka_run_group_tests(tests, block_make_folder, block_remove_folder);
}
