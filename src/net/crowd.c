#include "net/crowd.h"

#include <math.h>

/* A server is overloaded, perhaps, when answers take so many times the shortest latency, and so
 * many seconds more. Fewer in flight than FEWEST are never the trouble. */
static const double SLOW_TIMES = 2, SLOW_SECONDS = 0.02, FEWEST = 9;

static const double STEP = 0.7;   /* the share of the limit that a trial leaves */
static const double BETTER = 1.1; /* as many answers as before, times this, are clearly more */

/* Answers are counted for so many round trips, and at least so many of them. Before, what the
 * change has disturbed settles: at first quick requests come back more often than slow ones. */
static const double ROUND_TRIPS = 4, FEWEST_ANSWERS = 50, SETTLING_ROUND_TRIPS = 3;

static const double FIRST_PAUSE = 2, LONGEST_PAUSE = 60; /* seconds between trials in vain */

void crowd_init(struct crowd *crowd, double maximum) {
  *crowd = (struct crowd){.limit = maximum, .maximum = maximum, .pause = FIRST_PAUSE};
}

bool crowd_admits(const struct crowd *crowd, unsigned in_flight) {
  return in_flight < (unsigned)crowd->limit;
}

static void count_from(struct crowd *crowd, double now) {
  crowd->counted_from = now;
  crowd->count = 0;
  crowd->in_flight = crowd->latency = 0;
}

static void set_limit(struct crowd *crowd, double limit, double now) {
  crowd->limit = fmin(fmax(limit, 1), crowd->maximum);
  count_from(crowd, now + SETTLING_ROUND_TRIPS * crowd->usual);
}

void crowd_pause(struct crowd *crowd, double now) {
  if (crowd->tried_from > 0) set_limit(crowd, crowd->tried_from, now);
  crowd->tried_from = 0;
  count_from(crowd, now);
}

static bool is_slow(const struct crowd *crowd, double latency) {
  return latency > SLOW_TIMES * crowd->quickest && latency > crowd->quickest + SLOW_SECONDS;
}

static void begin_trial(struct crowd *crowd, double in_flight, double now) {
  crowd->tried_from = crowd->limit;
  set_limit(crowd, crowd->goes_up ? crowd->limit / STEP : fmin(in_flight, crowd->limit) * STEP,
            now);
}

/* A trial that was worth it is followed by one that goes on in the same direction. */
static void end_trial(struct crowd *crowd, double answered, double now) {
  double from = crowd->tried_from;
  crowd->tried_from = 0;
  if (answered > BETTER * crowd->answered) {
    crowd->pause = FIRST_PAUSE;
    crowd->next_trial = now;
    count_from(crowd, now);
    return;
  }
  set_limit(crowd, from, now);
  crowd->goes_up = !crowd->goes_up;
  crowd->next_trial = now + crowd->pause;
  crowd->pause = fmin(3 * crowd->pause, LONGEST_PAUSE);
}

/* So many answers were counted. */
static void judge(struct crowd *crowd, double now) {
  double answered = crowd->count / fmax(now - crowd->counted_from, 1e-9);
  double in_flight = crowd->in_flight / crowd->count, latency = crowd->latency / crowd->count;
  crowd->usual = latency;
  if (crowd->tried_from > 0) {
    end_trial(crowd, answered, now);
    return;
  }
  count_from(crowd, now);
  crowd->answered = answered;
  bool is_limited = crowd->limit < crowd->maximum && in_flight > crowd->limit - 1;
  if (!is_limited) crowd->goes_up = false;
  bool is_promising = is_limited || is_slow(crowd, latency);
  if (!crowd->goes_up && in_flight < FEWEST) is_promising = false;
  if (is_promising && now >= crowd->next_trial) begin_trial(crowd, in_flight, now);
}

void crowd_answered(struct crowd *crowd, unsigned in_flight, double sent_at, double now) {
  double latency = now - sent_at;
  if (crowd->quickest <= 0 || latency < crowd->quickest) crowd->quickest = latency;
  if (now < crowd->counted_from) return;
  crowd->count++;
  crowd->in_flight += in_flight;
  crowd->latency += latency;
  double enough = ROUND_TRIPS * crowd->in_flight / crowd->count;
  if (crowd->count >= fmax(enough, FEWEST_ANSWERS)) judge(crowd, now);
}
