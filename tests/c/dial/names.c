/* A scripted resolver: see names.h. */
#include "names.h"

enum { WHOLE, INET, INET6, KINDS };

struct script {
    bool says;
    int after; /* a kind, or -1 */
    int err;
    char what[8];
};

static struct script scripts[KINDS];
static atomic_int asked[KINDS], answered[KINDS];
static atomic_bool ended; /* all who ask are told */
static pthread_t own_thread;
static int port;
static char attempts[64];
atomic_int names_in_own_thread;
struct csock names_listeners[2];
struct csock_dial_report names_report;

static int kind_of(char letter)
{
    return letter == '*' ? WHOLE : letter == '4' ? INET : INET6;
}

int names_asked(char kind)
{
    return atomic_load(&asked[kind_of(kind)]);
}

void names_note_thread(void)
{
    atomic_fetch_add(&names_in_own_thread, pthread_equal(pthread_self(), own_thread) != 0);
}

static void read_word(const char *word)
{
    struct script *sc = &scripts[kind_of(*word)];
    const char *answer = strchr(word, '=') + 1;
    sc->says = true;
    sc->after = word[1] == '>' ? kind_of(word[2]) : -1;
    if (*answer == '!')
        sc->err = answer[1] == 'a' ? EAI_AGAIN : answer[1] == 'f' ? EAI_FAIL : EAI_NONAME;
    else
        snprintf(sc->what, sizeof sc->what, "%s", answer);
}

/* Who asks the same again would take part in what is under way. */
static void end_look_ups(void)
{
    struct csock_lookup one;
    int64_t end = csock_now() + SOON;
    atomic_store(&ended, true);
    while (csock_lookups(&one, 1) > 0) {
        assert_true(csock_now() < end);
        util_sleep(MS);
    }
    atomic_store(&ended, false);
}

void names_say(const char *word)
{
    read_word(word);
}

void names_script(const char *script)
{
    char copy[64], *rest;
    end_look_ups();
    snprintf(copy, sizeof copy, "%s", script);
    memset(scripts, 0, sizeof scripts);
    memset(attempts, 0, sizeof attempts);
    for (int i = 0; i < KINDS; i++) {
        atomic_store(&asked[i], 0);
        atomic_store(&answered[i], 0);
    }
    atomic_store(&names_in_own_thread, 0);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        read_word(word);
}

static struct addrinfo *row_of(char family, const struct addrinfo *hints, const char *service)
{
    struct {
        struct addrinfo row;
        union csock_addr addr;
    } *r = calloc(1, sizeof *r);
    socklen_t len;
    bool four = family == '4';
    csock_addr_from_host(four ? AF_INET : AF_INET6, four ? "127.0.0.1" : "::1",
                         strtol(service, NULL, 10), &r->addr, &len);
    r->row = (struct addrinfo){.ai_family = r->addr.any.sa_family,
                               .ai_socktype = hints->ai_socktype,
                               .ai_addr = &r->addr.any,
                               .ai_addrlen = len};
    return &r->row;
}

static void scripted_free(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static void wait_for_turn(const struct script *sc)
{
    while (!atomic_load(&ended) &&
           (!sc->says || (sc->after >= 0 && atomic_load(&answered[sc->after]) == 0)))
        util_sleep(MS);
    if (sc->after >= 0)
        util_sleep(10 * MS); /* the other one is heard first */
}

static int scripted_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                                struct addrinfo **ret_list)
{
    int kind = hints->ai_family == AF_INET ? INET : hints->ai_family == AF_INET6 ? INET6 : WHOLE;
    struct script sc = scripts[kind];
    struct addrinfo **end = ret_list;
    (void)host;
    atomic_fetch_add(&asked[kind], 1);
    names_note_thread();
    wait_for_turn(&sc);
    *ret_list = NULL;
    for (const char *at = sc.what; *at; at++) {
        *end = row_of(*at, hints, service);
        end = &(*end)->ai_next;
    }
    if (sc.says)
        atomic_fetch_add(&answered[kind], 1);
    return *ret_list ? 0 : sc.err ? sc.err : EAI_NONAME;
}

/* 0, or -EADDRINUSE: another process has the port on ::1. */
static int listen_on_both(void)
{
    union csock_addr addr;
    socklen_t len;
    util_listener(&names_listeners[0], AF_INET, 8, &addr, &len);
    port = csock_addr_port(&addr.any, len);
    assert_int_equal(csock_addr_from_host(AF_INET6, "::1", port, &addr, &len), 0);
    assert_int_equal(csock_open(&names_listeners[1], AF_INET6, SOCK_STREAM, 0, 0), 0);
    int r = csock_bind(&names_listeners[1], &addr.any, len);
    if (r < 0) {
        csock_close(&names_listeners[0]);
        csock_close(&names_listeners[1]);
        return r;
    }
    assert_int_equal(csock_listen(&names_listeners[1], 8), 0);
    return 0;
}

int names_setup(void **state)
{
    int r;
    csock_poll(NULL, 0, NOWAIT); /* this thread's record is there, and not counted */
    util_setup(state);
    fake_under()->getaddrinfo = scripted_getaddrinfo;
    fake_under()->freeaddrinfo = scripted_free;
    own_thread = pthread_self();
    while ((r = listen_on_both()) == -EADDRINUSE)
        ;
    return r;
}

int names_teardown(void **state)
{
    end_look_ups();
    /* A thread that was given up frees what it has after that. (A record that a thread of the test
     * got may stay.) */
    for (int64_t end = csock_now() + 500 * MS; fake_live() != 0 && csock_now() < end;)
        util_sleep(MS);
    csock_close(&names_listeners[0]);
    csock_close(&names_listeners[1]);
    return util_teardown(state);
}

static int log_attempt(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step step)
{
    size_t n = strlen(attempts);
    (void)arg;
    if (step == CSOCK_DIAL_CONNECT && n < sizeof attempts - 1)
        attempts[n] = a->family == AF_INET ? '4' : '6';
    return 0;
}

int names_dial(const struct csock_dial_request *d, const char *script, const struct csock_wait *w)
{
    struct csock_dial_request mine = *d;
    struct csock s;
    names_script(script);
    mine.host = d->host ? d->host : "host.example";
    mine.port = d->port ? d->port : port;
    mine.step = d->step ? d->step : log_attempt;
    int r = csock_dial(&s, &mine, &names_report, w);
    if (r == 0)
        util_close(&s);
    return r;
}

void names_expect(const char *families)
{
    assert_string_equal(attempts, families);
    csock_dial_report_free(&names_report);
}
