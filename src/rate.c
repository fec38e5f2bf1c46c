#include "rate.h"

void rate_bucket_init(struct rate_bucket *bucket, double rate, double burst, double now) {
  *bucket = (struct rate_bucket){.rate = rate, .burst = burst, .tokens = burst, .at = now};
}

double rate_bucket_take(struct rate_bucket *bucket, double now) {
  if (bucket->rate <= 0) return 0;
  bucket->tokens += (now - bucket->at) * bucket->rate;
  if (bucket->tokens > bucket->burst) bucket->tokens = bucket->burst;
  bucket->at = now;
  bucket->tokens -= 1;
  return bucket->tokens >= 0 ? 0 : -bucket->tokens / bucket->rate;
}

void rate_limit_init(struct rate_limit *limit, double maximum) {
  *limit = (struct rate_limit){.limit = maximum, .maximum = maximum, .changed_at = -1};
}

bool rate_limit_admits(const struct rate_limit *limit, unsigned in_flight) {
  return in_flight < (unsigned)limit->limit;
}

void rate_limit_answered(struct rate_limit *limit, bool throttled, double sent_at, double now) {
  if (!throttled) {
    limit->limit += 1 / limit->limit;
    if (limit->limit > limit->maximum) limit->limit = limit->maximum;
  } else if (sent_at >= limit->changed_at) {
    limit->limit = limit->limit / 2 < 1 ? 1 : limit->limit / 2;
    limit->changed_at = now;
  }
}
