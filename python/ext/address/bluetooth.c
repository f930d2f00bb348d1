/* AF_BLUETOOTH addresses, by protocol. Device addresses are texts, "00:11:22:33:44:55".
 *
 *   BTPROTO_L2CAP    (bdaddr, psm); from 3.14 on (bdaddr, psm[, cid[, bdaddr_type]])
 *   BTPROTO_RFCOMM   (bdaddr, channel)
 *   BTPROTO_HCI      takes (device,), gives device; from 3.14 on also device and (device, channel)
 *   BTPROTO_SCO      takes bytes, gives str; with a bug fix of 3.13 takes str, too
 *
 * Errors are stock's; so is that numbers are cut to the width of their field, and that psm and cid
 * are in the byte order of the machine. */
#include "address/row.h"
#include "shared/args.h"
#include "shared/fixes.h"

enum { L2CAP = 0, HCI = 1, SCO = 2, RFCOMM = 3 };

static bool raise_wrong_format(const struct addr_request *q)
{
    PyErr_Format(PyExc_OSError, "%s(): wrong format", q->what);
    return false;
}

static bool device_parse(const char *text, uint8_t bdaddr[6])
{
    if (csock_bdaddr_parse(text, bdaddr) == 0)
        return true;
    PyErr_SetString(PyExc_OSError, "bad bluetooth address");
    return false;
}

#if PY_VERSION_HEX < 0x030E0000
/* The number of a field that cuts it to its width: before the fix it has to fit an int. */
static int number(PyObject *o, void *ret)
{
    if (!fix_bluetooth_numbers())
        return ext_int(o, ret);
    *(int *)ret = (int)PyLong_AsUnsignedLongMask(o);
    return !PyErr_Occurred();
}
#endif

static bool l2_from_py(const struct addr_request *q, PyObject *address, struct csock_addr_l2 *l2)
{
    const char *device;
#if PY_VERSION_HEX >= 0x030E0000
    if (!PyArg_ParseTuple(address, "sH|HB", &device, &l2->psm, &l2->cid, &l2->bdaddr_type))
        return raise_wrong_format(q);
#else
    int psm;
    if (!PyArg_ParseTuple(address, "sO&", &device, number, &psm))
        return raise_wrong_format(q);
    l2->psm = (uint16_t)psm;
#endif
    return device_parse(device, l2->bdaddr);
}

static bool rc_from_py(const struct addr_request *q, PyObject *address, struct csock_addr_rc *rc)
{
    const char *device;
#if PY_VERSION_HEX >= 0x030E0000
    if (!PyArg_ParseTuple(address, "sB", &device, &rc->channel))
        return raise_wrong_format(q);
#else
    int channel;
    if (!PyArg_ParseTuple(address, "sO&", &device, number, &channel))
        return raise_wrong_format(q);
    rc->channel = (uint8_t)channel;
#endif
    return device_parse(device, rc->bdaddr);
}

static bool hci_from_py(const struct addr_request *q, PyObject *address, struct csock_addr_hci *hci)
{
#if PY_VERSION_HEX >= 0x030E0000
    if (PyIndex_Check(address))
        return PyArg_Parse(address, "H", &hci->dev);
    if (!PyArg_ParseTuple(address, "H|H", &hci->dev, &hci->channel))
        return raise_wrong_format(q);
#else
    int device;
    if (!PyArg_ParseTuple(address, "O&", number, &device))
        return raise_wrong_format(q);
    hci->dev = (uint16_t)device;
    if (!fix_bluetooth_numbers()) /* both fields are filled by one int: a way to the channel */
        hci->channel = (uint16_t)((unsigned)device >> 16);
#endif
    return true;
}

static bool sco_from_py(const struct addr_request *q, PyObject *address, struct csock_addr_sco *sco)
{
    const char *device;
    bool fixed = fix_bluetooth_sco();
    if (!PyBytes_Check(address) && !(fixed && PyUnicode_Check(address)))
        return raise_wrong_format(q);
    if (!fixed)
        device = PyBytes_AS_STRING(address);
    else if (!PyArg_Parse(address, PyBytes_Check(address) ? "y" : "s", &device))
        return false;
    return device_parse(device, sco->bdaddr);
}

static bool bluetooth_from_py(const struct addr_request *q, PyObject *address,
                              union csock_addr *ret_addr, socklen_t *ret_len)
{
    union csock_addr addr = {.any.sa_family = AF_BLUETOOTH};
    bool ok;
    socklen_t len;
    switch (EXT_GET(q->s->proto)) {
    case L2CAP:
        len = sizeof addr.l2;
        ok = l2_from_py(q, address, &addr.l2);
        break;
    case RFCOMM:
        len = sizeof addr.rc;
        ok = rc_from_py(q, address, &addr.rc);
        break;
    case HCI:
        len = sizeof addr.hci;
        ok = hci_from_py(q, address, &addr.hci);
        break;
    case SCO:
        len = sizeof addr.sco;
        ok = sco_from_py(q, address, &addr.sco);
        break;
    default:
        PyErr_Format(PyExc_OSError, "%s(): unknown Bluetooth protocol", q->what);
        return false;
    }
    if (!ok)
        return false;
    *ret_addr = addr;
    *ret_len = len;
    return true;
}

static PyObject *device_as_py(const uint8_t bdaddr[6])
{
    char text[sizeof "00:11:22:33:44:55"];
    int n = csock_bdaddr_format(bdaddr, text, sizeof text);
    return PyUnicode_FromStringAndSize(text, n);
}

static PyObject *l2_as_py(const struct csock_addr_l2 *l2)
{
    PyObject *device = device_as_py(l2->bdaddr);
    if (!device)
        return NULL;
#if PY_VERSION_HEX >= 0x030E0000
    if (l2->bdaddr_type)
        return Py_BuildValue("(NHHB)", device, l2->psm, l2->cid, l2->bdaddr_type);
    if (l2->cid)
        return Py_BuildValue("(NHH)", device, l2->psm, l2->cid);
#endif
    return Py_BuildValue("(NH)", device, l2->psm);
}

static PyObject *rc_as_py(const struct csock_addr_rc *rc)
{
    PyObject *device = device_as_py(rc->bdaddr);
    return device ? Py_BuildValue("(NB)", device, rc->channel) : NULL;
}

static PyObject *hci_as_py(const struct csock_addr_hci *hci)
{
#if PY_VERSION_HEX >= 0x030E0000
    if (hci->channel)
        return Py_BuildValue("(HH)", hci->dev, hci->channel);
#endif
    return PyLong_FromLong(hci->dev);
}

static PyObject *bluetooth_as_py(const struct addr_origin *o, const union csock_addr *addr,
                                 socklen_t len)
{
    (void)len;
    switch (o->proto) {
    case L2CAP:
        return l2_as_py(&addr->l2);
    case RFCOMM:
        return rc_as_py(&addr->rc);
    case HCI:
        return hci_as_py(&addr->hci);
    case SCO:
        return device_as_py(addr->sco.bdaddr);
    default:
        PyErr_SetString(PyExc_ValueError, "Unknown Bluetooth protocol");
        return NULL;
    }
}

static bool bluetooth_has_form(const struct sock_object *s)
{
    if (EXT_GET(s->proto) >= L2CAP && EXT_GET(s->proto) <= RFCOMM)
        return true;
    PyErr_SetString(PyExc_OSError, "getsockaddrlen: unknown BT protocol");
    return false;
}

/* The size of the largest of the four. */
const struct addr_row addr_row_bluetooth = {AF_BLUETOOTH, sizeof(struct csock_addr_l2),
                                            bluetooth_from_py, bluetooth_as_py, bluetooth_has_form};
