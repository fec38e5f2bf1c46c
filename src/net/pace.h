/* How fast requests may go to a server: as fast as they come, until it refuses one for too many
 * requests; from then on evenly, at a rate that is learnt. Pure: the caller passes the time, in
 * seconds on a clock that never runs backwards. No Lua.
 *
 * Only pacing uses a limit up. Holding everybody back for Retry-After and then letting all go,
 * which is what limiting the requests in flight amounts to, gets a burst per Retry-After: one a
 * second, not ten, from a bucket of one. And only what was refused tells where the limit is;
 * servers rarely say it. So, as TCP does with a window (RFC 9438) and the AWS SDKs do with a rate:
 *
 * - After the first refusal the rate climbs from low, doubling every second, until the next one.
 *   That one comes late if the server lets bursts pass, so the rate is taken for what it was before
 *   the ramp had used up a burst like the first.
 * - After every other refusal it is what was let through since the one before, or a little less
 * than what was refused, and climbs: evenly to the rate that was refused, and ever faster beyond
 * it, so that a limit that has risen is found.
 * - How long the climb takes follows from what a refusal costs: the pauses take one part in twenty
 * of the time at most, and refusals one part in fifty of the requests.
 * - The climb counts requests that were held back, not time: a rate that nobody has used is not
 *   proven.
 * - Refusals of what was sent before the last change say nothing new; nor does one before anything
 *   was let through: the server is still closed. */
#ifndef ANYREACH_PACE_H
#define ANYREACH_PACE_H

#include <stdbool.h>

/* Lets `rate` requests a second through, evenly spaced; a rate of 0 lets everything through.
 * Nothing is reserved: a request that is given up before it has taken a token costs the others
 * nothing. */
struct pace_bucket {
  double rate;
  double lateness; /* seconds by which a timer may be late without slowing the rate down */
  double tokens;
  double at; /* when `tokens` was right */
};

enum pace_phase { PACE_FREE, PACE_RAMP, PACE_CLIMB };

struct pace {
  struct pace_bucket bucket;
  double highest; /* the rate that the user allows; 0: any */

  enum pace_phase phase;
  double start, refused; /* rates: of a ramp or climb at its beginning, and of a climb at its end */
  double climb;          /* seconds from one to the other */
  double used;           /* seconds of the phase, by requests that were held back */
  double taken_at;       /* when the last request went */
  double interval;       /* seconds between such requests lately, in fact; 0: not known */

  double changed_at; /* refusals of what was sent before say nothing about the rate */
  double closed_until;
  unsigned long sent, sent_before; /* requests, in all and before the last change */
  unsigned fruitless;              /* refusals in a row before anything was let through */
  double probe;   /* after such a refusal: seconds from the first request to the next one */
  unsigned hasty; /* refusals in a row that tell nothing but "slower" */

  /* What was sent at once up to the first refusal, less what of it was refused: a burst. */
  double wave;
  double wave_began, wave_length;
};

/* What is remembered of a request. */
struct pace_sent {
  double at;
  double rate; /* 0: free */
  unsigned long number;
};

void pace_init(struct pace *pace, double now);

/* Allows at most `rate` requests a second from now on; 0: any. What was let through before still
 * counts. */
void pace_set_highest(struct pace *pace, double rate, double now);

/* Seconds until a request may go; 0: now. */
double pace_wait(struct pace *pace, double now);

/* A request goes, which may. `held`: it had to wait. */
void pace_take(struct pace *pace, bool held, double now, struct pace_sent *sent);

/* The server has refused it for too many requests, and asks for a wait of `retry_after` seconds, or
 * of 0 when it names no time. `jitter` is random, in [0, 1). */
void pace_refused(struct pace *pace, const struct pace_sent *sent, double retry_after,
                  double jitter, double now);

/* The rate at which it goes now because of refusals, in requests a second; 0: it is free. */
double pace_learnt(const struct pace *pace);

/* The server's limit, as far as it is known, by what goes in fact: timers are late. 0 when it is
 * not known, or when the user allows less. */
double pace_limit(const struct pace *pace);

#endif
