#include "net/throttle.h"

#include <math.h>

/* Seconds of a wait that people may wonder about. */
static const double ANNOUNCED = 2;

static void admit_waiting(struct throttle *throttle);

static void on_reopen(void *context) {
  admit_waiting(context);
}

void throttle_init(struct throttle *throttle, struct loop *loop, unsigned maximum) {
  *throttle = (struct throttle){.loop = loop, .reopen = {.fire = on_reopen, .context = throttle}};
  pace_init(&throttle->pace, loop_now());
  crowd_init(&throttle->crowd, maximum);
}

void throttle_set_rate(struct throttle *throttle, double rate) {
  pace_set_highest(&throttle->pace, rate, loop_now());
  if (throttle->reopen.position) loop_timer_start(throttle->loop, &throttle->reopen, 0);
}

void throttle_free(struct throttle *throttle) {
  loop_timer_stop(throttle->loop, &throttle->reopen);
}

/* Who comes again goes before who came later. */
static void enqueue(struct throttle *throttle, struct throttle_pass *pass) {
  pass->place = THROTTLE_QUEUED;
  struct throttle_pass *next = throttle->first, *previous;
  if (throttle->last && throttle->last->ticket < pass->ticket) next = NULL;
  while (next && next->ticket < pass->ticket) next = next->next;
  previous = next ? next->previous : throttle->last;
  pass->previous = previous;
  pass->next = next;
  if (previous)
    previous->next = pass;
  else
    throttle->first = pass;
  if (next)
    next->previous = pass;
  else
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
  if (!crowd_admits(&throttle->crowd, throttle->in_flight)) return false;
  double wait = pace_wait(&throttle->pace, loop_now());
  if (wait <= 0) return true;
  if (throttle->reopen.position) return false;
  return loop_timer_start(throttle->loop, &throttle->reopen, wait) != 0;
}

static void go_inside(struct throttle *throttle, struct throttle_pass *pass) {
  pace_take(&throttle->pace, pass->place == THROTTLE_QUEUED, loop_now(), &pass->sent);
  throttle->in_flight++;
  pass->place = THROTTLE_INSIDE;
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
  if (!pass->ticket) pass->ticket = ++throttle->tickets;
  if (throttle->first || !is_open(throttle)) {
    enqueue(throttle, pass);
    return false;
  }
  go_inside(throttle, pass);
  return true;
}

/* A wait longer than anybody waits does not close the throttle. */
static void learn_from_refusal(struct throttle *throttle, const struct throttle_pass *pass,
                               double retry_after, double now) {
  throttle->refused++;
  if (retry_after > RETRY_LONGEST_WAIT) return;
  double asked = fmax(retry_after, 0), closed_until = throttle->pace.closed_until;
  pace_refused(&throttle->pace, &pass->sent, asked, retry_random(), now);
  throttle->closed_for += fmax(throttle->pace.closed_until - fmax(closed_until, now), 0);
  bool is_news = asked >= ANNOUNCED && now + asked > closed_until + ANNOUNCED / 2;
  if (is_news && pass->is_patient && throttle->announce) throttle->announce(asked);
}

static void learn(struct throttle *throttle, const struct throttle_pass *pass,
                  const struct retry_outcome *outcome) {
  double now = loop_now();
  if (retry_is_rate_limited(outcome)) {
    learn_from_refusal(throttle, pass, outcome->retry_after, now);
  } else if (outcome->verdict == CURLE_OK) {
    if (throttle->pace.bucket.rate > 0)
      crowd_pause(&throttle->crowd, now);
    else
      crowd_answered(&throttle->crowd, throttle->in_flight, pass->sent.at, now);
  }
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
