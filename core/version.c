/* Which version the library is. */
#include "csock/base.h"

const char *csock_version(void)
{
    return CSOCK_VERSION;
}
