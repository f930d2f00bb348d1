"""csock.adapt(): libraries that go through the addresses of a host themselves, one after the
other, let them race as create_connection() does.

Sits on csock.dial(). What a library does beside connecting (socket options, timeouts, the errors
that it expects) is done as it does it; where a program has replaced what its loop calls, or csock
is not in the place of `socket`, the library's own loop runs.
"""

import sys

import csock

_adapted: list[tuple] = []  # (owner, name, the library's own, ours)
_waiting: dict[str, object] = {}  # module: what adapts it when it is loaded


class _Finder:
    """Sees a library's module being imported, and adapts it as soon as it has run."""

    def find_spec(self, name, path=None, target=None):
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find and find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    _watch(spec.loader, name)
                return spec
        return None


def _watch(loader, name):
    execute = loader.exec_module

    def exec_module(module):
        if module.__name__ != name:  # one loader may be that of a whole archive
            return execute(module)
        loader.__dict__.pop("exec_module", None)
        execute(module)
        adapt = _waiting.pop(name, None)
        if adapt is not None:
            adapt(module)

    loader.exec_module = exec_module


_finder = _Finder()


def _replace(owner, name, make):
    own = getattr(owner, name)
    ours = make(own)
    ours.__name__, ours.__qualname__ = own.__name__, own.__qualname__
    ours.__doc__, ours.__module__ = own.__doc__, own.__module__
    ours.__defaults__ = own.__defaults__
    setattr(owner, name, ours)
    _adapted.append((owner, name, own, ours))


def _check(library, version, oldest, newest, function, uses):
    """Whether this is a version, and its function one, that is known here."""
    major = version.partition(".")[0]
    in_range = major.isdecimal() and oldest <= int(major) <= newest
    if not in_range or not uses <= {*function.__code__.co_names, *function.__code__.co_varnames}:
        raise RuntimeError(
            f"csock.adapt() does not know {library} {version} "
            f"(it knows {oldest}.* to {newest}.*); leave it out, or take another version"
        )


def _is_ours(module):
    """Whether the `socket` of a module is csock, as csock has made it."""
    dropin = sys.modules.get(csock._OURS[0])
    return module is not None and module is dropin and csock._unchanged()


# ------------------------------------------------------------------ urllib3


def _urllib3(connection):
    version = __import__("urllib3._version", fromlist=["__version__"]).__version__
    uses = {"address", "timeout", "source_address", "socket_options", "allowed_gai_family"}
    uses |= {"getaddrinfo", "_set_socket_options", "settimeout", "bind", "connect"}
    _check("urllib3", version, 1, 2, connection.create_connection, uses)

    def make(own):
        no_timeout = own.__defaults__[0]
        own_setting = connection._set_socket_options

        def create_connection(address, timeout, source_address, socket_options):
            host, port = address
            if host and host.startswith("["):
                host = host.strip("[]")
            options = [*map(tuple, socket_options or ())]
            unusual = not host or port is None or timeout == 0
            unusual = unusual or any(len(option) != 3 for option in options)
            unusual = unusual or connection._set_socket_options is not own_setting
            if unusual or not _is_ours(connection.socket) or not _encodes(host):
                return own(address, timeout, source_address, socket_options)
            bound = csock.getdefaulttimeout() if timeout is no_timeout else timeout
            sock = csock.dial(
                host,
                port,
                timeout=bound,
                family=connection.allowed_gai_family(),
                source_address=source_address or None,
                options=options,
            )
            if timeout is not no_timeout:
                sock.settimeout(timeout)
            return sock

        return create_connection

    _replace(connection, "create_connection", make)


def _encodes(host):
    try:
        host.encode("idna")
        return True
    except UnicodeError:
        return False  # the library has an error of its own for it


# -------------------------------------------------------------------- redis


def _redis(connection):
    from importlib.metadata import version

    uses = {"getaddrinfo", "settimeout", "connect", "TCP_NODELAY", "SO_KEEPALIVE", "socket_type"}
    uses |= {"socket_keepalive", "socket_keepalive_options", "socket_connect_timeout"}
    uses |= {"socket_timeout"}
    _check("redis", version("redis"), 5, 8, connection.Connection._connect, uses)

    def make(own):
        def _connect(self):
            unusual = self.port is None or self.socket_connect_timeout == 0
            if unusual or not _is_ours(connection.socket):
                return own(self)
            options = [(csock.IPPROTO_TCP, csock.TCP_NODELAY, 1)]
            if self.socket_keepalive:
                options.append((csock.SOL_SOCKET, csock.SO_KEEPALIVE, 1))
                more = (self.socket_keepalive_options or {}).items()
                options += [(csock.IPPROTO_TCP, name, value) for name, value in more]
            sock = csock.dial(
                self.host,
                self.port,
                timeout=self.socket_connect_timeout,
                family=self.socket_type,
                options=options,
            )
            sock.settimeout(self.socket_timeout)
            return sock

        return _connect

    _replace(connection.Connection, "_connect", make)


LIBRARIES = {
    "urllib3": ("urllib3.util.connection", _urllib3),
    "redis": ("redis.connection", _redis),
}


def check_names(libraries):
    for name in libraries:
        if name not in LIBRARIES:
            known = "redis, and urllib3, which requests, botocore and docker use"
            raise ValueError(f"csock.adapt() knows {known}; not {name!r}")


def adapt(libraries):
    libraries = libraries or (*LIBRARIES,)
    check_names(libraries)
    if not csock._installed() and csock._finder is None:
        raise RuntimeError("csock.adapt() is for where csock is in place: csock.install() first")
    for name in libraries:
        place, function = LIBRARIES[name]
        module = sys.modules.get(place)
        done = any(function.__module__ == place for _, _, function, _ in _adapted)
        if module is not None and not done and place not in _waiting:
            function(module)
        elif not done:
            _waiting[place] = function
            if _finder not in sys.meta_path:
                sys.meta_path.insert(0, _finder)


def undo():
    _waiting.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for owner, name, own, ours in _adapted:
        if vars(owner).get(name) is ours:
            setattr(owner, name, own)
    _adapted.clear()
