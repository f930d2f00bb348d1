/* Where the kernel wipes no page in children, as before Linux 4.14: fork(3) is noticed by the
 * handler that libc runs. */
#include "forks.h"

#include <sys/syscall.h>
#include <sys/wait.h>

/* Before the library asks for its page. */
__attribute__((constructor(101))) static void have_an_old_kernel(void)
{
    fake_install();
    fake_fail(FAKE_WIPED_ON_FORK, FAKE_EVERY, ENOMEM);
}

static void a_fork_is_noticed_by_its_handler(void **state)
{
    (void)state;
    forks_check_noticed();
}

#ifndef __s390__
/* That is how one can tell that the page is not there. clone(2) */
static void a_fork_that_libc_does_not_know_of_is_not(void **state)
{
    uint32_t before = csock_forks();
    int status;
    (void)state;
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(csock_forks() != before);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_fork_is_noticed_by_its_handler),
#ifndef __s390__
        TEST(a_fork_that_libc_does_not_know_of_is_not),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
