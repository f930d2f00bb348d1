/* A scripted network: see net.h. */
#include "net.h"

#include <netinet/in.h>

#define BEGIN (1000000 * MS)
#define NEVER INT64_MAX

struct plan {
    int64_t after; /* ms, or NEVER; 0: at once */
    int err;
    bool at_once;
};

/* What a descriptor is about. */
struct attempt {
    bool on;
    int64_t at;
    int err;
};

static struct plan plans[128];
static struct attempt attempts[4096];
static char events[513], *log_at; /* behind a NUL */
struct csock_dial_report net_report;
struct csock net_winner;

int net_ms(void)
{
    return (int)((csock_now() - BEGIN) / MS);
}

void net_address(char letter, union csock_addr *ret_addr, socklen_t *ret_len)
{
    memset(ret_addr, 0, sizeof *ret_addr);
    if (letter >= 'a') {
        ret_addr->in.sin_family = AF_INET;
        ret_addr->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ret_addr->in.sin_port = htons((uint16_t)letter);
        *ret_len = sizeof ret_addr->in;
    } else {
        ret_addr->in6.sin6_family = AF_INET6;
        ret_addr->in6.sin6_addr = in6addr_loopback;
        ret_addr->in6.sin6_port = htons((uint16_t)letter);
        *ret_len = sizeof ret_addr->in6;
    }
}

static char letter_of(const struct sockaddr *addr)
{
    union csock_addr copy;
    memcpy(&copy, addr,
           addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    return (char)ntohs(copy.any.sa_family == AF_INET ? copy.in.sin_port : copy.in6.sin6_port);
}

char net_letter(const union csock_addr *addr)
{
    return letter_of(&addr->any);
}

static int connect_blocking(const struct plan *plan)
{
    if (plan->after == NEVER) { /* or it would hang */
        errno = EDEADLK;
        return -1;
    }
    fake_clock_add(plan->after * MS);
    errno = plan->err;
    return plan->err ? -1 : 0;
}

static int net_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    const struct plan *plan = &plans[(unsigned char)letter_of(addr) % 128];
    (void)len;
    if (plan->at_once) {
        errno = plan->err;
        return plan->err ? -1 : 0;
    }
    if (!csock__sys_linux.get_nonblock(fd))
        return connect_blocking(plan);
    int64_t at = plan->after == NEVER ? NEVER : csock_now() + plan->after * MS;
    attempts[fd] = (struct attempt){.on = true, .at = at, .err = plan->err};
    errno = EINPROGRESS;
    return -1;
}

static int net_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (level != SOL_SOCKET || name != SO_ERROR || !attempts[fd].on)
        return csock__sys_linux.getsockopt(fd, level, name, value, len);
    memcpy(value, &attempts[fd].err, sizeof(int));
    attempts[fd].err = 0;
    return 0;
}

static int net_close(int fd)
{
    attempts[fd].on = false;
    return csock__sys_linux.close(fd);
}

static bool is_scripted(const struct pollfd *p)
{
    return p->fd >= 0 && attempts[p->fd].on;
}

/* What is ready now; of those of the script by the clock, of others by the kernel. */
static int ready_now(struct pollfd *fds, nfds_t n)
{
    int ready = 0;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = 0;
        if (!is_scripted(&fds[i]))
            csock__sys_linux.poll(&fds[i], 1, 0);
        else if (attempts[fds[i].fd].at <= csock_now())
            fds[i].revents = attempts[fds[i].fd].err ? POLLOUT | POLLERR | POLLHUP : POLLOUT;
        ready += fds[i].revents != 0;
    }
    return ready;
}

static int net_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    int64_t until = timeout_ms < 0 ? NEVER : csock_now() + timeout_ms * MS;
    int ready = ready_now(fds, n);
    if (ready || timeout_ms == 0)
        return ready;
    for (nfds_t i = 0; i < n; i++)
        if (is_scripted(&fds[i]) && attempts[fds[i].fd].at < until)
            until = attempts[fds[i].fd].at;
    if (until == NEVER) { /* or it would hang */
        errno = EDEADLK;
        return -1;
    }
    fake_clock_add(until - csock_now());
    return ready_now(fds, n);
}

static void read_plan(const char *text)
{
    char *rest;
    struct plan *plan = &plans[(unsigned char)*text % 128];
    if (text[1] == '\0')
        return;
    plan->after = strtol(text + 1, &rest, 10);
    plan->at_once = rest == text + 1 || plan->after == 0;
    plan->err = *rest == '!' ? (int)strtol(rest + 1, NULL, 10) : 0;
}

void net_begin(const char *text)
{
    char copy[256], *rest;
    struct csock_sys *sys = fake_under();
    for (size_t i = 0; i < COUNT(plans); i++)
        plans[i] = (struct plan){.after = NEVER};
    memset(attempts, 0, sizeof attempts);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        read_plan(word);
    sys->connect = net_connect;
    sys->getsockopt = net_getsockopt;
    sys->close = net_close;
    sys->poll = net_poll;
    fake_clock_set(BEGIN);
}

static int log_step(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step)
{
    (void)arg;
    if (step == CSOCK_DIAL_BIND)
        return 0;
    const char *blank = log_at[-1] ? " " : "";
    char sign = step == CSOCK_DIAL_CONNECT ? '+' : a->err ? '-' : '=';
    log_at += sprintf(log_at, "%s%d%c%c", blank, net_ms(), sign, net_letter(&a->addr));
    return 0;
}

int net_dial(const char *letters, struct csock_dial d, const struct csock_wait *w, char log[512])
{
    union csock_addr addrs[32];
    struct csock_dial_addr list[32];
    size_t n = strlen(letters);
    for (size_t i = 0; i < n; i++) {
        net_address(letters[i], &addrs[i], &list[i].len);
        list[i].addr = &addrs[i].any;
    }
    memset(events, 0, sizeof events);
    log_at = events + 1;
    d.addrs = list;
    d.n_addrs = n;
    if (!d.step)
        d.step = log_step;
    int r = csock_dial(&net_winner, &d, &net_report, w);
    if (r == 0)
        csock_close(&net_winner);
    memcpy(log, events + 1, sizeof events - 1);
    return r;
}
