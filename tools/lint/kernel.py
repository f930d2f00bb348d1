"""Only core/sys/linux.c calls the kernel, the allocator and libc's resolver. And what the library
and the extension export.

Calls are looked for twice: in the text, and in what the compiled files of build/plain ask the
linker for, which no macro and no function pointer gets around."""

import re

from tree import PLAIN, ROOT, exported_by, place, sources, symbols, without_comments

KERNEL = (
    "accept accept4 bind close connect dup dup2 dup3 fcntl getpeername getsockname getsockopt "
    "ioctl listen pipe pipe2 poll ppoll read readv recv recvfrom recvmmsg recvmsg select send "
    "sendfile sendmmsg sendmsg sendto setsockopt shutdown socket socketpair syscall write writev "
    "getaddrinfo freeaddrinfo getnameinfo gethostname sethostname gethostbyname gethostbyname_r "
    "gethostbyname2 gethostbyname2_r gethostbyaddr gethostbyaddr_r getservbyname getservbyname_r "
    "getservbyport getservbyport_r getprotobyname getprotobyname_r "
    "clock_gettime nanosleep usleep sleep gettid getpid tgkill kill sigaction pthread_sigmask "
    "sigpending sigtimedwait pthread_kill sched_yield malloc calloc realloc free"
).split()
# Of libc, what touches memory alone, and what sets up per-process and per-thread state.
PURE = re.compile(
    r"mem\w+|str\w+|snprintf|inet_[apn]to[apn]|in6addr_any|gai_strerror|hstrerror|"
    r"sig(add|del|empty|fill|is)\w*|pthread_(atfork|once|key_create|[gs]etspecific|mutex_\w+)|"
    r"__errno_location|getenv|__libc_current_sigrtm(ax|in)|__tls_get_addr|_GLOBAL_OFFSET_TABLE_|"
    r"__stack_chk_fail|abort|__assert_fail"
)
# The public functions of the core, and free(3) for what csock_recv_new() allocated.
BINDING_MAY = re.compile(r"_?Py\w+|csock_[a-z]\w+|free")
# Captures are not of the public interface yet; one file of the binding calls them.
CAPTURE_MAY = re.compile(r"csock__(tap|pcap)_\w+")


def kernel_calls_in_text():
    call = re.compile(rf"(?<![\w.>])({'|'.join(KERNEL)})\s*\(")
    for path in sources("core", "python/ext"):
        if path == ROOT / "core" / "sys" / "linux.c":
            continue
        allowed = {"free"} if path.is_relative_to(ROOT / "python") else set()
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            for match in call.finditer(line):
                # A member of struct csock_sys is declared as (*name)(…): no match.
                if match[1] not in allowed:
                    yield f"{place(path, number)}: calls {match[1]}()"


def kernel_calls_in_objects():
    core = [p for p in PLAIN.glob("core/libcsock.so*.p/*.o") if p.name != "sys_linux.c.o"]
    binding = list(PLAIN.glob("python/_core*.p/*.o"))
    if not core or not binding:
        yield f"no compiled files in {place(PLAIN)}: run tools/build.sh plain"
    asked, own = symbols(core)
    own |= {"csock__sys", "csock__sys_linux"}
    for name, symbol in asked:
        if symbol not in own and not PURE.fullmatch(symbol):
            yield f"core/{name}: asks for {symbol}"
    asked, own = symbols(binding)
    for name, symbol in asked:
        if name.startswith("ext_object_capture") and CAPTURE_MAY.fullmatch(symbol):
            continue
        if symbol not in own and not any(p.fullmatch(symbol) for p in (PURE, BINDING_MAY)):
            yield f"python/{name.replace('_', '/', 2)}: asks for {symbol}"


def exported_names():
    header = "".join(without_comments(path.read_text()) for path in sources("include"))
    declared = set(re.findall(r"CSOCK_API[^;(]*?\b(csock_\w+)\(", header))
    for name in sorted(declared ^ exported_by(PLAIN / "core" / "libcsock.so")):
        yield f"{name}: {'not in the library' if name in declared else 'not in a header'}"


def exported_by_the_extension():
    for library in PLAIN.glob("python/_core*.so"):
        for name in sorted(exported_by(library) ^ {"PyInit__core", "PyInit__socket"}):
            yield f"{library.name}: {name}"
