#include "net/gate.h"

#include <math.h>

static void admit_waiting(struct gate *gate);

/* Seconds that a refusal closes the gate for when it does not say how long. */
static const double MOMENT = 0.1;

static void on_reopen(void *context) {
  admit_waiting(context);
}

void gate_init(struct gate *gate, struct loop *loop, unsigned maximum) {
  *gate = (struct gate){.loop = loop, .reopen = {.fire = on_reopen, .context = gate}};
  rate_bucket_init(&gate->bucket, 0, loop_now());
  rate_limit_init(&gate->limit, maximum);
}

void gate_set_rate(struct gate *gate, double rate) {
  rate_bucket_set_rate(&gate->bucket, rate, loop_now());
  if (gate->reopen.position) loop_timer_start(gate->loop, &gate->reopen, 0);
}

void gate_free(struct gate *gate) {
  loop_timer_stop(gate->loop, &gate->reopen);
}

static void enqueue(struct gate *gate, struct gate_pass *pass) {
  pass->place = GATE_QUEUED;
  pass->previous = gate->last;
  pass->next = NULL;
  if (gate->last)
    gate->last->next = pass;
  else
    gate->first = pass;
  gate->last = pass;
}

static void dequeue(struct gate *gate, struct gate_pass *pass) {
  if (pass->previous)
    pass->previous->next = pass->next;
  else
    gate->first = pass->next;
  if (pass->next)
    pass->next->previous = pass->previous;
  else
    gate->last = pass->previous;
  pass->previous = pass->next = NULL;
}

/* True when one more may pass. When that is only a matter of time, makes sure that it will be asked
 * again; a timer that cannot be had opens the gate. */
static bool is_open(struct gate *gate) {
  if (!rate_limit_admits(&gate->limit, gate->in_flight)) return false;
  double now = loop_now();
  double wait = fmax(gate->closed_until - now, rate_bucket_wait(&gate->bucket, now));
  if (wait <= 0) return true;
  if (gate->reopen.position) return false;
  return loop_timer_start(gate->loop, &gate->reopen, wait) != 0;
}

static void go_inside(struct gate *gate, struct gate_pass *pass) {
  rate_bucket_take(&gate->bucket);
  gate->in_flight++;
  pass->place = GATE_INSIDE;
  pass->admitted_at = loop_now();
}

static void admit_waiting(struct gate *gate) {
  while (gate->first && is_open(gate)) {
    struct gate_pass *pass = gate->first;
    dequeue(gate, pass);
    go_inside(gate, pass);
    pass->admitted(pass->context);
  }
}

bool gate_enter(struct gate *gate, struct gate_pass *pass) {
  pass->gate = gate;
  if (gate->first || !is_open(gate)) {
    enqueue(gate, pass);
    return false;
  }
  go_inside(gate, pass);
  return true;
}

/* Learns from an answer. A wait that nobody would bear closes the gate for nobody. */
static void learn(struct gate *gate, const struct gate_pass *pass,
                  const struct retry_outcome *outcome) {
  double now = loop_now();
  bool throttled = retry_is_throttled(outcome);
  if (outcome->verdict != CURLE_OK && !throttled) return;
  rate_limit_answered(&gate->limit, throttled, gate->in_flight, pass->admitted_at, now);
  double closed_for = outcome->retry_after > 0 ? outcome->retry_after : MOMENT;
  if (throttled && closed_for <= RETRY_LONGEST_WAIT)
    gate->closed_until = fmax(gate->closed_until, now + closed_for);
}

void gate_leave(struct gate_pass *pass, const struct retry_outcome *outcome) {
  struct gate *gate = pass->gate;
  enum gate_place place = pass->place;
  if (place == GATE_OUTSIDE) return;
  pass->place = GATE_OUTSIDE;
  if (place == GATE_QUEUED) {
    dequeue(gate, pass);
    if (!gate->first) loop_timer_stop(gate->loop, &gate->reopen);
    return;
  }
  if (outcome) learn(gate, pass, outcome);
  gate->in_flight--;
  admit_waiting(gate);
}
