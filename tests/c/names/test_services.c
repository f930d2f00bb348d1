/* Services and protocols: scripted, and those of the machine, where it has the files. */
#include "answers.h"

#include <limits.h>

static void services_grow_the_buffer(void **state)
{
    char name[16] = "before";
    (void)state;
    script_answers();
    assert_int_equal(csock_service_by_name("oracle", NULL), 65000);
    assert_int_equal(csock_service_by_name("oracle", "udp"), 65000);
    assert_int_equal(csock_service_by_name("oracle", "tcp"), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(65000, "tcp", name, sizeof name), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(65000, "udp", name, 0), -ENOSPC);
    assert_int_equal(csock_service_by_port(65000, "udp", name, 6), -ENOSPC);
    assert_string_equal(name, "before");
    assert_int_equal(csock_service_by_port(65000, NULL, name, 7), 6);
    assert_string_equal(name, "oracle");
    assert_int_equal(csock_protocol_by_name("experiment"), 143);
    assert_true(fake_calls(FAKE_GETPROTOBYNAME_R) > 1);
}

static void service_failures(void **state)
{
    static const long bad[] = {-1, 65536, LONG_MAX, LONG_MIN};
    char name[16] = "before";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(csock_service_by_port(bad[i], NULL, name, 16), CSOCK_EPORT);
    assert_int_equal(fake_calls(FAKE_GETSERVBYPORT_R), 0);
    for (int err = 0; err <= ENOENT; err += ENOENT) { /* glibc's "not found", and musl's */
        fake_fail(FAKE_GETSERVBYNAME_R, 1, err);
        assert_int_equal(csock_service_by_name("x", NULL), CSOCK_ESERVICE);
        fake_fail(FAKE_GETSERVBYPORT_R, 1, err);
        assert_int_equal(csock_service_by_port(1, NULL, name, 16), CSOCK_ESERVICE);
        fake_fail(FAKE_GETPROTOBYNAME_R, 1, err);
        assert_int_equal(csock_protocol_by_name("x"), CSOCK_EPROTOCOL);
    }
    fake_fail(FAKE_GETSERVBYNAME_R, 1, EMFILE);
    assert_int_equal(csock_service_by_name("x", NULL), -EMFILE);
    fake_fail(FAKE_GETSERVBYPORT_R, 1, EMFILE);
    assert_int_equal(csock_service_by_port(1, NULL, name, 16), -EMFILE);
    fake_fail(FAKE_GETPROTOBYNAME_R, 1, EMFILE);
    assert_int_equal(csock_protocol_by_name("x"), -EMFILE);
    assert_string_equal(name, "before");
}

static void services_of_this_machine(void **state)
{
    char name[64];
    (void)state;
    if (access("/etc/services", R_OK) != 0) {
        print_message("no /etc/services here\n");
        skip();
    }
    assert_int_equal(csock_service_by_name("http", "tcp"), 80);
    assert_int_equal(csock_service_by_name("domain", NULL), 53);
    assert_int_equal(csock_service_by_name("http", "no-such-protocol"), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_name("no-such-service", NULL), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_name("", NULL), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(80, "tcp", name, sizeof name), 4);
    assert_string_equal(name, "http");
    assert_int_equal(csock_service_by_port(0, NULL, name, sizeof name), CSOCK_ESERVICE);
    assert_string_equal(name, "http");
}

static void protocols_of_this_machine(void **state)
{
    (void)state;
    if (access("/etc/protocols", R_OK) != 0) {
        print_message("no /etc/protocols here\n");
        skip();
    }
    assert_int_equal(csock_protocol_by_name("icmp"), 1);
    assert_int_equal(csock_protocol_by_name("tcp"), 6);
    assert_int_equal(csock_protocol_by_name("no-such-protocol"), CSOCK_EPROTOCOL);
    assert_int_equal(csock_protocol_by_name(""), CSOCK_EPROTOCOL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAMES_TEST(services_grow_the_buffer),
        NAMES_TEST(service_failures),
        NAMES_TEST(services_of_this_machine),
        NAMES_TEST(protocols_of_this_machine),
    };
    return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
