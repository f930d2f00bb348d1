/* What is remembered of names: see memory.h.
 *
 *     bits 63..24  of the hash of the name
 *     bits 23..0   the second in which it ends; 194 days later it would seem to begin again */
#include "dial/memory.h"

#define SLOTS 256
#define SECONDS UINT64_C(0xffffff)
#define KEPT 300

struct slot {
    CSOCK__WHOLE uint64_t word;
};

static struct slot slots[SLOTS];

/* FNV-1a. Names of hosts are the same in capitals. */
static uint64_t hash_of(const char *host)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *host; host++) {
        unsigned char c = (unsigned char)*host;
        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * UINT64_C(1099511628211);
    }
    return hash;
}

static struct slot *slot_of(uint64_t hash)
{
    return &slots[(hash ^ hash >> 32) % SLOTS];
}

static uint64_t second(int64_t now)
{
    return (uint64_t)(now / 1000000000);
}

void csock__silence_note(const char *host, int64_t now)
{
    uint64_t hash = hash_of(host), end = (second(now) + KEPT) & SECONDS;
    __atomic_store_n(&slot_of(hash)->word, (hash & ~SECONDS) | end, __ATOMIC_RELAXED);
}

void csock__silence_forget(const char *host)
{
    uint64_t hash = hash_of(host);
    struct slot *slot = slot_of(hash);
    uint64_t was = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    if (((was ^ hash) & ~SECONDS) == 0)
        __atomic_store_n(&slot->word, 0, __ATOMIC_RELAXED);
}

bool csock__silence_known(const char *host, int64_t now)
{
    uint64_t hash = hash_of(host), was = __atomic_load_n(&slot_of(hash)->word, __ATOMIC_RELAXED);
    uint64_t left = (was - second(now)) & SECONDS;
    return was != 0 && ((was ^ hash) & ~SECONDS) == 0 && left > 0 && left <= KEPT;
}
