#include "net/pace.h"

#include <math.h>

/* Requests a second: no server is thought to bear fewer; a ramp begins with more; what bears more
 * has no limit that matters. */
static const double LOWEST = 0.1, RAMP_START = 5, UNLIMITED = 10000;

static const double DOUBLING = 1; /* seconds, of a ramp */
static const double WAVE = 1;     /* seconds, at most */

/* What is left of a rate that was refused: at most, at most of one that a ramp had come to, and at
 * least when it was refused too soon to tell more: for each time in a row, and in all. */
static const double MOST = 0.95, MOST_OF_RAMP = 0.9, HASTY_CUT = 0.85, DEEPEST_CUT = 0.5;

/* A refusal tells more than "slower" after so many seconds, or requests beyond a burst. */
static const double TELLING_SECONDS = 2, TELLING_REQUESTS = 8;

/* A climb lasts at least so many pauses, requests and seconds. How steep it is beyond its end. */
static const double CLIMB_PAUSES = 20, CLIMB_REQUESTS = 50, CLIMB_SECONDS = 5, STEEPNESS = 40;

/* Seconds for which a refusal that names no time closes, at first and at most: until two requests
 * are due, and twice as long each time that nothing was let through. */
static const double FIRST_PAUSE = 0.1, LONGEST_PAUSE = 5;

static const double LONGEST_PROBE = 2; /* seconds */

static const double LATENESS = 0.01; /* seconds that a timer may be late, at the user's rate */
static const double ROUNDING = 1e-9;
static const double INTERVALS = 16; /* of which the last ones are averaged, more or less */

/* {====== the bucket ====== */

static void fill(struct pace_bucket *bucket, double now) {
  double most = 1 + bucket->rate * bucket->lateness;
  bucket->tokens = fmin(bucket->tokens + (now - bucket->at) * bucket->rate, most);
  bucket->at = now;
}

static double bucket_wait(struct pace_bucket *bucket, double now) {
  if (bucket->rate <= 0) return 0;
  fill(bucket, now);
  return bucket->tokens >= 1 - ROUNDING ? 0 : (1 - bucket->tokens) / bucket->rate;
}

/* }====== */

/* {====== the rate ====== */

/* A climb is a straight line from what was proven to what was refused, and beyond that a cubic. */
static double rate_of(const struct pace *pace) {
  switch (pace->phase) {
  case PACE_RAMP: return pace->start * exp2(pace->used / DOUBLING);
  case PACE_CLIMB: {
    double x = pace->used / pace->climb, beyond = fmax(x - 1, 0);
    return pace->start + (pace->refused - pace->start) * (x + STEEPNESS * pow(beyond, 3));
  }
  default: return 0;
  }
}

/* At the user's rate a late timer is made up for. A server's limit may not bear that. */
static void set_rate(struct pace *pace, double now) {
  double rate = rate_of(pace);
  if (rate > UNLIMITED) {
    pace->phase = PACE_FREE;
    rate = 0;
  }
  fill(&pace->bucket, now);
  bool is_highest = pace->highest > 0 && (rate <= 0 || rate > pace->highest);
  pace->bucket.rate = is_highest ? pace->highest : rate;
  pace->bucket.lateness = pace->phase == PACE_FREE ? LATENESS : 0;
}

void pace_init(struct pace *pace, double now) {
  *pace =
      (struct pace){.bucket = {.tokens = 1, .at = now}, .changed_at = now - 1, .wave_began = now};
}

void pace_set_highest(struct pace *pace, double rate, double now) {
  pace->highest = rate;
  set_rate(pace, now);
}

double pace_wait(struct pace *pace, double now) {
  return fmax(pace->closed_until - now, bucket_wait(&pace->bucket, now));
}

double pace_learnt(const struct pace *pace) {
  return pace->phase == PACE_FREE ? 0 : pace->bucket.rate;
}

double pace_limit(const struct pace *pace) {
  bool is_highest = pace->highest > 0 && pace->bucket.rate >= pace->highest;
  bool is_known = pace->phase == PACE_CLIMB && pace->interval > 0 && !is_highest;
  return is_known ? fmin(1 / pace->interval, pace->bucket.rate) : 0;
}

static void add_to_wave(struct pace *pace, double now) {
  if (now - pace->wave_began > WAVE) {
    pace->wave_began = now;
    pace->wave = 0;
  }
  pace->wave++;
}

static void add_interval(struct pace *pace, double seconds) {
  double known = pace->interval > 0 ? pace->interval : seconds;
  pace->interval = known + (seconds - known) / INTERVALS;
}

void pace_take(struct pace *pace, bool held, double now, struct pace_sent *sent) {
  double rate = pace->bucket.rate;
  *sent = (struct pace_sent){.at = now, .rate = rate, .number = ++pace->sent};
  if (pace->phase == PACE_FREE) add_to_wave(pace, now);
  if (pace->phase == PACE_RAMP && pace->used <= 0) pace->start = fmax(RAMP_START, pace->wave / 4);
  if (rate <= 0) return;
  bool is_first = pace->sent == pace->sent_before + 1;
  if (held && !is_first) add_interval(pace, now - pace->taken_at);
  pace->taken_at = now;
  bool is_probe = pace->fruitless > 0 && is_first;
  pace->bucket.tokens -= is_probe ? 1 + rate * pace->probe : 1;
  if (held) pace->used += 1 / rate;
  set_rate(pace, now);
}

/* }====== */

/* {====== learning ====== */

/* How much more a ramp that was refused at `rate` sent above `limit` than the burst that a server
 * with that limit must have, by the first wave. Falls as the limit rises. */
static double ramp_excess(const struct pace *pace, double rate, double limit) {
  double from = fmax(pace->start, limit);
  double above = rate > from ? (rate - from - limit * log(rate / from)) * DOUBLING / M_LN2 : 0;
  return above - fmax(pace->wave - 1 - limit * pace->wave_length, 0);
}

/* The limit of a server that has refused a ramp at `rate`. */
static double behind_ramp(const struct pace *pace, double rate) {
  double low = 0, high = rate;
  for (int i = 0; i < 30; i++) {
    double middle = (low + high) / 2;
    if (ramp_excess(pace, rate, middle) > 0)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The server's limit, by what it has let through since the last change: at least as much as that is
 * for all that time, the pause included, and for the time without pauses less a burst. */
static double limit_of(const struct pace *pace, const struct pace_sent *sent, double passed) {
  double in_all = passed / fmax(sent->at - pace->changed_at, ROUNDING);
  if (pace->phase == PACE_RAMP) return fmax(in_all, behind_ramp(pace, sent->rate));
  return fmax(in_all, (passed - pace->wave) / fmax(pace->used, ROUNDING));
}

static void begin(struct pace *pace, enum pace_phase phase, double now) {
  pace->phase = phase;
  pace->used = 0;
  pace->changed_at = now;
  pace->sent_before = pace->sent;
}

static void take_from_wave(struct pace *pace, const struct pace_sent *sent) {
  if (sent->at >= pace->wave_began) pace->wave = fmax(pace->wave - 1, 0);
}

static void begin_ramp(struct pace *pace, const struct pace_sent *sent, double now) {
  take_from_wave(pace, sent);
  pace->wave_length = fmax(sent->at - pace->wave_began, 0);
  pace->start = RAMP_START;
  begin(pace, PACE_RAMP, now);
}

static void begin_climb(struct pace *pace, const struct pace_sent *sent, double passed,
                        double now) {
  bool is_ramp = pace->phase == PACE_RAMP;
  bool is_telling =
      is_ramp || pace->used >= TELLING_SECONDS || passed >= pace->wave + TELLING_REQUESTS;
  pace->hasty = is_telling ? 0 : pace->hasty + 1;
  double most = sent->rate * (is_ramp ? MOST_OF_RAMP : MOST);
  double least = is_telling ? LOWEST : sent->rate * fmax(pow(HASTY_CUT, pace->hasty), DEEPEST_CUT);
  double limit = limit_of(pace, sent, passed);
  pace->start = fmax(fmin(fmax(limit, least), most), LOWEST);
  pace->refused = fmax(sent->rate, LOWEST / MOST);
  begin(pace, PACE_CLIMB, now);
}

/* With jitter: clients that were refused together must not come back together. */
static void close_for(struct pace *pace, double retry_after, double jitter, double now) {
  double due = pace->phase == PACE_CLIMB ? fmin(2 / pace->start, FIRST_PAUSE) : FIRST_PAUSE;
  double own = fmin(due * exp2(fmin(pace->fruitless, 16)), LONGEST_PAUSE);
  double pause = fmax(retry_after, own);
  pace->closed_until =
      fmax(pace->closed_until, now + pause + jitter * (due + pause / CLIMB_PAUSES));
  pace->climb = fmax(fmax(CLIMB_PAUSES * pause, CLIMB_REQUESTS / pace->start), CLIMB_SECONDS);
}

void pace_refused(struct pace *pace, const struct pace_sent *sent, double retry_after,
                  double jitter, double now) {
  double passed = (double)(sent->number - pace->sent_before) - 1;
  if (sent->at <= pace->changed_at) {
    if (pace->phase == PACE_RAMP) take_from_wave(pace, sent);
    pace->closed_until = fmax(pace->closed_until, now + retry_after);
    return;
  }
  if (pace->phase != PACE_FREE && passed < 1) {
    pace->fruitless++;
    pace->probe = fmin(2 * (now - sent->at), LONGEST_PROBE);
    begin(pace, pace->phase, now);
  } else {
    pace->fruitless = 0;
    if (sent->rate <= 0)
      begin_ramp(pace, sent, now);
    else
      begin_climb(pace, sent, passed, now);
  }
  close_for(pace, retry_after, jitter, now);
  set_rate(pace, now);
}

/* }====== */
