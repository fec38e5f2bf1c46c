#include "net/throttle.h"

#include <math.h>

/* Seconds for which a refusal that names no time closes the throttle. */
static const double MOMENT = 0.1;

/* Seconds by which a timer may be late without slowing the rate down. */
static const double LATENESS = 0.01;

static const double ROUNDING = 1e-9;

/* Seconds of a wait that people may wonder about. */
static const double ANNOUNCED = 2;

/* {====== how fast ====== */

static void fill(struct throttle_bucket *bucket, double now) {
  double burst = 1 + bucket->rate * LATENESS;
  bucket->tokens += (now - bucket->at) * bucket->rate;
  if (bucket->tokens > burst) bucket->tokens = burst;
  bucket->at = now;
}

void throttle_bucket_init(struct throttle_bucket *bucket, double rate, double now) {
  *bucket = (struct throttle_bucket){.rate = rate, .tokens = 1, .at = now};
}

void throttle_bucket_set_rate(struct throttle_bucket *bucket, double rate, double now) {
  fill(bucket, now);
  bucket->rate = rate;
}

double throttle_bucket_wait(struct throttle_bucket *bucket, double now) {
  if (bucket->rate <= 0) return 0;
  fill(bucket, now);
  return bucket->tokens >= 1 - ROUNDING ? 0 : (1 - bucket->tokens) / bucket->rate;
}

void throttle_bucket_take(struct throttle_bucket *bucket) {
  if (bucket->rate > 0) bucket->tokens -= 1;
}

/* }====== */

/* {====== how many at once ====== */

void throttle_limit_init(struct throttle_limit *limit, double maximum) {
  *limit = (struct throttle_limit){.limit = maximum, .maximum = maximum, .changed_at = -1};
}

bool throttle_limit_admits(const struct throttle_limit *limit, unsigned in_flight) {
  return in_flight < (unsigned)limit->limit;
}

void throttle_limit_answered(struct throttle_limit *limit, bool rate_limited, unsigned in_flight,
                             double sent_at, double now) {
  if (!rate_limited) {
    limit->limit += 1 / limit->limit;
    if (limit->limit > limit->maximum) limit->limit = limit->maximum;
  } else if (sent_at >= limit->changed_at) {
    limit->limit = fmax(fmin(limit->limit, in_flight) / 2, 1);
    limit->changed_at = now;
  }
}

/* }====== */

static void admit_waiting(struct throttle *throttle);

static void on_reopen(void *context) {
  admit_waiting(context);
}

void throttle_init(struct throttle *throttle, struct loop *loop, unsigned maximum) {
  *throttle = (struct throttle){.loop = loop, .reopen = {.fire = on_reopen, .context = throttle}};
  throttle_bucket_init(&throttle->bucket, 0, loop_now());
  throttle_limit_init(&throttle->limit, maximum);
}

void throttle_set_rate(struct throttle *throttle, double rate) {
  throttle_bucket_set_rate(&throttle->bucket, rate, loop_now());
  if (throttle->reopen.position) loop_timer_start(throttle->loop, &throttle->reopen, 0);
}

void throttle_free(struct throttle *throttle) {
  loop_timer_stop(throttle->loop, &throttle->reopen);
}

static void enqueue(struct throttle *throttle, struct throttle_pass *pass) {
  pass->place = THROTTLE_QUEUED;
  pass->previous = throttle->last;
  pass->next = NULL;
  if (throttle->last)
    throttle->last->next = pass;
  else
    throttle->first = pass;
  throttle->last = pass;
}

static void dequeue(struct throttle *throttle, struct throttle_pass *pass) {
  if (pass->previous)
    pass->previous->next = pass->next;
  else
    throttle->first = pass->next;
  if (pass->next)
    pass->next->previous = pass->previous;
  else
    throttle->last = pass->previous;
  pass->previous = pass->next = NULL;
}

/* True when one more may pass. When only time has to pass first, a timer asks again; the throttle
 * is open when there is no memory for the timer. */
static bool is_open(struct throttle *throttle) {
  if (!throttle_limit_admits(&throttle->limit, throttle->in_flight)) return false;
  double now = loop_now();
  double wait = fmax(throttle->closed_until - now, throttle_bucket_wait(&throttle->bucket, now));
  if (wait <= 0) return true;
  if (throttle->reopen.position) return false;
  return loop_timer_start(throttle->loop, &throttle->reopen, wait) != 0;
}

static void go_inside(struct throttle *throttle, struct throttle_pass *pass) {
  throttle_bucket_take(&throttle->bucket);
  throttle->in_flight++;
  pass->place = THROTTLE_INSIDE;
  pass->admitted_at = loop_now();
}

static void admit_waiting(struct throttle *throttle) {
  while (throttle->first && is_open(throttle)) {
    struct throttle_pass *pass = throttle->first;
    dequeue(throttle, pass);
    go_inside(throttle, pass);
    pass->admitted(pass->context);
  }
}

bool throttle_enter(struct throttle *throttle, struct throttle_pass *pass) {
  pass->throttle = throttle;
  if (throttle->first || !is_open(throttle)) {
    enqueue(throttle, pass);
    return false;
  }
  go_inside(throttle, pass);
  return true;
}

/* Learns from an answer. A wait longer than anybody waits does not close the throttle. */
static void learn(struct throttle *throttle, const struct throttle_pass *pass,
                  const struct retry_outcome *outcome) {
  double now = loop_now();
  bool rate_limited = retry_is_rate_limited(outcome);
  if (outcome->verdict != CURLE_OK && !rate_limited) return;
  throttle_limit_answered(&throttle->limit, rate_limited, throttle->in_flight, pass->admitted_at,
                          now);
  double closed_for = outcome->retry_after > 0 ? outcome->retry_after : MOMENT;
  if (!rate_limited || closed_for > RETRY_LONGEST_WAIT) return;
  bool is_news =
      closed_for >= ANNOUNCED && now + closed_for > throttle->closed_until + ANNOUNCED / 2;
  throttle->closed_until = fmax(throttle->closed_until, now + closed_for);
  if (is_news && pass->is_patient && throttle->announce) throttle->announce(closed_for);
}

void throttle_leave(struct throttle_pass *pass, const struct retry_outcome *outcome) {
  struct throttle *throttle = pass->throttle;
  enum throttle_place place = pass->place;
  if (place == THROTTLE_OUTSIDE) return;
  pass->place = THROTTLE_OUTSIDE;
  if (place == THROTTLE_QUEUED) {
    dequeue(throttle, pass);
    if (!throttle->first) loop_timer_stop(throttle->loop, &throttle->reopen);
    return;
  }
  if (outcome) learn(throttle, pass, outcome);
  throttle->in_flight--;
  admit_waiting(throttle);
}
