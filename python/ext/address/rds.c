/* AF_RDS: its sockets take (host, port), and hand out addresses of AF_INET. Sits on inet.c;
 * error texts speak of AF_INET, as stock's do. */
#include "address/row.h"

static bool rds_from_py(const struct addr_request *q, PyObject *address, union csock_addr *ret_addr,
                        socklen_t *ret_len)
{
    return addr_row_inet.from_py(q, address, ret_addr, ret_len);
}

const struct addr_row addr_row_rds = {AF_RDS, sizeof(struct sockaddr_in), rds_from_py, NULL, NULL};
