"""Types of csock.dropin: the names that CPython's socket module has in the version that runs."""

import sys
from _typeshed import ReadableBuffer, Unused
from collections.abc import Iterable
from enum import IntEnum, IntFlag
from errno import EAGAIN as EAGAIN, EBADF as EBADF, EWOULDBLOCK as EWOULDBLOCK
from io import BufferedReader, BufferedRWPair, BufferedWriter, IOBase, RawIOBase, TextIOWrapper
from typing import Any, Literal, Protocol, Self, SupportsIndex, overload

from . import _core, _socket
from ._socket import (
    BDADDR_ANY as BDADDR_ANY,
    BDADDR_LOCAL as BDADDR_LOCAL,
    CAPI as CAPI,
    CMSG_LEN as CMSG_LEN,
    CMSG_SPACE as CMSG_SPACE,
    SocketType as SocketType,
    _Address,
    _RetAddress,
    close as close,
    dup as dup,
    error as error,
    gaierror as gaierror,
    getdefaulttimeout as getdefaulttimeout,
    gethostbyaddr as gethostbyaddr,
    gethostbyname as gethostbyname,
    gethostbyname_ex as gethostbyname_ex,
    gethostname as gethostname,
    getnameinfo as getnameinfo,
    getprotobyname as getprotobyname,
    getservbyname as getservbyname,
    getservbyport as getservbyport,
    has_ipv6 as has_ipv6,
    herror as herror,
    htonl as htonl,
    htons as htons,
    if_indextoname as if_indextoname,
    if_nameindex as if_nameindex,
    if_nametoindex as if_nametoindex,
    inet_aton as inet_aton,
    inet_ntoa as inet_ntoa,
    inet_ntop as inet_ntop,
    inet_pton as inet_pton,
    ntohl as ntohl,
    ntohs as ntohs,
    setdefaulttimeout as setdefaulttimeout,
    sethostname as sethostname,
    timeout as timeout,
)

__all__ = [
    "AddressFamily",
    "BDADDR_ANY",
    "BDADDR_LOCAL",
    "CAPI",
    "CMSG_LEN",
    "CMSG_SPACE",
    "SocketKind",
    "SocketType",
    "close",
    "create_connection",
    "create_server",
    "dup",
    "error",
    "fromfd",
    "gaierror",
    "getaddrinfo",
    "getdefaulttimeout",
    "getfqdn",
    "gethostbyaddr",
    "gethostbyname",
    "gethostbyname_ex",
    "gethostname",
    "getnameinfo",
    "getprotobyname",
    "getservbyname",
    "getservbyport",
    "has_dualstack_ipv6",
    "has_ipv6",
    "herror",
    "htonl",
    "htons",
    "if_indextoname",
    "if_nameindex",
    "if_nametoindex",
    "inet_aton",
    "inet_ntoa",
    "inet_ntop",
    "inet_pton",
    "ntohl",
    "ntohs",
    "setdefaulttimeout",
    "recv_fds",
    "send_fds",
    "sethostname",
    "socket",
    "socketpair",
    "timeout",
]

class _File(Protocol):
    """What sendfile() takes: read() is called when sendfile(2) cannot be used."""

    def read(self, size: int, /) -> ReadableBuffer: ...

_Mode = Literal["r", "w", "rw", "wr", ""]
_ReadMode = Literal["rb", "br", "b"]
_WriteMode = Literal["wb", "bw"]
_ReadWriteMode = Literal["rwb", "rbw", "wrb", "wbr", "brw", "bwr"]

class SocketIO(_core.RawStream, RawIOBase):
    def __init__(
        self, sock: _socket.socket, mode: Literal["r", "w", "rw", "rb", "wb", "rwb"]
    ) -> None: ...

class socket(_socket.socket):
    def __init__(
        self,
        family: int = ...,
        type: int = ...,
        proto: int = ...,
        fileno: SupportsIndex | None = ...,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: Unused) -> None: ...
    # A number that no member has stays an int.
    @property
    def family(self) -> AddressFamily: ...
    @property
    def type(self) -> SocketKind: ...
    def dup(self) -> Self: ...
    def accept(self) -> tuple[socket, _RetAddress]: ...
    @overload
    def makefile(
        self,
        mode: _Mode = "r",
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> TextIOWrapper: ...
    @overload
    def makefile(
        self,
        mode: _ReadMode | _WriteMode | _ReadWriteMode,
        buffering: Literal[0],
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> SocketIO: ...
    @overload
    def makefile(
        self,
        mode: _ReadMode,
        buffering: Literal[-1, 1] | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> BufferedReader: ...
    @overload
    def makefile(
        self,
        mode: _WriteMode,
        buffering: Literal[-1, 1] | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> BufferedWriter: ...
    @overload
    def makefile(
        self,
        mode: _ReadWriteMode,
        buffering: Literal[-1, 1] | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> BufferedRWPair: ...
    @overload
    def makefile(
        self,
        mode: str,
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IOBase: ...
    def sendfile(self, file: _File, offset: int = 0, count: int | None = None) -> int: ...
    def get_inheritable(self) -> bool: ...
    def set_inheritable(self, inheritable: bool) -> None: ...

def fromfd(fd: SupportsIndex, family: int, type: int, proto: int = 0) -> socket: ...
def socketpair(
    family: int | None = None, type: int = ..., proto: int = 0
) -> tuple[socket, socket]: ...
def getaddrinfo(
    host: bytes | str | None,
    port: bytes | str | int | None,
    family: int = 0,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[AddressFamily, SocketKind, int, str, tuple[Any, ...]]]: ...
def recv_fds(
    sock: _socket.socket, bufsize: int, maxfds: int, flags: int = 0
) -> tuple[bytes, list[int], int, _RetAddress]: ...
def send_fds(
    sock: _socket.socket,
    buffers: Iterable[ReadableBuffer],
    fds: Iterable[int],
    flags: int = 0,
    address: _Address | None = None,
) -> int: ...
def getfqdn(name: str = "") -> str: ...
def create_connection(
    address: tuple[str | None, int],
    timeout: float | None = ...,
    source_address: _Address | None = None,
    *,
    all_errors: bool = False,
) -> socket: ...
def has_dualstack_ipv6() -> bool: ...
def create_server(
    address: _Address,
    *,
    family: int = ...,
    backlog: int | None = None,
    reuse_port: bool = False,
    dualstack_ipv6: bool = False,
) -> socket: ...

# Below: generated by tools/gen_constants.py from tools/constants.tsv. Do not edit.

class AddressFamily(IntEnum):
    AF_ALG = 38
    AF_APPLETALK = 5
    AF_ASH = 18
    AF_ATMPVC = 8
    AF_ATMSVC = 20
    AF_AX25 = 3
    AF_BLUETOOTH = 31
    AF_BRIDGE = 7
    AF_CAN = 29
    AF_ECONET = 19
    AF_INET = 2
    AF_INET6 = 10
    AF_IPX = 4
    AF_IRDA = 23
    AF_KEY = 15
    AF_LLC = 26
    AF_NETBEUI = 13
    AF_NETLINK = 16
    AF_NETROM = 6
    AF_PACKET = 17
    AF_PPPOX = 24
    AF_QIPCRTR = 42
    AF_RDS = 21
    AF_ROSE = 11
    AF_ROUTE = 16
    AF_SECURITY = 14
    AF_SNA = 22
    AF_TIPC = 30
    AF_UNIX = 1
    AF_UNSPEC = 0
    AF_VSOCK = 40
    AF_WANPIPE = 25
    AF_X25 = 9

class SocketKind(IntEnum):
    SOCK_CLOEXEC = ...
    SOCK_DGRAM = ...
    SOCK_NONBLOCK = ...
    SOCK_RAW = ...
    SOCK_RDM = ...
    SOCK_SEQPACKET = ...
    SOCK_STREAM = ...

class MsgFlag(IntFlag):
    MSG_CMSG_CLOEXEC = 1073741824
    MSG_CONFIRM = 2048
    MSG_CTRUNC = 8
    MSG_DONTROUTE = 4
    MSG_DONTWAIT = 64
    MSG_EOR = 128
    MSG_ERRQUEUE = 8192
    MSG_FASTOPEN = 536870912
    MSG_MORE = 32768
    MSG_NOSIGNAL = 16384
    MSG_OOB = 1
    MSG_PEEK = 2
    MSG_TRUNC = 32
    MSG_WAITALL = 256

class AddressInfo(IntFlag):
    AI_ADDRCONFIG = 32
    AI_ALL = 16
    AI_CANONNAME = 2
    AI_NUMERICHOST = 4
    AI_NUMERICSERV = 1024
    AI_PASSIVE = 1
    AI_V4MAPPED = 8

AF_ALG = AddressFamily.AF_ALG
AF_APPLETALK = AddressFamily.AF_APPLETALK
AF_ASH = AddressFamily.AF_ASH
AF_ATMPVC = AddressFamily.AF_ATMPVC
AF_ATMSVC = AddressFamily.AF_ATMSVC
AF_AX25 = AddressFamily.AF_AX25
AF_BLUETOOTH = AddressFamily.AF_BLUETOOTH
AF_BRIDGE = AddressFamily.AF_BRIDGE
AF_CAN = AddressFamily.AF_CAN
AF_ECONET = AddressFamily.AF_ECONET
AF_INET = AddressFamily.AF_INET
AF_INET6 = AddressFamily.AF_INET6
AF_IPX = AddressFamily.AF_IPX
AF_IRDA = AddressFamily.AF_IRDA
AF_KEY = AddressFamily.AF_KEY
AF_LLC = AddressFamily.AF_LLC
AF_NETBEUI = AddressFamily.AF_NETBEUI
AF_NETLINK = AddressFamily.AF_NETLINK
AF_NETROM = AddressFamily.AF_NETROM
AF_PACKET = AddressFamily.AF_PACKET
AF_PPPOX = AddressFamily.AF_PPPOX
AF_QIPCRTR = AddressFamily.AF_QIPCRTR
AF_RDS = AddressFamily.AF_RDS
AF_ROSE = AddressFamily.AF_ROSE
AF_ROUTE = AddressFamily.AF_ROUTE
AF_SECURITY = AddressFamily.AF_SECURITY
AF_SNA = AddressFamily.AF_SNA
AF_TIPC = AddressFamily.AF_TIPC
AF_UNIX = AddressFamily.AF_UNIX
AF_UNSPEC = AddressFamily.AF_UNSPEC
AF_VSOCK = AddressFamily.AF_VSOCK
AF_WANPIPE = AddressFamily.AF_WANPIPE
AF_X25 = AddressFamily.AF_X25
AI_ADDRCONFIG = AddressInfo.AI_ADDRCONFIG
AI_ALL = AddressInfo.AI_ALL
AI_CANONNAME = AddressInfo.AI_CANONNAME
AI_NUMERICHOST = AddressInfo.AI_NUMERICHOST
AI_NUMERICSERV = AddressInfo.AI_NUMERICSERV
AI_PASSIVE = AddressInfo.AI_PASSIVE
AI_V4MAPPED = AddressInfo.AI_V4MAPPED
MSG_CMSG_CLOEXEC = MsgFlag.MSG_CMSG_CLOEXEC
MSG_CONFIRM = MsgFlag.MSG_CONFIRM
MSG_CTRUNC = MsgFlag.MSG_CTRUNC
MSG_DONTROUTE = MsgFlag.MSG_DONTROUTE
MSG_DONTWAIT = MsgFlag.MSG_DONTWAIT
MSG_EOR = MsgFlag.MSG_EOR
MSG_ERRQUEUE = MsgFlag.MSG_ERRQUEUE
MSG_FASTOPEN = MsgFlag.MSG_FASTOPEN
MSG_MORE = MsgFlag.MSG_MORE
MSG_NOSIGNAL = MsgFlag.MSG_NOSIGNAL
MSG_OOB = MsgFlag.MSG_OOB
MSG_PEEK = MsgFlag.MSG_PEEK
MSG_TRUNC = MsgFlag.MSG_TRUNC
MSG_WAITALL = MsgFlag.MSG_WAITALL
SOCK_CLOEXEC = SocketKind.SOCK_CLOEXEC
SOCK_DGRAM = SocketKind.SOCK_DGRAM
SOCK_NONBLOCK = SocketKind.SOCK_NONBLOCK
SOCK_RAW = SocketKind.SOCK_RAW
SOCK_RDM = SocketKind.SOCK_RDM
SOCK_SEQPACKET = SocketKind.SOCK_SEQPACKET
SOCK_STREAM = SocketKind.SOCK_STREAM

from ._socket import (
    AF_DECnet, ALG_OP_DECRYPT, ALG_OP_ENCRYPT, ALG_OP_SIGN, ALG_OP_VERIFY,
    ALG_SET_AEAD_ASSOCLEN, ALG_SET_AEAD_AUTHSIZE, ALG_SET_IV, ALG_SET_KEY, ALG_SET_OP,
    ALG_SET_PUBKEY, BTPROTO_HCI, BTPROTO_L2CAP, BTPROTO_RFCOMM, BTPROTO_SCO, CAN_BCM,
    CAN_BCM_CAN_FD_FRAME, CAN_BCM_RX_ANNOUNCE_RESUME, CAN_BCM_RX_CHANGED, CAN_BCM_RX_CHECK_DLC,
    CAN_BCM_RX_DELETE, CAN_BCM_RX_FILTER_ID, CAN_BCM_RX_NO_AUTOTIMER, CAN_BCM_RX_READ,
    CAN_BCM_RX_RTR_FRAME, CAN_BCM_RX_SETUP, CAN_BCM_RX_STATUS, CAN_BCM_RX_TIMEOUT,
    CAN_BCM_SETTIMER, CAN_BCM_STARTTIMER, CAN_BCM_TX_ANNOUNCE, CAN_BCM_TX_COUNTEVT,
    CAN_BCM_TX_CP_CAN_ID, CAN_BCM_TX_DELETE, CAN_BCM_TX_EXPIRED, CAN_BCM_TX_READ,
    CAN_BCM_TX_RESET_MULTI_IDX, CAN_BCM_TX_SEND, CAN_BCM_TX_SETUP, CAN_BCM_TX_STATUS,
    CAN_EFF_FLAG, CAN_EFF_MASK, CAN_ERR_FLAG, CAN_ERR_MASK, CAN_ISOTP, CAN_J1939, CAN_RAW,
    CAN_RAW_FD_FRAMES, CAN_RAW_FILTER, CAN_RAW_JOIN_FILTERS, CAN_RAW_LOOPBACK,
    CAN_RAW_RECV_OWN_MSGS, CAN_RTR_FLAG, CAN_SFF_MASK, EAI_ADDRFAMILY, EAI_AGAIN, EAI_BADFLAGS,
    EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NODATA, EAI_NONAME, EAI_OVERFLOW, EAI_SERVICE,
    EAI_SOCKTYPE, EAI_SYSTEM, HCI_DATA_DIR, HCI_FILTER, HCI_TIME_STAMP, INADDR_ALLHOSTS_GROUP,
    INADDR_ANY, INADDR_BROADCAST, INADDR_LOOPBACK, INADDR_MAX_LOCAL_GROUP, INADDR_NONE,
    INADDR_UNSPEC_GROUP, IOCTL_VM_SOCKETS_GET_LOCAL_CID, IPPORT_RESERVED, IPPORT_USERRESERVED,
    IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_EGP, IPPROTO_ESP, IPPROTO_FRAGMENT, IPPROTO_GRE,
    IPPROTO_HOPOPTS, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IDP, IPPROTO_IGMP, IPPROTO_IP,
    IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_MPTCP, IPPROTO_NONE, IPPROTO_PIM, IPPROTO_PUP,
    IPPROTO_RAW, IPPROTO_ROUTING, IPPROTO_RSVP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_TP,
    IPPROTO_UDP, IPPROTO_UDPLITE, IPV6_CHECKSUM, IPV6_DONTFRAG, IPV6_DSTOPTS, IPV6_HOPLIMIT,
    IPV6_HOPOPTS, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF,
    IPV6_MULTICAST_LOOP, IPV6_NEXTHOP, IPV6_PATHMTU, IPV6_PKTINFO, IPV6_RECVDSTOPTS,
    IPV6_RECVHOPLIMIT, IPV6_RECVHOPOPTS, IPV6_RECVPATHMTU, IPV6_RECVPKTINFO, IPV6_RECVRTHDR,
    IPV6_RECVTCLASS, IPV6_RTHDR, IPV6_RTHDRDSTOPTS, IPV6_RTHDR_TYPE_0, IPV6_TCLASS,
    IPV6_UNICAST_HOPS, IPV6_V6ONLY, IP_ADD_MEMBERSHIP, IP_BIND_ADDRESS_NO_PORT,
    IP_DEFAULT_MULTICAST_LOOP, IP_DEFAULT_MULTICAST_TTL, IP_DROP_MEMBERSHIP, IP_HDRINCL,
    IP_MAX_MEMBERSHIPS, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_OPTIONS,
    IP_RECVOPTS, IP_RECVRETOPTS, IP_RECVTOS, IP_RETOPTS, IP_TOS, IP_TRANSPARENT, IP_TTL,
    J1939_EE_INFO_NONE, J1939_EE_INFO_TX_ABORT, J1939_FILTER_MAX, J1939_IDLE_ADDR,
    J1939_MAX_UNICAST_ADDR, J1939_NLA_BYTES_ACKED, J1939_NLA_PAD, J1939_NO_ADDR, J1939_NO_NAME,
    J1939_NO_PGN, J1939_PGN_ADDRESS_CLAIMED, J1939_PGN_ADDRESS_COMMANDED, J1939_PGN_MAX,
    J1939_PGN_PDU1_MAX, J1939_PGN_REQUEST, NETLINK_CRYPTO, NETLINK_DNRTMSG, NETLINK_FIREWALL,
    NETLINK_IP6_FW, NETLINK_NFLOG, NETLINK_ROUTE, NETLINK_USERSOCK, NETLINK_XFRM, NI_DGRAM,
    NI_MAXHOST, NI_MAXSERV, NI_NAMEREQD, NI_NOFQDN, NI_NUMERICHOST, NI_NUMERICSERV,
    PACKET_BROADCAST, PACKET_FASTROUTE, PACKET_HOST, PACKET_LOOPBACK, PACKET_MULTICAST,
    PACKET_OTHERHOST, PACKET_OUTGOING, PF_CAN, PF_PACKET, PF_RDS, SCM_CREDENTIALS,
    SCM_J1939_DEST_ADDR, SCM_J1939_DEST_NAME, SCM_J1939_ERRQUEUE, SCM_J1939_PRIO, SCM_RIGHTS,
    SHUT_RD, SHUT_RDWR, SHUT_WR, SOL_ALG, SOL_CAN_BASE, SOL_CAN_RAW, SOL_HCI, SOL_IP, SOL_RDS,
    SOL_SOCKET, SOL_TCP, SOL_TIPC, SOL_UDP, SOMAXCONN, SO_ACCEPTCONN, SO_BINDTODEVICE,
    SO_BROADCAST, SO_DEBUG, SO_DOMAIN, SO_DONTROUTE, SO_ERROR, SO_INCOMING_CPU,
    SO_J1939_ERRQUEUE, SO_J1939_FILTER, SO_J1939_PROMISC, SO_J1939_SEND_PRIO, SO_KEEPALIVE,
    SO_LINGER, SO_MARK, SO_OOBINLINE, SO_PASSCRED, SO_PASSSEC, SO_PEERCRED, SO_PEERSEC,
    SO_PRIORITY, SO_PROTOCOL, SO_RCVBUF, SO_RCVLOWAT, SO_RCVTIMEO, SO_REUSEADDR, SO_REUSEPORT,
    SO_SNDBUF, SO_SNDLOWAT, SO_SNDTIMEO, SO_TYPE, SO_VM_SOCKETS_BUFFER_MAX_SIZE,
    SO_VM_SOCKETS_BUFFER_MIN_SIZE, SO_VM_SOCKETS_BUFFER_SIZE, TCP_CONGESTION, TCP_CORK,
    TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_INFO, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL,
    TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SYNCNT,
    TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP, TIPC_ADDR_ID, TIPC_ADDR_NAME, TIPC_ADDR_NAMESEQ,
    TIPC_CFG_SRV, TIPC_CLUSTER_SCOPE, TIPC_CONN_TIMEOUT, TIPC_CRITICAL_IMPORTANCE,
    TIPC_DEST_DROPPABLE, TIPC_HIGH_IMPORTANCE, TIPC_IMPORTANCE, TIPC_LOW_IMPORTANCE,
    TIPC_MEDIUM_IMPORTANCE, TIPC_NODE_SCOPE, TIPC_PUBLISHED, TIPC_SRC_DROPPABLE,
    TIPC_SUBSCR_TIMEOUT, TIPC_SUB_CANCEL, TIPC_SUB_PORTS, TIPC_SUB_SERVICE, TIPC_TOP_SRV,
    TIPC_WAIT_FOREVER, TIPC_WITHDRAWN, TIPC_ZONE_SCOPE, UDPLITE_RECV_CSCOV, UDPLITE_SEND_CSCOV,
    VMADDR_CID_ANY, VMADDR_CID_HOST, VMADDR_PORT_ANY, VM_SOCKETS_INVALID_VERSION,
)

if sys.version_info >= (3, 12):
    from ._socket import (
        CAN_RAW_ERR_FILTER, ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_VLAN, ETH_P_ALL,
        IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_DROP_SOURCE_MEMBERSHIP, IP_PKTINFO,
        IP_UNBLOCK_SOURCE, TCP_CC_INFO, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY,
        TCP_FASTOPEN_NO_COOKIE, TCP_INQ, TCP_MD5SIG, TCP_MD5SIG_EXT, TCP_QUEUE_SEQ, TCP_REPAIR,
        TCP_REPAIR_OPTIONS, TCP_REPAIR_QUEUE, TCP_REPAIR_WINDOW, TCP_SAVED_SYN, TCP_SAVE_SYN,
        TCP_THIN_DUPACK, TCP_THIN_LINEAR_TIMEOUTS, TCP_TIMESTAMP, TCP_TX_DELAY, TCP_ULP,
        TCP_ZEROCOPY_RECEIVE,
    )

if sys.version_info >= (3, 13):
    from ._socket import (
        NI_IDN, SO_BINDTOIFINDEX,
    )

if sys.version_info >= (3, 14):
    from ._socket import (
        BDADDR_BREDR, BDADDR_LE_PUBLIC, BDADDR_LE_RANDOM, BT_CHANNEL_POLICY,
        BT_CHANNEL_POLICY_BREDR_ONLY, BT_CHANNEL_POLICY_BREDR_PREFERRED, BT_CODEC, BT_DEFER_SETUP,
        BT_FLUSHABLE, BT_FLUSHABLE_OFF, BT_FLUSHABLE_ON, BT_ISO_QOS, BT_MODE, BT_MODE_BASIC,
        BT_MODE_ERTM, BT_MODE_EXT_FLOWCTL, BT_MODE_LE_FLOWCTL, BT_MODE_STREAMING, BT_PHY,
        BT_PHY_BR_1M_1SLOT, BT_PHY_BR_1M_3SLOT, BT_PHY_BR_1M_5SLOT, BT_PHY_EDR_2M_1SLOT,
        BT_PHY_EDR_2M_3SLOT, BT_PHY_EDR_2M_5SLOT, BT_PHY_EDR_3M_1SLOT, BT_PHY_EDR_3M_3SLOT,
        BT_PHY_EDR_3M_5SLOT, BT_PHY_LE_1M_RX, BT_PHY_LE_1M_TX, BT_PHY_LE_2M_RX, BT_PHY_LE_2M_TX,
        BT_PHY_LE_CODED_RX, BT_PHY_LE_CODED_TX, BT_PKT_STATUS, BT_POWER, BT_POWER_FORCE_ACTIVE_OFF,
        BT_POWER_FORCE_ACTIVE_ON, BT_RCVMTU, BT_SECURITY, BT_SECURITY_FIPS, BT_SECURITY_HIGH,
        BT_SECURITY_LOW, BT_SECURITY_MEDIUM, BT_SECURITY_SDP, BT_SNDMTU, BT_VOICE,
        BT_VOICE_CVSD_16BIT, BT_VOICE_TRANSPARENT, BT_VOICE_TRANSPARENT_16BIT, HCI_CHANNEL_CONTROL,
        HCI_CHANNEL_LOGGING, HCI_CHANNEL_MONITOR, HCI_CHANNEL_RAW, HCI_CHANNEL_USER, HCI_DEV_NONE,
        IPV6_RECVERR, IP_FREEBIND, IP_RECVERR, IP_RECVORIGDSTADDR, IP_RECVTTL, L2CAP_LM,
        L2CAP_LM_AUTH, L2CAP_LM_ENCRYPT, L2CAP_LM_MASTER, L2CAP_LM_RELIABLE, L2CAP_LM_SECURE,
        L2CAP_LM_TRUSTED, SOL_BLUETOOTH, SOL_L2CAP, SOL_RFCOMM, SOL_SCO, SO_ORIGINAL_DST,
        VMADDR_CID_LOCAL,
    )

if sys.version_info >= (3, 15):
    from ._socket import (
        CAN_ISOTP_CHK_PAD_DATA, CAN_ISOTP_CHK_PAD_LEN, CAN_ISOTP_DEFAULT_EXT_ADDRESS,
        CAN_ISOTP_DEFAULT_FLAGS, CAN_ISOTP_DEFAULT_FRAME_TXTIME, CAN_ISOTP_DEFAULT_LL_MTU,
        CAN_ISOTP_DEFAULT_LL_TX_DL, CAN_ISOTP_DEFAULT_LL_TX_FLAGS, CAN_ISOTP_DEFAULT_PAD_CONTENT,
        CAN_ISOTP_DEFAULT_RECV_BS, CAN_ISOTP_DEFAULT_RECV_STMIN, CAN_ISOTP_DEFAULT_RECV_WFTMAX,
        CAN_ISOTP_EXTEND_ADDR, CAN_ISOTP_FORCE_RXSTMIN, CAN_ISOTP_FORCE_TXSTMIN,
        CAN_ISOTP_HALF_DUPLEX, CAN_ISOTP_LISTEN_MODE, CAN_ISOTP_LL_OPTS, CAN_ISOTP_OPTS,
        CAN_ISOTP_RECV_FC, CAN_ISOTP_RX_EXT_ADDR, CAN_ISOTP_RX_PADDING, CAN_ISOTP_RX_STMIN,
        CAN_ISOTP_SF_BROADCAST, CAN_ISOTP_TX_PADDING, CAN_ISOTP_TX_STMIN, CAN_ISOTP_WAIT_TX_DONE,
        IPV6_HDRINCL, SOL_CAN_ISOTP, SO_PASSRIGHTS,
    )

__all__ += [
    "AF_ALG", "AF_APPLETALK", "AF_ASH", "AF_ATMPVC", "AF_ATMSVC", "AF_AX25", "AF_BLUETOOTH",
    "AF_BRIDGE", "AF_CAN", "AF_DECnet", "AF_ECONET", "AF_INET", "AF_INET6", "AF_IPX", "AF_IRDA",
    "AF_KEY", "AF_LLC", "AF_NETBEUI", "AF_NETLINK", "AF_NETROM", "AF_PACKET", "AF_PPPOX",
    "AF_QIPCRTR", "AF_RDS", "AF_ROSE", "AF_ROUTE", "AF_SECURITY", "AF_SNA", "AF_TIPC",
    "AF_UNIX", "AF_UNSPEC", "AF_VSOCK", "AF_WANPIPE", "AF_X25", "AI_ADDRCONFIG", "AI_ALL",
    "AI_CANONNAME", "AI_NUMERICHOST", "AI_NUMERICSERV", "AI_PASSIVE", "AI_V4MAPPED",
    "ALG_OP_DECRYPT", "ALG_OP_ENCRYPT", "ALG_OP_SIGN", "ALG_OP_VERIFY", "ALG_SET_AEAD_ASSOCLEN",
    "ALG_SET_AEAD_AUTHSIZE", "ALG_SET_IV", "ALG_SET_KEY", "ALG_SET_OP", "ALG_SET_PUBKEY",
    "BTPROTO_HCI", "BTPROTO_L2CAP", "BTPROTO_RFCOMM", "BTPROTO_SCO", "CAN_BCM",
    "CAN_BCM_CAN_FD_FRAME", "CAN_BCM_RX_ANNOUNCE_RESUME", "CAN_BCM_RX_CHANGED",
    "CAN_BCM_RX_CHECK_DLC", "CAN_BCM_RX_DELETE", "CAN_BCM_RX_FILTER_ID",
    "CAN_BCM_RX_NO_AUTOTIMER", "CAN_BCM_RX_READ", "CAN_BCM_RX_RTR_FRAME", "CAN_BCM_RX_SETUP",
    "CAN_BCM_RX_STATUS", "CAN_BCM_RX_TIMEOUT", "CAN_BCM_SETTIMER", "CAN_BCM_STARTTIMER",
    "CAN_BCM_TX_ANNOUNCE", "CAN_BCM_TX_COUNTEVT", "CAN_BCM_TX_CP_CAN_ID", "CAN_BCM_TX_DELETE",
    "CAN_BCM_TX_EXPIRED", "CAN_BCM_TX_READ", "CAN_BCM_TX_RESET_MULTI_IDX", "CAN_BCM_TX_SEND",
    "CAN_BCM_TX_SETUP", "CAN_BCM_TX_STATUS", "CAN_EFF_FLAG", "CAN_EFF_MASK", "CAN_ERR_FLAG",
    "CAN_ERR_MASK", "CAN_ISOTP", "CAN_J1939", "CAN_RAW", "CAN_RAW_FD_FRAMES", "CAN_RAW_FILTER",
    "CAN_RAW_JOIN_FILTERS", "CAN_RAW_LOOPBACK", "CAN_RAW_RECV_OWN_MSGS", "CAN_RTR_FLAG",
    "CAN_SFF_MASK", "EAI_ADDRFAMILY", "EAI_AGAIN", "EAI_BADFLAGS", "EAI_FAIL", "EAI_FAMILY",
    "EAI_MEMORY", "EAI_NODATA", "EAI_NONAME", "EAI_OVERFLOW", "EAI_SERVICE", "EAI_SOCKTYPE",
    "EAI_SYSTEM", "HCI_DATA_DIR", "HCI_FILTER", "HCI_TIME_STAMP", "INADDR_ALLHOSTS_GROUP",
    "INADDR_ANY", "INADDR_BROADCAST", "INADDR_LOOPBACK", "INADDR_MAX_LOCAL_GROUP",
    "INADDR_NONE", "INADDR_UNSPEC_GROUP", "IOCTL_VM_SOCKETS_GET_LOCAL_CID", "IPPORT_RESERVED",
    "IPPORT_USERRESERVED", "IPPROTO_AH", "IPPROTO_DSTOPTS", "IPPROTO_EGP", "IPPROTO_ESP",
    "IPPROTO_FRAGMENT", "IPPROTO_GRE", "IPPROTO_HOPOPTS", "IPPROTO_ICMP", "IPPROTO_ICMPV6",
    "IPPROTO_IDP", "IPPROTO_IGMP", "IPPROTO_IP", "IPPROTO_IPIP", "IPPROTO_IPV6",
    "IPPROTO_MPTCP", "IPPROTO_NONE", "IPPROTO_PIM", "IPPROTO_PUP", "IPPROTO_RAW",
    "IPPROTO_ROUTING", "IPPROTO_RSVP", "IPPROTO_SCTP", "IPPROTO_TCP", "IPPROTO_TP",
    "IPPROTO_UDP", "IPPROTO_UDPLITE", "IPV6_CHECKSUM", "IPV6_DONTFRAG", "IPV6_DSTOPTS",
    "IPV6_HOPLIMIT", "IPV6_HOPOPTS", "IPV6_JOIN_GROUP", "IPV6_LEAVE_GROUP",
    "IPV6_MULTICAST_HOPS", "IPV6_MULTICAST_IF", "IPV6_MULTICAST_LOOP", "IPV6_NEXTHOP",
    "IPV6_PATHMTU", "IPV6_PKTINFO", "IPV6_RECVDSTOPTS", "IPV6_RECVHOPLIMIT", "IPV6_RECVHOPOPTS",
    "IPV6_RECVPATHMTU", "IPV6_RECVPKTINFO", "IPV6_RECVRTHDR", "IPV6_RECVTCLASS", "IPV6_RTHDR",
    "IPV6_RTHDRDSTOPTS", "IPV6_RTHDR_TYPE_0", "IPV6_TCLASS", "IPV6_UNICAST_HOPS", "IPV6_V6ONLY",
    "IP_ADD_MEMBERSHIP", "IP_BIND_ADDRESS_NO_PORT", "IP_DEFAULT_MULTICAST_LOOP",
    "IP_DEFAULT_MULTICAST_TTL", "IP_DROP_MEMBERSHIP", "IP_HDRINCL", "IP_MAX_MEMBERSHIPS",
    "IP_MULTICAST_IF", "IP_MULTICAST_LOOP", "IP_MULTICAST_TTL", "IP_OPTIONS", "IP_RECVOPTS",
    "IP_RECVRETOPTS", "IP_RECVTOS", "IP_RETOPTS", "IP_TOS", "IP_TRANSPARENT", "IP_TTL",
    "J1939_EE_INFO_NONE", "J1939_EE_INFO_TX_ABORT", "J1939_FILTER_MAX", "J1939_IDLE_ADDR",
    "J1939_MAX_UNICAST_ADDR", "J1939_NLA_BYTES_ACKED", "J1939_NLA_PAD", "J1939_NO_ADDR",
    "J1939_NO_NAME", "J1939_NO_PGN", "J1939_PGN_ADDRESS_CLAIMED", "J1939_PGN_ADDRESS_COMMANDED",
    "J1939_PGN_MAX", "J1939_PGN_PDU1_MAX", "J1939_PGN_REQUEST", "MSG_CMSG_CLOEXEC",
    "MSG_CONFIRM", "MSG_CTRUNC", "MSG_DONTROUTE", "MSG_DONTWAIT", "MSG_EOR", "MSG_ERRQUEUE",
    "MSG_FASTOPEN", "MSG_MORE", "MSG_NOSIGNAL", "MSG_OOB", "MSG_PEEK", "MSG_TRUNC",
    "MSG_WAITALL", "NETLINK_CRYPTO", "NETLINK_DNRTMSG", "NETLINK_FIREWALL", "NETLINK_IP6_FW",
    "NETLINK_NFLOG", "NETLINK_ROUTE", "NETLINK_USERSOCK", "NETLINK_XFRM", "NI_DGRAM",
    "NI_MAXHOST", "NI_MAXSERV", "NI_NAMEREQD", "NI_NOFQDN", "NI_NUMERICHOST", "NI_NUMERICSERV",
    "PACKET_BROADCAST", "PACKET_FASTROUTE", "PACKET_HOST", "PACKET_LOOPBACK",
    "PACKET_MULTICAST", "PACKET_OTHERHOST", "PACKET_OUTGOING", "PF_CAN", "PF_PACKET", "PF_RDS",
    "SCM_CREDENTIALS", "SCM_J1939_DEST_ADDR", "SCM_J1939_DEST_NAME", "SCM_J1939_ERRQUEUE",
    "SCM_J1939_PRIO", "SCM_RIGHTS", "SHUT_RD", "SHUT_RDWR", "SHUT_WR", "SOCK_CLOEXEC",
    "SOCK_DGRAM", "SOCK_NONBLOCK", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_STREAM",
    "SOL_ALG", "SOL_CAN_BASE", "SOL_CAN_RAW", "SOL_HCI", "SOL_IP", "SOL_RDS", "SOL_SOCKET",
    "SOL_TCP", "SOL_TIPC", "SOL_UDP", "SOMAXCONN", "SO_ACCEPTCONN", "SO_BINDTODEVICE",
    "SO_BROADCAST", "SO_DEBUG", "SO_DOMAIN", "SO_DONTROUTE", "SO_ERROR", "SO_INCOMING_CPU",
    "SO_J1939_ERRQUEUE", "SO_J1939_FILTER", "SO_J1939_PROMISC", "SO_J1939_SEND_PRIO",
    "SO_KEEPALIVE", "SO_LINGER", "SO_MARK", "SO_OOBINLINE", "SO_PASSCRED", "SO_PASSSEC",
    "SO_PEERCRED", "SO_PEERSEC", "SO_PRIORITY", "SO_PROTOCOL", "SO_RCVBUF", "SO_RCVLOWAT",
    "SO_RCVTIMEO", "SO_REUSEADDR", "SO_REUSEPORT", "SO_SNDBUF", "SO_SNDLOWAT", "SO_SNDTIMEO",
    "SO_TYPE", "SO_VM_SOCKETS_BUFFER_MAX_SIZE", "SO_VM_SOCKETS_BUFFER_MIN_SIZE",
    "SO_VM_SOCKETS_BUFFER_SIZE", "TCP_CONGESTION", "TCP_CORK", "TCP_DEFER_ACCEPT",
    "TCP_FASTOPEN", "TCP_INFO", "TCP_KEEPCNT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_LINGER2",
    "TCP_MAXSEG", "TCP_NODELAY", "TCP_NOTSENT_LOWAT", "TCP_QUICKACK", "TCP_SYNCNT",
    "TCP_USER_TIMEOUT", "TCP_WINDOW_CLAMP", "TIPC_ADDR_ID", "TIPC_ADDR_NAME",
    "TIPC_ADDR_NAMESEQ", "TIPC_CFG_SRV", "TIPC_CLUSTER_SCOPE", "TIPC_CONN_TIMEOUT",
    "TIPC_CRITICAL_IMPORTANCE", "TIPC_DEST_DROPPABLE", "TIPC_HIGH_IMPORTANCE",
    "TIPC_IMPORTANCE", "TIPC_LOW_IMPORTANCE", "TIPC_MEDIUM_IMPORTANCE", "TIPC_NODE_SCOPE",
    "TIPC_PUBLISHED", "TIPC_SRC_DROPPABLE", "TIPC_SUBSCR_TIMEOUT", "TIPC_SUB_CANCEL",
    "TIPC_SUB_PORTS", "TIPC_SUB_SERVICE", "TIPC_TOP_SRV", "TIPC_WAIT_FOREVER", "TIPC_WITHDRAWN",
    "TIPC_ZONE_SCOPE", "UDPLITE_RECV_CSCOV", "UDPLITE_SEND_CSCOV", "VMADDR_CID_ANY",
    "VMADDR_CID_HOST", "VMADDR_PORT_ANY", "VM_SOCKETS_INVALID_VERSION",
]

if sys.version_info >= (3, 12):
    __all__ += [
        "CAN_RAW_ERR_FILTER", "ETHERTYPE_ARP", "ETHERTYPE_IP", "ETHERTYPE_IPV6", "ETHERTYPE_VLAN",
        "ETH_P_ALL", "IP_ADD_SOURCE_MEMBERSHIP", "IP_BLOCK_SOURCE", "IP_DROP_SOURCE_MEMBERSHIP",
        "IP_PKTINFO", "IP_UNBLOCK_SOURCE", "TCP_CC_INFO", "TCP_FASTOPEN_CONNECT",
        "TCP_FASTOPEN_KEY", "TCP_FASTOPEN_NO_COOKIE", "TCP_INQ", "TCP_MD5SIG", "TCP_MD5SIG_EXT",
        "TCP_QUEUE_SEQ", "TCP_REPAIR", "TCP_REPAIR_OPTIONS", "TCP_REPAIR_QUEUE",
        "TCP_REPAIR_WINDOW", "TCP_SAVED_SYN", "TCP_SAVE_SYN", "TCP_THIN_DUPACK",
        "TCP_THIN_LINEAR_TIMEOUTS", "TCP_TIMESTAMP", "TCP_TX_DELAY", "TCP_ULP",
        "TCP_ZEROCOPY_RECEIVE",
    ]

if sys.version_info >= (3, 13):
    __all__ += [
        "NI_IDN", "SO_BINDTOIFINDEX",
    ]

if sys.version_info >= (3, 14):
    __all__ += [
        "BDADDR_BREDR", "BDADDR_LE_PUBLIC", "BDADDR_LE_RANDOM", "BT_CHANNEL_POLICY",
        "BT_CHANNEL_POLICY_BREDR_ONLY", "BT_CHANNEL_POLICY_BREDR_PREFERRED", "BT_CODEC",
        "BT_DEFER_SETUP", "BT_FLUSHABLE", "BT_FLUSHABLE_OFF", "BT_FLUSHABLE_ON", "BT_ISO_QOS",
        "BT_MODE", "BT_MODE_BASIC", "BT_MODE_ERTM", "BT_MODE_EXT_FLOWCTL", "BT_MODE_LE_FLOWCTL",
        "BT_MODE_STREAMING", "BT_PHY", "BT_PHY_BR_1M_1SLOT", "BT_PHY_BR_1M_3SLOT",
        "BT_PHY_BR_1M_5SLOT", "BT_PHY_EDR_2M_1SLOT", "BT_PHY_EDR_2M_3SLOT", "BT_PHY_EDR_2M_5SLOT",
        "BT_PHY_EDR_3M_1SLOT", "BT_PHY_EDR_3M_3SLOT", "BT_PHY_EDR_3M_5SLOT", "BT_PHY_LE_1M_RX",
        "BT_PHY_LE_1M_TX", "BT_PHY_LE_2M_RX", "BT_PHY_LE_2M_TX", "BT_PHY_LE_CODED_RX",
        "BT_PHY_LE_CODED_TX", "BT_PKT_STATUS", "BT_POWER", "BT_POWER_FORCE_ACTIVE_OFF",
        "BT_POWER_FORCE_ACTIVE_ON", "BT_RCVMTU", "BT_SECURITY", "BT_SECURITY_FIPS",
        "BT_SECURITY_HIGH", "BT_SECURITY_LOW", "BT_SECURITY_MEDIUM", "BT_SECURITY_SDP", "BT_SNDMTU",
        "BT_VOICE", "BT_VOICE_CVSD_16BIT", "BT_VOICE_TRANSPARENT", "BT_VOICE_TRANSPARENT_16BIT",
        "HCI_CHANNEL_CONTROL", "HCI_CHANNEL_LOGGING", "HCI_CHANNEL_MONITOR", "HCI_CHANNEL_RAW",
        "HCI_CHANNEL_USER", "HCI_DEV_NONE", "IPV6_RECVERR", "IP_FREEBIND", "IP_RECVERR",
        "IP_RECVORIGDSTADDR", "IP_RECVTTL", "L2CAP_LM", "L2CAP_LM_AUTH", "L2CAP_LM_ENCRYPT",
        "L2CAP_LM_MASTER", "L2CAP_LM_RELIABLE", "L2CAP_LM_SECURE", "L2CAP_LM_TRUSTED",
        "SOL_BLUETOOTH", "SOL_L2CAP", "SOL_RFCOMM", "SOL_SCO", "SO_ORIGINAL_DST",
        "VMADDR_CID_LOCAL",
    ]

if sys.version_info >= (3, 15):
    __all__ += [
        "CAN_ISOTP_CHK_PAD_DATA", "CAN_ISOTP_CHK_PAD_LEN", "CAN_ISOTP_DEFAULT_EXT_ADDRESS",
        "CAN_ISOTP_DEFAULT_FLAGS", "CAN_ISOTP_DEFAULT_FRAME_TXTIME", "CAN_ISOTP_DEFAULT_LL_MTU",
        "CAN_ISOTP_DEFAULT_LL_TX_DL", "CAN_ISOTP_DEFAULT_LL_TX_FLAGS",
        "CAN_ISOTP_DEFAULT_PAD_CONTENT", "CAN_ISOTP_DEFAULT_RECV_BS",
        "CAN_ISOTP_DEFAULT_RECV_STMIN", "CAN_ISOTP_DEFAULT_RECV_WFTMAX", "CAN_ISOTP_EXTEND_ADDR",
        "CAN_ISOTP_FORCE_RXSTMIN", "CAN_ISOTP_FORCE_TXSTMIN", "CAN_ISOTP_HALF_DUPLEX",
        "CAN_ISOTP_LISTEN_MODE", "CAN_ISOTP_LL_OPTS", "CAN_ISOTP_OPTS", "CAN_ISOTP_RECV_FC",
        "CAN_ISOTP_RX_EXT_ADDR", "CAN_ISOTP_RX_PADDING", "CAN_ISOTP_RX_STMIN",
        "CAN_ISOTP_SF_BROADCAST", "CAN_ISOTP_TX_PADDING", "CAN_ISOTP_TX_STMIN",
        "CAN_ISOTP_WAIT_TX_DONE", "IPV6_HDRINCL", "SOL_CAN_ISOTP", "SO_PASSRIGHTS",
    ]
