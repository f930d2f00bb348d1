/* Where the kernel promises to wipe a page in children and does not, as an emulator may: fork(3) is
 * noticed all the same, once, and also where another handler of fork(3) asks first. */
#include "util.h"

#include <sys/wait.h>

static uint32_t word;
static bool asks_first;

static void *unheeded(void)
{
    return &word;
}

static void ask_in_child(void)
{
    if (asks_first)
        csock_forks();
}

/* Before the library asks for its page, and in a child before it hears of the fork. */
__attribute__((constructor(101))) static void have_such_a_kernel(void)
{
    fake_install();
    fake_under()->wiped_on_fork = unheeded;
    pthread_atfork(NULL, NULL, ask_in_child);
}

static struct csock s[2];

static int grandchild(void *before)
{
    return csock_forks() == *(uint32_t *)before + 2 ? 0 : __LINE__;
}

static int child(void *before)
{
    if (csock_forks() != *(uint32_t *)before + 1)
        return __LINE__;
    if (csock_close(&s[0]) != 0 || csock_close(&s[1]) != 0) /* nobody is inside here */
        return __LINE__;
    util_in_child(grandchild, before);
    return 0;
}

static void a_fork_is_noticed_by_its_handler(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct util_call call = {.run = util_recv, .s = &s[0]};
        uint32_t before = csock_forks();
        asks_first = first;
        util_pair(s, AF_UNIX, SOCK_STREAM);
        util_start_asleep(&call);
        util_in_child(child, &before);
        util_close(&s[0]);
        assert_int_equal(util_join(&call), CSOCK_ECLOSED);
        util_close(&s[1]);
    }
}

static void it_is_that_page(void **state)
{
    (void)state;
    assert_int_equal(word, csock_forks() + 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_fork_is_noticed_by_its_handler),
        TEST(it_is_that_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
