/* Arrays that grow. Sits on the table, for memory. */
#include "sys/sys.h"

#include <string.h>

void *csock__grown(void *list, size_t n, size_t more, size_t first, size_t size, size_t *room)
{
    size_t wanted = *room ? *room : first;
    while (wanted < n + more)
        wanted *= 2;
    if (wanted == *room)
        return list;
    void *larger = csock__sys->alloc(wanted * size);
    if (!larger)
        return NULL;
    if (n)
        memcpy(larger, list, n * size);
    csock__sys->release(list);
    *room = wanted;
    return larger;
}
