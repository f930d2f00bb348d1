/* The integer constants: one table, which the build makes of tools/constants.tsv, split between
 * csock._socket (the names that stock has in this version) and csock._core (the rest). Sits on
 * shared/python.h alone.
 *
 * Numbers that Linux guarantees on every architecture are built in, so that a build on old headers
 * lacks none, and the headers of one protocol need not agree with those of another. Only the rows
 * that differ by architecture (SO_ on MIPS, PA-RISC, SPARC, Alpha and PowerPC; SOCK_ on MIPS;
 * 32-bit time; _IO codes) ask the headers included here. All of those are macros: glibc defines
 * even the enumerators SOCK_ as macros of themselves, so that #ifdef sees them. The enumerators
 * that it cannot see (IPPORT_, CAN_, TIPC_, ...) are the same everywhere and need no header.
 *
 * Must not: add what is no int (has_ipv6, BDADDR_ANY, BDADDR_LOCAL, CAPI: module.c does), nor give
 * csock._socket a name that stock lacks: the drop-in makes enums of AF_, SOCK_, MSG_ and AI_. */
#include "constants/constants.h"

#include <linux/sockios.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#if __has_include(<linux/vm_sockets.h>)
#include <linux/vm_sockets.h>
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NET32(value) __builtin_bswap32(value)
#else
#define NET32(value) (value)
#endif

/* The names themselves, and not pointers to them: each process would have to fill those in when it
 * loads this, in 80 KB of memory of its own. */
static const struct names {
#define C(name, value, since) char name##_text[sizeof #name];
#include "constants.def"
#undef C
} names = {
#define C(name, value, since) #name,
#include "constants.def"
#undef C
};

struct constant {
    long long value;
    unsigned name; /* where in names */
    int since;     /* minor version; 0: not in any stock */
};

static const struct constant constants[] = {
#define C(name, value, since) {(long long)(value), offsetof(struct names, name##_text), since},
#include "constants.def"
#undef C
};

static int is_stock(const struct constant *constant)
{
    return constant->since != 0 && constant->since <= PY_MINOR_VERSION;
}

static int add_one(PyObject *module, const struct constant *constant)
{
    PyObject *value = PyLong_FromLongLong(constant->value);
    if (value == NULL)
        return -1;
    int result = PyModule_AddObjectRef(module, (const char *)&names + constant->name, value);
    Py_DECREF(value);
    return result;
}

static int add_all(PyObject *module, int stock)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (is_stock(&constants[i]) == stock && add_one(module, &constants[i]) < 0)
            return -1;
    }
    return 0;
}

int csock_constants_add_stock(PyObject *module)
{
    return add_all(module, 1);
}

int csock_constants_add_more(PyObject *module)
{
    return add_all(module, 0);
}
