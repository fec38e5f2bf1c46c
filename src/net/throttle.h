/* The throttle in front of a server: requests pass in the order they came, no more at once and no
 * faster than the server accepts. It learns: a refusal for too many requests halves how many may be
 * in flight, and holds everybody back for as long as the server asks, or else for a moment. It is
 * made of a token bucket (how fast) and an adaptive limit (how many at once), which are pure: the
 * caller passes the time, in seconds on any clock that never runs backwards. No Lua. */
#ifndef ANYREACH_THROTTLE_H
#define ANYREACH_THROTTLE_H

#include <stdbool.h>

#include "net/loop.h"
#include "net/retry.h"

/* {====== how fast ====== */

/* Lets `rate` requests a second through, evenly spaced; a rate of 0 lets everything through.
 * Nothing is reserved: a request that is given up before it has taken a token costs the others
 * nothing. */
struct throttle_bucket {
  double rate;
  double tokens;
  double at; /* when `tokens` was right */
};

void throttle_bucket_init(struct throttle_bucket *bucket, double rate, double now);

/* Changes the rate from now on; what was let through before still counts. */
void throttle_bucket_set_rate(struct throttle_bucket *bucket, double rate, double now);

/* Seconds until a token is available; 0: now. */
double throttle_bucket_wait(struct throttle_bucket *bucket, double now);

/* Takes a token, which must be available. */
void throttle_bucket_take(struct throttle_bucket *bucket);

/* }====== */

/* {====== how many at once ====== */

/* Halves the number of requests in flight when the server asks for fewer, and allows one more a
 * round trip when it does not. */
struct throttle_limit {
  double limit; /* at least 1 */
  double maximum;
  double changed_at; /* answers to requests sent before say nothing about the new limit */
};

void throttle_limit_init(struct throttle_limit *limit, double maximum);
bool throttle_limit_admits(const struct throttle_limit *limit, unsigned in_flight);

/* A request was answered; `in_flight` still includes it. */
void throttle_limit_answered(struct throttle_limit *limit, bool rate_limited, unsigned in_flight,
                             double sent_at, double now);

/* }====== */

struct throttle {
  struct loop *loop;
  struct throttle_bucket bucket;
  struct throttle_limit limit;
  unsigned in_flight;
  double closed_until;      /* by loop_now() */
  struct loop_timer reopen; /* runs while somebody waits for nothing but time */
  struct throttle_pass *first, *last;
  void (*announce)(double seconds); /* called when the server has everybody wait long; or NULL */
};

enum throttle_place { THROTTLE_OUTSIDE, THROTTLE_QUEUED, THROTTLE_INSIDE };

/* Embedded in its owner, who leaves before freeing it. Zero-initialise. */
struct throttle_pass {
  void (*admitted)(void *context); /* called later, when the request may go on */
  void *context;
  struct throttle *throttle;
  enum throttle_place place;
  bool is_patient; /* its owner comes again after a refusal */
  double admitted_at;
  struct throttle_pass *previous, *next;
};

/* At most `maximum` in flight, at least 1; without a limit on the rate. */
void throttle_init(struct throttle *throttle, struct loop *loop, unsigned maximum);

/* From now on at most `rate` requests a second; 0: no limit. */
void throttle_set_rate(struct throttle *throttle, double rate);

/* Nobody may be inside or queued. */
void throttle_free(struct throttle *throttle);

/* Asks to pass. Returns true when the request may go on at once; otherwise `admitted` is called
 * later. */
bool throttle_enter(struct throttle *throttle, struct throttle_pass *pass);

/* Leaves from wherever the pass is: with the outcome of the request, or with NULL when it was given
 * up. */
void throttle_leave(struct throttle_pass *pass, const struct retry_outcome *outcome);

#endif
