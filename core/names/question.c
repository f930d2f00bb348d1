/* Questions and answers: comparing, copying, asking. Sits on resolve.c and netdb.c. */
#include "sys/sys.h"
#include "names/question.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool csock__same_question(const struct csock__question *a, const struct csock__question *b)
{
    return a->what == b->what && same_text(a->host, b->host) && same_text(a->service, b->service) &&
           a->has_hints == b->has_hints && a->family == b->family && a->type == b->type &&
           a->proto == b->proto && a->flags == b->flags && a->len == b->len &&
           (a->len == 0 || memcmp(a->addr, b->addr, a->len) == 0) &&
           a->wants_host == b->wants_host && a->wants_service == b->wants_service;
}

static size_t text_room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *text_copy(const char *text, char **at)
{
    size_t n = text_room(text);
    char *copy = *at;
    if (!text)
        return NULL;
    memcpy(copy, text, n);
    *at += n;
    return copy;
}

struct copied {
    struct csock__question question; /* the first */
    union csock_addr addr;
    char texts[];
};

struct csock__question *csock__question_copy(const struct csock__question *q)
{
    struct copied *copy =
        csock__sys->alloc(sizeof *copy + text_room(q->host) + text_room(q->service));
    if (!copy)
        return NULL;
    char *at = copy->texts;
    copy->question = *q;
    copy->question.host = text_copy(q->host, &at);
    copy->question.service = text_copy(q->service, &at);
    copy->question.addr = &copy->addr.any;
    if (q->len > 0)
        memcpy(&copy->addr, q->addr, q->len);
    return &copy->question;
}

static int ask_addresses(const struct csock__question *q, struct csock__answer *answer)
{
    const struct addrinfo hints = {.ai_flags = q->flags,
                                   .ai_family = q->family,
                                   .ai_socktype = q->type,
                                   .ai_protocol = q->proto};
    return csock__resolve(q->host, q->service, q->has_hints ? &hints : NULL, &answer->list);
}

static int ask_names(const struct csock__question *q, struct csock__answer *answer)
{
    struct csock__names *names = answer->names = csock__sys->alloc(sizeof *names);
    if (!names)
        return -ENOMEM;
    return csock__resolve_reverse(q->addr, q->len, q->wants_host ? names->host : NULL,
                                  q->wants_host ? sizeof names->host : 0,
                                  q->wants_service ? names->service : NULL,
                                  q->wants_service ? sizeof names->service : 0, q->flags);
}

static int ask_one(const struct csock__question *q, struct csock__answer *answer)
{
    switch (q->what) {
    case CSOCK__ADDRESSES:
        return ask_addresses(q, answer);
    case CSOCK__NAMES:
        return ask_names(q, answer);
    case CSOCK__HOST_BY_NAME:
        return csock__host_by_name(q->host, q->family, &answer->host);
    case CSOCK__HOST_BY_ADDR:
        break;
    }
    return csock__host_by_addr(q->addr, q->len, &answer->host);
}

void csock__ask(const struct csock__question *q, struct csock__answer *ret)
{
    *ret = (struct csock__answer){0};
    ret->result = ask_one(q, ret);
}

void csock__answer_clear(struct csock__answer *answer)
{
    csock_resolve_free(answer->list);
    csock_host_free(answer->host);
    csock__sys->release(answer->names);
    *answer = (struct csock__answer){0};
}

static struct csock__names *names_copy(const struct csock__names *names)
{
    struct csock__names *copy = csock__sys->alloc(sizeof *copy);
    if (copy)
        *copy = *names;
    return copy;
}

void csock__answer_copy(const struct csock__answer *answer, struct csock__answer *ret)
{
    *ret = (struct csock__answer){.result = answer->result};
    if (answer->list)
        ret->list = csock__list_copy(answer->list);
    if (answer->host)
        ret->host = csock__host_copy(answer->host);
    if (answer->names)
        ret->names = names_copy(answer->names);
    if (!answer->list == !ret->list && !answer->host == !ret->host && !answer->names == !ret->names)
        return;
    csock__answer_clear(ret);
    ret->result = -ENOMEM;
}
