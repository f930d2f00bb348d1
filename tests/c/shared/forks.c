#include "forks.h"

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

void forks_check_noticed(void)
{
    struct util_call call = {.run = util_recv, .s = &s[0]};
    uint32_t before = csock_forks();
    util_pair(s, AF_UNIX, SOCK_STREAM);
    util_start_asleep(&call);
    util_in_child(child, &before);
    util_close(&s[0]);
    assert_int_equal(util_join(&call), CSOCK_ECLOSED);
    util_close(&s[1]);
}
