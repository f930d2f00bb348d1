/* AF_QIPCRTR addresses: (node, port). */
#include "address/row.h"

static bool qipcrtr_from_py(const struct addr_request *q, PyObject *address,
                            union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_qrtr qrtr = {.family = AF_QIPCRTR};
    (void)q;
    if (!addr_nameless_pair("AF_QIPCRTR", address, &qrtr.node, &qrtr.port))
        return false;
    ret_addr->qrtr = qrtr;
    *ret_len = sizeof qrtr;
    return true;
}

static PyObject *qipcrtr_as_py(const struct addr_origin *o, const union csock_addr *addr,
                               socklen_t len)
{
    (void)o;
    (void)len;
    return Py_BuildValue("(II)", addr->qrtr.node, addr->qrtr.port);
}

const struct addr_row addr_row_qipcrtr = {AF_QIPCRTR, sizeof(struct csock_addr_qrtr),
                                          qipcrtr_from_py, qipcrtr_as_py, NULL};
