/* The entries of struct csock_sys as fake.c wraps them: a line each. */
#ifndef CSOCK_TESTS_ENTRIES_H
#define CSOCK_TESTS_ENTRIES_H

/* How each kind of entry reports failure; e is the code given to fake_fail. */
#define MINUS(e) return (errno = (e), -1)
#define NOTHING(e) return (errno = (e), NULL)
#define ZERO(e) return (errno = (e), 0)
#define CODE(e) return (e)
#define GAI(e) return (e) < 0 ? (e) : (errno = (e), EAI_SYSTEM)
#define HOST(e) \
    return (*ret_ent = NULL, *ret_herr = (e) < 0 ? -(e) : NETDB_INTERNAL, (e) < 0 ? 0 : (e))
#define ENTRY(e) return (*ret_ent = NULL, (e))

#define ENTRIES(X) \
    X(SOCKET, int, socket, (int family, int type, int proto), (family, type, proto), NULL, MINUS) \
    X(SOCKETPAIR, int, socketpair, (int family, int type, int proto, int fds[2]), \
      (family, type, proto, fds), NULL, MINUS) \
    X(BIND, int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len), \
      NULL, MINUS) \
    X(LISTEN, int, listen, (int fd, int backlog), (fd, backlog), NULL, MINUS) \
    X(ACCEPT4, int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags), \
      (fd, addr, len, flags), NULL, MINUS) \
    X(CONNECT, int, connect, (int fd, const struct sockaddr *addr, socklen_t len), \
      (fd, addr, len), NULL, MINUS) \
    X(SHUTDOWN, int, shutdown, (int fd, int how), (fd, how), NULL, MINUS) \
    X(CLOSE, int, close, (int fd), (fd), NULL, MINUS) \
    X(PUT_PLACEHOLDER, int, put_placeholder, (int fd), (fd), NULL, MINUS) \
    X(DUP_CLOEXEC, int, dup_cloexec, (int fd), (fd), NULL, MINUS) \
    X(GETSOCKNAME, int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), \
      (fd, addr, len), NULL, MINUS) \
    X(GETPEERNAME, int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len), \
      (fd, addr, len), NULL, MINUS) \
    X(GETSOCKOPT, int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), \
      (fd, level, name, value, len), NULL, MINUS) \
    X(SETSOCKOPT, int, setsockopt, \
      (int fd, int level, int name, const void *value, socklen_t len), \
      (fd, level, name, value, len), NULL, MINUS) \
    X(GET_NONBLOCK, int, get_nonblock, (int fd), (fd), NULL, MINUS) \
    X(SET_NONBLOCK, int, set_nonblock, (int fd, int nonblock), (fd, nonblock), NULL, MINUS) \
    X(RECV, ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), &n, \
      MINUS) \
    X(RECVFROM, ssize_t, recvfrom, \
      (int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len), \
      (fd, buf, n, flags, addr, len), &n, MINUS) \
    X(RECVMSG, ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags), NULL, \
      MINUS) \
    X(SEND, ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags), \
      &n, MINUS) \
    X(SENDTO, ssize_t, sendto, \
      (int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t len), \
      (fd, buf, n, flags, addr, len), &n, MINUS) \
    X(SENDMSG, ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags), \
      NULL, MINUS) \
    X(SENDFILE, ssize_t, sendfile, (int fd, int file, off_t *offset, size_t n), \
      (fd, file, offset, n), &n, MINUS) \
    X(POLL, int, poll, (struct pollfd * fds, nfds_t n, int timeout_ms), (fds, n, timeout_ms), \
      NULL, MINUS) \
    X(CLOCK, int, clock, (struct timespec * ret_now), (ret_now), NULL, MINUS) \
    X(COARSE_CLOCK, int, coarse_clock, (struct timespec * ret_now), (ret_now), NULL, MINUS) \
    X(WALL_CLOCK, int, wall_clock, (struct timespec * ret_now), (ret_now), NULL, MINUS) \
    X(NANOSLEEP, int, nanosleep, (const struct timespec *span), (span), NULL, MINUS) \
    X(SIGACTION, int, sigaction, \
      (int sig, const struct sigaction *act, struct sigaction *ret_old), (sig, act, ret_old), \
      NULL, MINUS) \
    X(THREAD_MASK, int, thread_mask, (int how, const sigset_t *set, sigset_t *ret_old), \
      (how, set, ret_old), NULL, CODE) \
    X(SIGNAL_PENDING, int, signal_pending, (int sig), (sig), NULL, MINUS) \
    X(SIGNAL_TAKE, int, signal_take, (int sig), (sig), NULL, MINUS) \
    X(TGKILL, int, tgkill, (pid_t tid, int sig), (tid, sig), NULL, MINUS) \
    X(GETPID, pid_t, getpid, (void), (), NULL, MINUS) \
    X(GETTID, pid_t, gettid, (void), (), NULL, MINUS) \
    X(YIELD, int, yield, (void), (), NULL, MINUS) \
    X(THREAD_START, int, thread_start, \
      (pthread_t * ret_thread, void *(*run)(void *arg), void *arg), (ret_thread, run, arg), NULL, \
      CODE) \
    X(THREAD_JOIN, int, thread_join, (pthread_t thread), (thread), NULL, CODE) \
    X(THREAD_DETACH, int, thread_detach, (pthread_t thread), (thread), NULL, CODE) \
    X(FUTEX_WAIT, int, futex_wait, \
      (const uint32_t *word, uint32_t value, const struct timespec *until), (word, value, until), \
      NULL, MINUS) \
    X(FUTEX_WAKE, int, futex_wake, (const uint32_t *word, int most), (word, most), NULL, MINUS) \
    X(EVENT_OPEN, int, event_open, (void), (), NULL, MINUS) \
    X(EVENT_SET, int, event_set, (int fd), (fd), NULL, MINUS) \
    X(EVENT_CLEAR, int, event_clear, (int fd), (fd), NULL, MINUS) \
    X(SURROUNDINGS, int, surroundings, (uint64_t ret_ids[CSOCK__SURROUNDINGS]), (ret_ids), NULL, \
      MINUS) \
    X(READ_FILE, ssize_t, read_file, (const char *path, void *buf, size_t size), \
      (path, buf, size), NULL, MINUS) \
    X(FILE_STAMP, int, file_stamp, (const char *path, struct csock__stamp *ret_stamp), \
      (path, ret_stamp), NULL, MINUS) \
    X(FILE_CREATE, int, file_create, (const char *path), (path), NULL, MINUS) \
    X(FD_STAMP, int, fd_stamp, (int fd, struct csock__stamp *ret_stamp), (fd, ret_stamp), NULL, \
      MINUS) \
    X(FILE_WRITE, ssize_t, file_write, (int fd, const struct iovec *parts, int n, off_t offset), \
      (fd, parts, n, offset), NULL, MINUS) \
    X(FILE_CUT, int, file_cut, (int fd, off_t size), (fd, size), NULL, MINUS) \
    X(ALLOC, void *, alloc, (size_t size), (size), NULL, NOTHING) \
    X(WIPED_ON_FORK, void *, wiped_on_fork, (void), (), NULL, NOTHING) \
    X(GETADDRINFO, int, getaddrinfo, \
      (const char *host, const char *service, const struct addrinfo *hints, \
       struct addrinfo **ret_list), \
      (host, service, hints, ret_list), NULL, GAI) \
    X(GETNAMEINFO, int, getnameinfo, \
      (const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_size, char *service, \
       socklen_t service_size, int flags), \
      (addr, len, host, host_size, service, service_size, flags), NULL, GAI) \
    X(GETHOSTBYNAME2_R, int, gethostbyname2_r, \
      (const char *name, int family, struct hostent *ent, char *buf, size_t size, \
       struct hostent **ret_ent, int *ret_herr), \
      (name, family, ent, buf, size, ret_ent, ret_herr), NULL, HOST) \
    X(GETHOSTBYADDR_R, int, gethostbyaddr_r, \
      (const void *addr, socklen_t len, int family, struct hostent *ent, char *buf, size_t size, \
       struct hostent **ret_ent, int *ret_herr), \
      (addr, len, family, ent, buf, size, ret_ent, ret_herr), NULL, HOST) \
    X(GETSERVBYNAME_R, int, getservbyname_r, \
      (const char *name, const char *proto, struct servent *ent, char *buf, size_t size, \
       struct servent **ret_ent), \
      (name, proto, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETSERVBYPORT_R, int, getservbyport_r, \
      (int port, const char *proto, struct servent *ent, char *buf, size_t size, \
       struct servent **ret_ent), \
      (port, proto, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETPROTOBYNAME_R, int, getprotobyname_r, \
      (const char *name, struct protoent *ent, char *buf, size_t size, struct protoent **ret_ent), \
      (name, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETHOSTNAME, int, gethostname, (char *name, size_t size), (name, size), NULL, MINUS) \
    X(SETHOSTNAME, int, sethostname, (const char *name, size_t n), (name, n), NULL, MINUS) \
    X(IFACE_INDEX, int, iface_index, (int fd, const char *name), (fd, name), NULL, MINUS) \
    X(IFACE_NAME, int, iface_name, (int fd, int index, char name[IF_NAMESIZE]), (fd, index, name), \
      NULL, MINUS) \
    X(IF_NAMETOINDEX, unsigned, if_nametoindex, (const char *name), (name), NULL, ZERO) \
    X(IF_INDEXTONAME, char *, if_indextoname, (unsigned index, char *name), (index, name), NULL, \
      NOTHING) \
    X(IF_NAMEINDEX, struct if_nameindex *, if_nameindex, (void), (), NULL, NOTHING)

/* Those that return nothing. */
#define VOID_ENTRIES(X) \
    X(RELEASE, release, (void *memory), (memory)) \
    X(FREEADDRINFO, freeaddrinfo, (struct addrinfo * list), (list)) \
    X(RESOLVER_FORGET, resolver_forget, (void), ()) \
    X(IF_FREENAMEINDEX, if_freenameindex, (struct if_nameindex * rows), (rows))

#endif
