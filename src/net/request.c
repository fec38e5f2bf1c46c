#include "net/request.h"

/* After refusals that name no time, the wait grows every REFUSALS_A_STEP of them, up to step
 * PATIENCE_STEPS, where it is four seconds on average. */
enum { REFUSALS_A_STEP = 4, PATIENCE_STEPS = 5 };

/* What a refusal without Retry-After says about the time until the limit is reset; -1: nothing. */
static double reset_of(const struct http_transfer *transfer) {
  static const char *const names[] = {"RateLimit", "RateLimit-Reset", "X-RateLimit-Reset"};
  double seconds = -1;
  for (size_t i = 0; seconds < 0 && i < sizeof names / sizeof *names; i++) {
    size_t length;
    const char *value = http_response_header(transfer, names[i], &length);
    if (value) seconds = retry_reset_seconds(value, length, time(NULL));
  }
  return seconds;
}

static struct retry_outcome outcome_of(const struct http_transfer *transfer) {
  struct retry_outcome outcome = {.verdict = transfer->verdict,
                                  .status = transfer->status,
                                  .may_have_been_sent = transfer->may_have_been_sent,
                                  .retry_after = -1};
  size_t length;
  bool is_failure = transfer->status >= 400;
  const char *value = is_failure ? http_response_header(transfer, "Retry-After", &length) : NULL;
  if (value)
    outcome.retry_after = retry_after_seconds(value, length, time(NULL));
  else if (transfer->status == 429)
    outcome.retry_after = reset_of(transfer);
  return outcome;
}

static void observe(struct request *request, enum observed_end end) {
  if (!request->observer) return;
  struct observed observed = {.transfer = &request->transfer,
                              .attempt = request->attempts,
                              .end = end,
                              .presigned = request->presigned,
                              .began = request->began};
  observer_note(request->observer, &observed);
}

static void finish(struct request *request) {
  observe(request, OBSERVED_LAST);
  request->done(request->context);
}

static int attempt(struct request *request) {
  if (request->attempts++ == 0) request->began = loop_now();
  if (http_start(&request->transfer, request->loop) == 0) return 0;
  throttle_leave(&request->pass, NULL);
  return -1;
}

/* An attempt that cannot be set up because memory has run out is the last one. */
static void attempt_or_finish(void *context) {
  struct request *request = context;
  if (attempt(request) == 0) return;
  request->transfer.verdict = CURLE_OUT_OF_MEMORY;
  finish(request);
}

static bool may_pass(struct request *request) {
  return !request->throttle || throttle_enter(request->throttle, &request->pass);
}

static void try_again(void *context) {
  struct request *request = context;
  if (may_pass(request)) attempt_or_finish(request);
}

/* Counts a refusal. Returns true when it is borne: a long wait counts as a failure would, and all
 * waits together must not take longer than the patience. */
static bool is_borne(struct request *request, const struct retry_outcome *outcome) {
  const struct request_policy *policy = &request->policy;
  double now = loop_now(), wait = outcome->retry_after > 0 ? outcome->retry_after : 0;
  if (request->refusals++ == 0) request->refused_at = now;
  if (wait >= RETRY_LONG_WAIT) request->long_waits++;
  return !policy->looks_first && request->refusals <= policy->refusals &&
         request->long_waits <= policy->retries &&
         now + wait - request->refused_at <= policy->patience;
}

/* Counts the outcome. Returns true when another attempt is due. */
static bool is_worth_another(struct request *request, const struct retry_outcome *outcome) {
  if (!retry_is_allowed(request->retry, outcome)) return false;
  if (retry_is_rate_limited(outcome)) return is_borne(request, outcome);
  return request->failures++ < request->policy.retries;
}

/* True when the server may have done what was asked without saying so. */
static bool is_open_question(const struct retry_outcome *outcome) {
  if (outcome->verdict != CURLE_OK) return outcome->may_have_been_sent;
  return outcome->status >= 500 && !retry_is_rate_limited(outcome);
}

static unsigned patience(unsigned refusals) {
  unsigned step = 1 + refusals / REFUSALS_A_STEP;
  return step < PATIENCE_STEPS ? step : PATIENCE_STEPS;
}

static double delay_before_next(const struct request *request,
                                const struct retry_outcome *outcome) {
  unsigned attempt = request->failures;
  if (retry_is_rate_limited(outcome))
    attempt = outcome->retry_after > 0 ? 1 : patience(request->refusals);
  return retry_delay(attempt, outcome, retry_random());
}

static void on_answer(void *context) {
  struct request *request = context;
  struct retry_outcome outcome = outcome_of(&request->transfer);
  if (is_open_question(&outcome)) request->may_have_been_sent = true;
  bool is_worth = is_worth_another(request, &outcome);
  request->pass.is_patient = is_worth || request->policy.looks_first;
  throttle_leave(&request->pass, request->policy.refusals > 0 ? &outcome : NULL);
  if (is_worth) {
    double delay = delay_before_next(request, &outcome);
    if (loop_timer_start(request->loop, &request->timer, delay) == 0) {
      observe(request, OBSERVED_REPEATED);
      return;
    }
  }
  finish(request);
}

static void on_received(void *context) {
  struct request *request = context;
  request->received(request->context);
}

int request_start(struct request *request, struct loop *loop) {
  request->loop = loop;
  request->transfer.received = request->received ? on_received : NULL;
  request->transfer.done = on_answer;
  request->transfer.context = request;
  request->transfer.probe = request->observer ? &request->probe : NULL;
  request->timer = (struct loop_timer){.fire = try_again, .context = request};
  request->pass = (struct throttle_pass){.admitted = attempt_or_finish, .context = request};
  return may_pass(request) ? attempt(request) : 0;
}

/* True when the request has been sent and waits to be sent again. */
static bool is_between_attempts(const struct request *request) {
  bool waits = request->timer.position > 0 || request->pass.place != THROTTLE_OUTSIDE;
  return request->attempts > 0 && waits && !http_is_running(&request->transfer);
}

void request_release(struct request *request) {
  bool is_under_way = http_is_running(&request->transfer),
       is_between = is_between_attempts(request);
  if (request->loop) {
    loop_timer_stop(request->loop, &request->timer);
    throttle_leave(&request->pass, NULL);
  }
  http_cancel(&request->transfer);
  if (is_between) observe(request, OBSERVED_ABANDONED);
  if (is_under_way) observe(request, OBSERVED_GIVEN_UP);
  http_release(&request->transfer);
  http_probe_free(&request->probe);
}
