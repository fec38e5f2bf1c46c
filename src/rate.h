/* How much at once, and how fast: a token bucket and an adaptive limit. Pure: the caller brings the
 * time, in seconds on any clock that does not run backwards. No Lua. */
#ifndef ANYREACH_RATE_H
#define ANYREACH_RATE_H

#include <stdbool.h>

/* Lets `rate` requests a second through, after `burst` at once. A rate of 0 lets everything
 * through. */
struct rate_bucket {
  double rate, burst;
  double tokens; /* below 0: so many are promised already */
  double at;     /* when `tokens` was right */
};

void rate_bucket_init(struct rate_bucket *bucket, double rate, double burst, double now);

/* Takes a token and returns how long to wait until it is there: who asks first goes first. */
double rate_bucket_take(struct rate_bucket *bucket, double now);

/* Limits the requests in flight: halves when the server asks for less, grows by one a round trip
 * when it does not. */
struct rate_limit {
  double limit; /* at least 1 */
  double maximum;
  double changed_at; /* answers to requests from before tell nothing new */
};

void rate_limit_init(struct rate_limit *limit, double maximum);
bool rate_limit_admits(const struct rate_limit *limit, unsigned in_flight);
void rate_limit_answered(struct rate_limit *limit, bool throttled, double sent_at, double now);

#endif
