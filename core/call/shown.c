/* What a call shows that is no csock__op: one that waits for several sockets, or for a name. The
 * others write it themselves (wait.c), which saves them a step. Sits on wake. */
#include "call/thread.h"
#include "call/wake.h"

void csock__show(const struct csock__sleep *sleep, const struct csock__shown *wait)
{
    struct csock__shown *shown = sleep->shown;
    if (csock__records.off)
        return;
    uint32_t count = csock__show_begin(shown);
    shown->fd = wait->fd;
    shown->what = wait->what;
    shown->about_size = wait->about_size;
    shown->since = wait->since;
    shown->deadline = wait->deadline;
    shown->about = wait->about;
    shown->frame = (uintptr_t)sleep;
    csock__show_end(shown, count);
}
