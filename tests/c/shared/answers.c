/* See answers.h. They take as much room as a real one of that size. */
#include "answers.h"

#include <arpa/inet.h>
#include <netdb.h>

int answer_family;

struct room {
    char *at;
    size_t left;
};

static void *take(struct room *room, size_t n)
{
    size_t padded = (n + 15) & ~(size_t)15;
    void *memory = room->at;
    if (padded > room->left)
        return NULL;
    room->at += padded;
    room->left -= padded;
    return memory;
}

static bool fill_host(struct hostent *ent, struct room *room)
{
    ent->h_addrtype = answer_family;
    ent->h_length = answer_family == AF_INET ? 4 : 16;
    ent->h_name = take(room, 64);
    ent->h_aliases = take(room, (N_ALIASES + 1) * sizeof(char *));
    ent->h_addr_list = take(room, (N_ADDRS + 1) * sizeof(char *));
    if (!ent->h_name || !ent->h_aliases || !ent->h_addr_list)
        return false;
    strcpy(ent->h_name, "official.example");
    for (int i = 0; i < N_ALIASES; i++) {
        if (!(ent->h_aliases[i] = take(room, 32)))
            return false;
        snprintf(ent->h_aliases[i], 32, "alias-%d.example", i);
    }
    for (int i = 0; i < N_ADDRS; i++) {
        if (!(ent->h_addr_list[i] = take(room, 16)))
            return false;
        memset(ent->h_addr_list[i], i + 1, 16);
    }
    ent->h_aliases[N_ALIASES] = NULL;
    ent->h_addr_list[N_ADDRS] = NULL;
    return true;
}

static int answer_host(struct hostent *ent, char *buf, size_t size, struct hostent **ret_ent,
                       int *ret_herr)
{
    struct room room = {buf, size};
    bool fits = fill_host(ent, &room);
    *ret_ent = fits ? ent : NULL;
    *ret_herr = fits ? 0 : NETDB_INTERNAL;
    return fits ? 0 : ERANGE;
}

static int answer_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                          struct hostent **ret_ent, int *ret_herr)
{
    (void)name;
    (void)family;
    return answer_host(ent, buf, size, ret_ent, ret_herr);
}

unsigned char asked_addr[16];
socklen_t asked_len;

static int answer_by_addr(const void *addr, socklen_t len, int family, struct hostent *ent,
                          char *buf, size_t size, struct hostent **ret_ent, int *ret_herr)
{
    (void)family;
    memcpy(asked_addr, addr, len);
    asked_len = len;
    return answer_host(ent, buf, size, ret_ent, ret_herr);
}

static int answer_service(const char *proto, struct servent *ent, char *buf, size_t size,
                          struct servent **ret_ent)
{
    *ret_ent = NULL;
    if (size < ENTRY_ROOM)
        return ERANGE;
    if (proto && strcmp(proto, "udp") != 0)
        return 0;
    ent->s_name = strcpy(buf + size - 8, "oracle");
    ent->s_port = htons(65000);
    *ret_ent = ent;
    return 0;
}

static int answer_service_name(const char *name, const char *proto, struct servent *ent, char *buf,
                               size_t size, struct servent **ret_ent)
{
    assert_string_equal(name, "oracle");
    return answer_service(proto, ent, buf, size, ret_ent);
}

static int answer_service_port(int port, const char *proto, struct servent *ent, char *buf,
                               size_t size, struct servent **ret_ent)
{
    assert_int_equal(port, htons(65000));
    return answer_service(proto, ent, buf, size, ret_ent);
}

static int answer_protocol(const char *name, struct protoent *ent, char *buf, size_t size,
                           struct protoent **ret_ent)
{
    *ret_ent = NULL;
    if (size < ENTRY_ROOM)
        return ERANGE;
    ent->p_name = strcpy(buf + size - 32, name);
    ent->p_proto = 143;
    *ret_ent = ent;
    return 0;
}

void script_answers(void)
{
    answer_family = AF_INET;
    fake_under()->gethostbyname2_r = answer_by_name;
    fake_under()->gethostbyaddr_r = answer_by_addr;
    fake_under()->getservbyname_r = answer_service_name;
    fake_under()->getservbyport_r = answer_service_port;
    fake_under()->getprotobyname_r = answer_protocol;
}

int names_setup(void **state)
{
    (void)state;
    fake_install();
    return 0;
}

int names_teardown(void **state)
{
    (void)state;
    fake_remove();
    return fake_live();
}
