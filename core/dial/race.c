/* The race: see race.h. Pure. */
#include "dial/race.h"

enum { MOST_DOUBLINGS = 6 };

static enum csock__race_step wait_until(struct csock__race *r, int64_t timer)
{
    r->timer = timer;
    return CSOCK__RACE_WAIT;
}

/* RFC 8305, 3: the first attempt waits for IPv6 a little, but not IPv6 for IPv4. */
static bool holds(const struct csock__race *r, int64_t now)
{
    return (r->unknown & CSOCK__INET6) && !(r->found & CSOCK__INET6) && now < r->hold;
}

/* RFC 8305, 5: one after the other, "Connection Attempt Delay" apart, or at once when one
 * failed. */
static bool is_due(const struct csock__race *r, int64_t now)
{
    return r->in_flight == 0 || (!r->one_at_a_time && (r->failures > 0 || now >= r->next));
}

enum csock__race_step csock__race_ask(struct csock__race *r, int64_t now)
{
    if (r->over)
        return wait_until(r, CSOCK__NO_TIMER);
    if (r->waiting == 0)
        return r->in_flight == 0 && r->unknown == 0 ? CSOCK__RACE_LOST
                                                    : wait_until(r, CSOCK__NO_TIMER);
    if (holds(r, now))
        return wait_until(r, r->hold);
    if (!is_due(r, now))
        return wait_until(r, r->one_at_a_time ? CSOCK__NO_TIMER : r->next);
    return r->in_flight == CSOCK_DIAL_IN_FLIGHT ? CSOCK__RACE_GIVE_UP : CSOCK__RACE_BEGIN;
}

void csock__race_answer(struct csock__race *r, int64_t now, unsigned families, unsigned found,
                        size_t fresh)
{
    if (r->found == 0 && found != 0)
        r->hold = now + r->resolution_delay;
    r->found |= found;
    r->unknown &= ~families;
    r->waiting += fresh;
}

void csock__race_begun(struct csock__race *r, int64_t now)
{
    r->waiting--;
    r->in_flight++;
    r->starved = 0;
    r->failures -= r->failures > 0;
    r->next = now + r->attempt_delay;
}

void csock__race_starved(struct csock__race *r, int64_t now)
{
    r->failures = 0;
    r->next = now + (r->attempt_delay << r->starved);
    r->starved += r->starved < MOST_DOUBLINGS;
}

/* With nothing to follow it, at most one address that comes later may be as early as that. */
void csock__race_failed(struct csock__race *r)
{
    r->in_flight--;
    if (r->failures < r->waiting || r->failures == 0)
        r->failures++;
}

void csock__race_given_up(struct csock__race *r)
{
    r->in_flight--;
}

void csock__race_end(struct csock__race *r)
{
    r->over = true;
}
