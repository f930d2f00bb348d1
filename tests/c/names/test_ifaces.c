/* Interfaces by name and number, by a socket and without one; the machine's name; options of 64
 * bits; how failures come back. */
#include "util.h"

#include <net/if.h>
#include <sched.h>

static unsigned lo_index(void)
{
    unsigned lo = if_nametoindex("lo");
    assert_true(lo > 0);
    return lo;
}

static void names_and_numbers(void **state)
{
    struct csock s = CSOCK_INIT;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    for (int by_socket = 0; by_socket <= 1; by_socket++) {
        struct csock *via = by_socket ? &s : NULL;
        unsigned index = 77;
        char name[CSOCK_IFACE_NAME_MAX] = "before";
        assert_int_equal(csock_iface_index(via, "nope", &index), -ENODEV);
        assert_int_equal(csock_iface_index(via, "", &index), -ENODEV);
        assert_int_equal(csock_iface_index(via, "lo45678901234567", &index), -ENODEV);
        assert_int_equal(index, 77);
        assert_int_equal(csock_iface_index(via, "lo", &index), 0);
        assert_int_equal(index, lo_index());
        assert_true(csock_iface_name(via, 0, name) < 0);
        assert_true(csock_iface_name(via, 1000000, name) < 0);
        assert_true(csock_iface_name(via, UINT32_MAX, name) < 0);
        assert_string_equal(name, "before");
        assert_int_equal(csock_iface_name(via, index, name), 2);
        assert_string_equal(name, "lo");
    }
    csock_close(&s);
    unsigned index;
    char name[CSOCK_IFACE_NAME_MAX];
    assert_int_equal(csock_iface_index(&s, "lo", &index), -EBADF);
    assert_int_equal(csock_iface_name(&s, 1, name), -EBADF);
}

/* A name that the kernel's structure is filled by to its last byte but one. */
static int fifteen(int fd, int index, char name[IF_NAMESIZE])
{
    (void)fd;
    (void)index;
    memset(name, 'x', IF_NAMESIZE);
    return 0;
}

static void longest_name(void **state)
{
    struct csock s = CSOCK_INIT;
    char name[CSOCK_IFACE_NAME_MAX];
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    fake_under()->iface_name = fifteen;
    assert_int_equal(csock_iface_name(&s, 1, name), 15);
    assert_string_equal(name, "xxxxxxxxxxxxxxx");
    csock_close(&s);
}

static int index_of_any(int fd, const char *name)
{
    (void)fd, (void)name;
    return 7;
}

/* The kernel takes 15 characters, and would find something by the first 15 of more. */
static void a_name_too_long_for_the_kernel_is_not_cut(void **state)
{
    struct csock s = CSOCK_INIT;
    unsigned index = 77;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    fake_under()->iface_index = index_of_any;
    assert_int_equal(csock_iface_index(&s, "x123456789abcdef", &index), -ENODEV);
    assert_int_equal(index, 77);
    assert_int_equal(csock_iface_index(&s, "x123456789abcde", &index), 0);
    assert_int_equal(index, 7);
    csock_close(&s);
}

/* Lists that no machine at hand has: none at all, and one with a name without end. */
static struct if_nameindex scripted_rows[4];

static struct if_nameindex *scripted_list(void)
{
    return scripted_rows;
}

static void keep_rows(struct if_nameindex *rows)
{
    assert_ptr_equal(rows, scripted_rows);
}

static void any_number_of_them(void **state)
{
    struct csock_iface *list = NULL;
    char long_name[] = "x123456789abcdef0123";
    (void)state;
    fake_guard();
    fake_under()->if_nameindex = scripted_list;
    fake_under()->if_freenameindex = keep_rows;
    memset(scripted_rows, 0, sizeof scripted_rows);
    assert_int_equal(csock_iface_list(&list), 0);
    assert_non_null(list);
    csock_iface_list_free(list);
    for (unsigned i = 0; i < 3; i++)
        scripted_rows[i] = (struct if_nameindex){i + 1, long_name};
    assert_int_equal(csock_iface_list(&list), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(list[i].index, i + 1);
        assert_string_equal(list[i].name, "x123456789abcde");
    }
    csock_iface_list_free(list);
    assert_int_equal(fake_live(), 0);
}

static void all_of_them(void **state)
{
    struct csock_iface *list = NULL;
    struct if_nameindex *rows = if_nameindex();
    (void)state;
    int n = csock_iface_list(&list);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(list[i].index, rows[i].if_index);
        assert_string_equal(list[i].name, rows[i].if_name);
    }
    assert_int_equal(rows[n].if_index, 0);
    if_freenameindex(rows);
    csock_iface_list_free(list);
    assert_int_equal(fake_live(), 0);
}

static void list_without_memory(void **state)
{
    struct csock_iface *list = (struct csock_iface *)&list;
    const struct csock_iface *before = list;
    (void)state;
    fake_fail(FAKE_IF_NAMEINDEX, 1, ENOBUFS);
    assert_int_equal(csock_iface_list(&list), -ENOBUFS);
    fake_fail(FAKE_ALLOC, 1, 0);
    assert_int_equal(csock_iface_list(&list), -ENOMEM);
    assert_ptr_equal(list, before);
    assert_int_equal(fake_live(), 0);
}

static void failures_are_errno(void **state)
{
    struct csock s = CSOCK_INIT;
    unsigned index;
    char name[CSOCK_IFACE_NAME_MAX];
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    fake_fail(FAKE_IFACE_INDEX, 1, EPERM);
    assert_int_equal(csock_iface_index(&s, "lo", &index), -EPERM);
    fake_fail(FAKE_IFACE_NAME, 1, EPERM);
    assert_int_equal(csock_iface_name(&s, 1, name), -EPERM);
    fake_fail(FAKE_IF_NAMETOINDEX, 1, EMFILE);
    assert_int_equal(csock_iface_index(NULL, "lo", &index), -EMFILE);
    fake_fail(FAKE_IF_INDEXTONAME, 1, EMFILE);
    assert_int_equal(csock_iface_name(NULL, 1, name), -EMFILE);
    fake_fail(FAKE_SETHOSTNAME, 1, EPERM);
    assert_int_equal(csock_hostname_set("x", 1), -EPERM);
    csock_close(&s);
}

static void another_hostname(void **state)
{
    char name[65], before[65];
    (void)state;
    if (unshare(CLONE_NEWUTS) < 0)
        skip(); /* takes a capability */
    assert_int_equal(csock_hostname(before, sizeof before), 0);
    assert_int_equal(csock_hostname_set("csock-test and more", 10), 0);
    assert_int_equal(csock_hostname(name, sizeof name), 0);
    assert_string_equal(name, "csock-test");
    memset(name, 'x', sizeof name);
    assert_int_equal(csock_hostname_set(name, 65), -EINVAL);
    assert_int_equal(csock_hostname_set(before, strlen(before)), 0);
}

static void wide_options(void **state)
{
    struct csock s = CSOCK_INIT;
    uint64_t value = 0;
    (void)state;
    /* An option that is an int gives its value on either byte order. */
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_opt_get_u64(&s, SOL_SOCKET, SO_TYPE, &value), 0);
    assert_int_equal(value, SOCK_DGRAM);
    fake_fail(FAKE_GETSOCKOPT, 1, ENOBUFS);
    assert_int_equal(csock_opt_get_u64(&s, SOL_SOCKET, SO_TYPE, &value), -ENOBUFS);
    assert_int_equal(value, SOCK_DGRAM);
    csock_close(&s);
    util_not_emulated("options of AF_VSOCK are refused");
    if (csock_open(&s, AF_VSOCK, SOCK_STREAM, 0, 0) < 0)
        skip(); /* not in this kernel */
    assert_int_equal(csock_opt_set_u64(&s, AF_VSOCK, 2, UINT64_C(1) << 33), 0);
    assert_int_equal(csock_opt_get_u64(&s, AF_VSOCK, 2, &value), 0);
    assert_true(value == UINT64_C(1) << 33);
    csock_close(&s);
    assert_int_equal(csock_opt_set_u64(&s, AF_VSOCK, 2, 1), -EBADF);
}

static socklen_t *length_asked_for;

static int seen_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    length_asked_for = len;
    return csock__sys_linux.accept4(fd, addr, len, flags);
}

/* The kernel would refuse to name the peer of an AF_ALG socket, so it is not asked. */
static void alg_accepts_without_a_name(void **state)
{
    struct csock listener, client = CSOCK_INIT, conn = CSOCK_INIT;
    union csock_addr addr;
    socklen_t len, peer_len = 99;
    (void)state;
    util_listener(&listener, AF_UNIX, 1, &addr, &len);
    assert_int_equal(csock_open(&client, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
    listener.family = AF_ALG;
    fake_under()->accept4 = seen_accept;
    assert_int_equal(csock_accept(&listener, &conn, &addr, &peer_len, NULL), 0);
    assert_null(length_asked_for);
    assert_int_equal(peer_len, 0);
    csock_close(&conn);
    csock_close(&client);
    csock_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_too_long_for_the_kernel_is_not_cut),
        TEST(any_number_of_them),
        TEST(names_and_numbers),
        TEST(longest_name),
        TEST(all_of_them),
        TEST(list_without_memory),
        TEST(failures_are_errno),
        TEST(another_hostname),
        TEST(wide_options),
        TEST(alg_accepts_without_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
