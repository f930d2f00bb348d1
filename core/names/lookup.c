/* See lookup.h. Sits on question, call/thread and sys. */
#include "sys/lock.h"
#include "sys/sys.h"
#include "call/thread.h"
#include "names/lookup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* All of it under the lock, but `done`, and what does not change any more once that is set. */
struct job {
    struct job *next;
    struct csock__question *question;
    struct csock__answer answer;
    uint64_t surroundings[CSOCK__SURROUNDINGS];
    bool surroundings_known;
    uint32_t generation; /* of the process that has its thread */
    uint32_t done;       /* a futex */
    int64_t since;
    pthread_t thread;
    pid_t tid;
    bool running;
    bool let_go; /* of the thread: somebody joins it, or it is detached */
    unsigned n_askers;
    struct csock__lookup *askers;
};

struct csock__lookup {
    struct csock__lookup *next;
    struct job *job;
    int event; /* or -1 */
};

struct lookup_list {
    struct job *first; /* newest first */
    unsigned n;
    uint32_t generation; /* of those in it */
    uint32_t ended;      /* a futex */
};

static struct lookup_list under_way;

static uint32_t holder; /* of the lock: sys/lock.h */

/* ---- the lock */

static void take_lock(void)
{
    uint32_t generation = csock__generation();
    csock__take(&holder, generation);
    if (under_way.generation != generation) {
        under_way.first = NULL;
        under_way.n = 0;
        under_way.generation = generation;
    }
}

static void lock(sigset_t *ret_before)
{
    csock__block_signals(ret_before);
    take_lock();
}

static void unlock(const sigset_t *before)
{
    csock__give_back(&holder);
    csock__sys->thread_mask(SIG_SETMASK, before, NULL);
}

/* ---- a look-up */

static struct job *new_job(const struct csock__question *q)
{
    struct job *job = csock__sys->alloc(sizeof *job);
    if (!job)
        return NULL;
    job->question = csock__question_copy(q);
    if (!job->question) {
        csock__sys->release(job);
        return NULL;
    }
    job->generation = csock__generation();
    job->surroundings_known = csock__sys->surroundings(job->surroundings) == 0;
    return job;
}

static void free_job(struct job *job)
{
    if (!job)
        return;
    csock__answer_clear(&job->answer);
    csock__sys->release(job->question);
    csock__sys->release(job);
}

static bool is_here(const struct job *job)
{
    return job->generation == csock__generation();
}

static void unlink_job(const struct job *job)
{
    struct job **at = &under_way.first;
    while (*at && *at != job)
        at = &(*at)->next;
    if (*at) {
        *at = job->next;
        under_way.n--;
    }
}

/* Where nobody can tell in which namespaces a look-up is, it is not shared. */
static struct job *find_same(const struct job *job)
{
    struct job *at = job->surroundings_known ? under_way.first : NULL;
    while (at && !(at->surroundings_known &&
                   memcmp(at->surroundings, job->surroundings, sizeof job->surroundings) == 0 &&
                   csock__same_question(at->question, job->question)))
        at = at->next;
    return at;
}

static void tell_askers(struct job *job)
{
    __atomic_store_n(&job->done, 1, __ATOMIC_RELEASE);
    csock__sys->futex_wake(&job->done, INT_MAX);
    for (struct csock__lookup *asker = job->askers; asker; asker = asker->next)
        if (asker->event >= 0)
            csock__sys->event_set(asker->event);
}

/* The thread. It has no signal unblocked; and who forks in another thread does not have it. */
static void *run_job(void *arg)
{
    struct job *job = arg;
    struct csock__answer answer;
    __atomic_store_n(&job->tid, csock__sys->gettid(), __ATOMIC_RELAXED);
    csock__sys->resolver_forget();
    csock__ask(job->question, &answer);
    take_lock();
    job->answer = answer;
    unlink_job(job);
    tell_askers(job);
    job->running = false;
    bool last = job->n_askers == 0;
    __atomic_add_fetch(&under_way.ended, 1, __ATOMIC_SEQ_CST);
    csock__lookups_pass_on();
    csock__give_back(&holder);
    if (last)
        free_job(job);
    return NULL;
}

/* Under the lock, as its thread must not end before its number is known. */
static int start_job(struct job *job)
{
    if (under_way.n >= CSOCK_LOOKUPS_MAX)
        return CSOCK_ELOOKUPS;
    job->since = csock_now();
    job->running = true;
    int r = csock__sys->thread_start(&job->thread, run_job, job);
    if (r != 0)
        return -r;
    job->next = under_way.first;
    under_way.first = job;
    under_way.n++;
    return 0;
}

static void add_asker(struct job *job, struct csock__lookup *asker)
{
    asker->job = job;
    asker->next = job->askers;
    job->askers = asker;
    job->n_askers++;
}

/* ---- for those who ask */

static struct csock__lookup *new_asker(int event, int *ret_error)
{
    struct csock__lookup *asker = csock__sys->alloc(sizeof *asker);
    *ret_error = -ENOMEM;
    if (!asker)
        return NULL;
    asker->event = -1;
    if (event >= 0 && (asker->event = csock__sys->dup_cloexec(event)) < 0) {
        *ret_error = -errno;
        csock__sys->release(asker);
        return NULL;
    }
    return asker;
}

static void free_asker(struct csock__lookup *asker)
{
    if (asker->event >= 0)
        csock__sys->close(asker->event);
    csock__sys->release(asker);
}

int csock__lookup_start(const struct csock__question *q, int event,
                        struct csock__lookup **ret_lookup, bool *ret_started)
{
    sigset_t before;
    int r = -ENOMEM;
    struct csock__lookup *asker = new_asker(event, &r);
    struct job *own = asker ? new_job(q) : NULL, *job = own;
    if (!own)
        goto done;
    lock(&before);
    struct job *same = find_same(own);
    r = same ? 0 : start_job(own);
    if (same)
        job = same;
    if (r == 0)
        add_asker(job, asker);
    unlock(&before);
    if (same || r < 0)
        free_job(own);
    if (r == 0)
        *ret_started = !same;
done:
    if (r == 0)
        *ret_lookup = asker;
    else if (asker)
        free_asker(asker);
    return r;
}

int csock__lookup_answer(const struct csock__lookup *lookup, struct csock__answer *ret)
{
    const struct job *job = lookup->job;
    if (!__atomic_load_n(&job->done, __ATOMIC_ACQUIRE))
        return is_here(job) ? -EAGAIN : -ESTALE;
    csock__answer_copy(&job->answer, ret);
    return 0;
}

const uint32_t *csock__lookup_done(const struct csock__lookup *lookup)
{
    return &lookup->job->done;
}

const uint32_t *csock__lookups_ended(void)
{
    return &under_way.ended;
}

void csock__lookups_pass_on(void)
{
    csock__sys->futex_wake(&under_way.ended, 1);
}

static void remove_asker(struct job *job, const struct csock__lookup *asker)
{
    struct csock__lookup **at = &job->askers;
    while (*at != asker)
        at = &(*at)->next;
    *at = asker->next;
    job->n_askers--;
}

/* In a child a look-up of its parent's stays as it is: its thread was anywhere. */
void csock__lookup_drop(struct csock__lookup *lookup)
{
    sigset_t before;
    struct job *job = lookup ? lookup->job : NULL;
    if (!lookup)
        return;
    if (is_here(job)) {
        lock(&before);
        remove_asker(job, lookup);
        pthread_t thread = job->thread;
        bool ended = job->done != 0, last = job->n_askers == 0;
        bool lets_go = !job->let_go && (ended || last);
        job->let_go = job->let_go || lets_go;
        last = last && !job->running;
        unlock(&before);
        if (lets_go && ended)
            csock__sys->thread_join(thread);
        else if (lets_go)
            csock__sys->thread_detach(thread);
        if (last)
            free_job(job);
    }
    free_asker(lookup);
}

/* ---- for those who look on */

static void describe(const struct job *job, struct csock_lookup *ret)
{
    const struct csock__question *q = job->question;
    *ret = (struct csock_lookup){.since = job->since,
                                 .waiting = job->n_askers,
                                 .tid = __atomic_load_n(&job->tid, __ATOMIC_RELAXED),
                                 .family = q->family};
    if (q->host)
        snprintf(ret->host, sizeof ret->host, "%s", q->host);
    else if (q->len > 0 && csock_addr_host(q->addr, q->len, ret->host, sizeof ret->host) >= 0)
        ret->family = q->addr->sa_family;
    if (q->service)
        snprintf(ret->service, sizeof ret->service, "%s", q->service);
}

size_t csock_lookups(struct csock_lookup *ret_lookups, size_t max)
{
    sigset_t before;
    lock(&before);
    size_t n = under_way.n, at = n;
    for (const struct job *job = under_way.first; job; job = job->next)
        if (--at < max)
            describe(job, &ret_lookups[at]);
    unlock(&before);
    return n;
}
