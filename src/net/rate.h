/* How much at once, and how fast: a token bucket and an adaptive limit. Pure: the caller brings the
 * time, in seconds on any clock that does not run backwards. No Lua. */
#ifndef ANYREACH_RATE_H
#define ANYREACH_RATE_H

#include <stdbool.h>

/* Lets `rate` requests a second through, evenly; a rate of 0 lets everything through. Nothing is
 * promised: who gives up before he has taken a token costs the others nothing. */
struct rate_bucket {
  double rate;
  double tokens;
  double at; /* when `tokens` was right */
};

void rate_bucket_init(struct rate_bucket *bucket, double rate, double now);

/* Another rate from now on; what was let through before still counts. */
void rate_bucket_set_rate(struct rate_bucket *bucket, double rate, double now);

/* Seconds until there is a token, 0 when there is one. */
double rate_bucket_wait(struct rate_bucket *bucket, double now);

/* Takes the token that there is. */
void rate_bucket_take(struct rate_bucket *bucket);

/* Limits the requests in flight: to half of those that there were when the server asks for less,
 * and to one more a round trip when it does not. */
struct rate_limit {
  double limit; /* at least 1 */
  double maximum;
  double changed_at; /* answers to requests from before tell nothing new */
};

void rate_limit_init(struct rate_limit *limit, double maximum);
bool rate_limit_admits(const struct rate_limit *limit, unsigned in_flight);

/* A request was answered; `in_flight` counts it still. */
void rate_limit_answered(struct rate_limit *limit, bool throttled, unsigned in_flight,
                         double sent_at, double now);

#endif
