#include "net/rate.h"

#include <math.h>

/* Seconds by which a timer may be late without slowing the rate down. */
static const double LATENESS = 0.01;

static const double ROUNDING = 1e-9;

static void fill(struct rate_bucket *bucket, double now) {
  double burst = 1 + bucket->rate * LATENESS;
  bucket->tokens += (now - bucket->at) * bucket->rate;
  if (bucket->tokens > burst) bucket->tokens = burst;
  bucket->at = now;
}

void rate_bucket_init(struct rate_bucket *bucket, double rate, double now) {
  *bucket = (struct rate_bucket){.rate = rate, .tokens = 1, .at = now};
}

void rate_bucket_set_rate(struct rate_bucket *bucket, double rate, double now) {
  fill(bucket, now);
  bucket->rate = rate;
}

double rate_bucket_wait(struct rate_bucket *bucket, double now) {
  if (bucket->rate <= 0) return 0;
  fill(bucket, now);
  return bucket->tokens >= 1 - ROUNDING ? 0 : (1 - bucket->tokens) / bucket->rate;
}

void rate_bucket_take(struct rate_bucket *bucket) {
  if (bucket->rate > 0) bucket->tokens -= 1;
}

void rate_limit_init(struct rate_limit *limit, double maximum) {
  *limit = (struct rate_limit){.limit = maximum, .maximum = maximum, .changed_at = -1};
}

bool rate_limit_admits(const struct rate_limit *limit, unsigned in_flight) {
  return in_flight < (unsigned)limit->limit;
}

void rate_limit_answered(struct rate_limit *limit, bool throttled, unsigned in_flight,
                         double sent_at, double now) {
  if (!throttled) {
    limit->limit += 1 / limit->limit;
    if (limit->limit > limit->maximum) limit->limit = limit->maximum;
  } else if (sent_at >= limit->changed_at) {
    limit->limit = fmax(fmin(limit->limit, in_flight) / 2, 1);
    limit->changed_at = now;
  }
}
