/* A source for readers that follows a script: what each receive gives, or how it fails. */
#ifndef CSOCK_TESTS_SCRIPT_H
#define CSOCK_TESTS_SCRIPT_H

#include "util.h"

struct script_step {
    const char *data; /* what comes, or NULL */
    size_t n;
    int err; /* without data: 0 is the end of the stream */
};

#define GIVES(text) \
    { \
        .data = (text), .n = sizeof(text) - 1 \
    }
#define FAILS(code) \
    { \
        .err = (code) \
    }
#define ENDS \
    { \
        .err = 0 \
    }

struct script {
    const struct script_step *steps;
    size_t n, at;
    size_t given;   /* of the step */
    size_t largest; /* room that it was asked to fill */
    char *newest;   /* where it was asked to put it */
    const struct csock_wait *w;
};

/* What does not fit comes at the next receive. Behind the last step the test fails. */
static ssize_t script_recv(void *arg, void *buf, size_t n, const struct csock_wait *w)
{
    struct script *script = arg;
    assert_true(n > 0);
    assert_true(script->at < script->n);
    const struct script_step *step = &script->steps[script->at];
    script->w = w;
    script->newest = buf;
    if (n > script->largest)
        script->largest = n;
    if (!step->data) {
        script->at++;
        return step->err;
    }
    size_t rest = step->n - script->given;
    if (n > rest)
        n = rest;
    memcpy(buf, step->data + script->given, n);
    script->given += n;
    if (script->given == step->n) {
        script->at++;
        script->given = 0;
    }
    return (ssize_t)n;
}

static void script_begin(struct csock_reader *r, struct script *script,
                         const struct script_step *steps, size_t n, size_t limit)
{
    *script = (struct script){.steps = steps, .n = n};
    csock_reader_init(r, (struct csock_reader_source){.recv = script_recv, .arg = script}, limit);
}

/* All steps were taken, all memory is given back. */
static void script_end(struct csock_reader *r, const struct script *script)
{
    assert_int_equal(script->at, script->n);
    csock_reader_free(r);
    assert_int_equal(fake_live(), 0);
}

#endif
