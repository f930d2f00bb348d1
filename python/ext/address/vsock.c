/* AF_VSOCK addresses: (cid, port). */
#include "address/row.h"

static bool vsock_from_py(const struct addr_request *q, PyObject *address,
                          union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_vm vm = {.family = AF_VSOCK};
    (void)q;
    if (!addr_nameless_pair("AF_VSOCK", address, &vm.cid, &vm.port))
        return false;
    ret_addr->vm = vm;
    *ret_len = sizeof vm;
    return true;
}

static PyObject *vsock_as_py(const struct addr_origin *o, const union csock_addr *addr,
                             socklen_t len)
{
    (void)o;
    (void)len;
    return Py_BuildValue("(II)", addr->vm.cid, addr->vm.port);
}

const struct addr_row addr_row_vsock = {AF_VSOCK, sizeof(struct csock_addr_vm), vsock_from_py,
                                        vsock_as_py, NULL};
