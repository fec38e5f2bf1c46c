#include "net/delivery.h"

#include <stdint.h>
#include <sys/random.h>

/* Refusals that name no time: how many are answered with the same patience before it grows, and how
 * often it grows. At its end the waits are of four seconds on average. */
enum { REFUSALS_A_STEP = 4, PATIENCE_STEPS = 5 };

static struct retry_outcome outcome_of(const struct http_request *http) {
  struct retry_outcome outcome = {.verdict = http->verdict,
                                  .status = http->status,
                                  .may_have_been_sent = http->may_have_been_sent,
                                  .retry_after = -1};
  size_t length;
  bool is_failure = http->status >= 400;
  const char *value = is_failure ? http_response_header(http, "Retry-After", &length) : NULL;
  if (value) outcome.retry_after = retry_after_seconds(value, length, time(NULL));
  return outcome;
}

/* In [0, 1); without randomness the middle. */
static double random_fraction(void) {
  uint32_t bits;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) return 0.5;
  return bits / 4294967296.0;
}

static void observe(struct delivery *delivery, enum observed_end end) {
  if (!delivery->observer) return;
  struct observed observed = {.http = &delivery->http,
                              .attempt = delivery->attempts,
                              .end = end,
                              .presigned = delivery->presigned,
                              .began = delivery->began};
  observer_note(delivery->observer, &observed);
}

static void finish(struct delivery *delivery) {
  observe(delivery, OBSERVED_LAST);
  delivery->done(delivery->context);
}

static int attempt(struct delivery *delivery) {
  if (delivery->attempts++ == 0) delivery->began = loop_now();
  if (http_start(&delivery->http, delivery->loop) == 0) return 0;
  gate_leave(&delivery->pass, NULL);
  return -1;
}

/* An attempt that cannot be set up for want of memory is the last one. */
static void attempt_or_finish(void *context) {
  struct delivery *delivery = context;
  if (attempt(delivery) == 0) return;
  delivery->http.verdict = CURLE_OUT_OF_MEMORY;
  finish(delivery);
}

static bool may_pass(struct delivery *delivery) {
  return !delivery->gate || gate_enter(delivery->gate, &delivery->pass);
}

static void try_again(void *context) {
  struct delivery *delivery = context;
  if (may_pass(delivery)) attempt_or_finish(delivery);
}

/* Counts the outcome; true when another attempt is due. */
static bool is_worth_another(struct delivery *delivery, const struct retry_outcome *outcome) {
  if (!retry_is_allowed(delivery->retry, outcome)) return false;
  if (retry_is_throttled(outcome)) return delivery->refusals++ < delivery->policy.refusals;
  return delivery->failures++ < delivery->policy.retries;
}

/* True when the server may have done what was asked, and did not say so. */
static bool is_open_question(const struct retry_outcome *outcome) {
  if (outcome->verdict != CURLE_OK) return outcome->may_have_been_sent;
  return outcome->status >= 500 && !retry_is_throttled(outcome);
}

static unsigned patience(unsigned refusals) {
  unsigned step = 1 + refusals / REFUSALS_A_STEP;
  return step < PATIENCE_STEPS ? step : PATIENCE_STEPS;
}

static double delay_before_next(const struct delivery *delivery,
                                const struct retry_outcome *outcome) {
  unsigned attempt = delivery->failures;
  if (retry_is_throttled(outcome))
    attempt = outcome->retry_after > 0 ? 1 : patience(delivery->refusals);
  return retry_delay(attempt, outcome, random_fraction());
}

static void on_answer(void *context) {
  struct delivery *delivery = context;
  struct retry_outcome outcome = outcome_of(&delivery->http);
  if (is_open_question(&outcome)) delivery->may_have_been_sent = true;
  gate_leave(&delivery->pass, delivery->policy.refusals > 0 ? &outcome : NULL);
  if (is_worth_another(delivery, &outcome)) {
    double delay = delay_before_next(delivery, &outcome);
    if (loop_timer_start(delivery->loop, &delivery->timer, delay) == 0) {
      observe(delivery, OBSERVED_REPEATED);
      return;
    }
  }
  finish(delivery);
}

static void on_received(void *context) {
  struct delivery *delivery = context;
  delivery->received(delivery->context);
}

int delivery_start(struct delivery *delivery, struct loop *loop) {
  delivery->loop = loop;
  delivery->http.received = delivery->received ? on_received : NULL;
  delivery->http.done = on_answer;
  delivery->http.context = delivery;
  delivery->http.tap = delivery->observer ? &delivery->tap : NULL;
  delivery->timer = (struct loop_timer){.fire = try_again, .context = delivery};
  delivery->pass = (struct gate_pass){.admitted = attempt_or_finish, .context = delivery};
  return may_pass(delivery) ? attempt(delivery) : 0;
}

/* It has been sent, and waits to be sent again. */
static bool is_between_attempts(const struct delivery *delivery) {
  bool waits = delivery->timer.position > 0 || delivery->pass.place != GATE_OUTSIDE;
  return delivery->attempts > 0 && waits && !http_is_running(&delivery->http);
}

void delivery_release(struct delivery *delivery) {
  bool is_under_way = http_is_running(&delivery->http), is_between = is_between_attempts(delivery);
  if (delivery->loop) {
    loop_timer_stop(delivery->loop, &delivery->timer);
    gate_leave(&delivery->pass, NULL);
  }
  http_cancel(&delivery->http);
  if (is_between) observe(delivery, OBSERVED_FORSAKEN);
  if (is_under_way) observe(delivery, OBSERVED_GIVEN_UP);
  http_release(&delivery->http);
  tap_free(&delivery->tap);
}
