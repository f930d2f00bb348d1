/* AF_ALG addresses: (type, name[, feat[, mask]]). Errors are stock's. */
#include "address/row.h"

#include <string.h>

static bool alg_text(const char *text, char *field, size_t size, const char *too_long)
{
    size_t n = strlen(text);
    if (n >= size) {
        PyErr_SetString(PyExc_ValueError, too_long);
        return false;
    }
    memcpy(field, text, n + 1);
    return true;
}

static bool alg_from_py(const struct addr_request *q, PyObject *address, union csock_addr *ret_addr,
                        socklen_t *ret_len)
{
    struct csock_addr_alg alg = {.family = AF_ALG};
    const char *type, *name;
    unsigned short feat = 0, mask = 0;
    if (!addr_is_tuple(q, "AF_ALG", address) ||
        !PyArg_ParseTuple(address,
                          "ss|HH;AF_ALG address must be a tuple (type, name[, feat[, mask]])",
                          &type, &name, &feat, &mask) ||
        !alg_text(type, alg.type, sizeof alg.type, "AF_ALG type too long.") ||
        !alg_text(name, alg.name, sizeof alg.name, "AF_ALG name too long."))
        return false;
    alg.feat = feat;
    alg.mask = mask;
    ret_addr->alg = alg;
    *ret_len = sizeof alg;
    return true;
}

static PyObject *alg_as_py(const struct addr_origin *o, const union csock_addr *addr, socklen_t len)
{
    const struct csock_addr_alg *alg = &addr->alg;
    (void)o;
    (void)len;
    return Py_BuildValue("(s#s#II)", alg->type, (Py_ssize_t)strnlen(alg->type, sizeof alg->type),
                         alg->name, (Py_ssize_t)strnlen(alg->name, sizeof alg->name), alg->feat,
                         alg->mask);
}

const struct addr_row addr_row_alg = {AF_ALG, sizeof(struct csock_addr_alg), alg_from_py, alg_as_py,
                                      NULL};
