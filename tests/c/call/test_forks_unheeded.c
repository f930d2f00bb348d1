/* Where the kernel promises to wipe a page in children and does not, as an emulator may: fork(3) is
 * noticed all the same, once, and also where another handler of fork(3) asks first. */
#include "forks.h"

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

static void a_fork_is_noticed_by_its_handler(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        asks_first = first;
        forks_check_noticed();
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
