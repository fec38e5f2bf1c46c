#include "gate.h"

#include <math.h>

static void admit_waiting(struct gate *gate);

static void on_reopen(void *context) {
  admit_waiting(context);
}

void gate_init(struct gate *gate, struct loop *loop, double rate, unsigned maximum) {
  *gate = (struct gate){.loop = loop, .reopen = {.fire = on_reopen, .context = gate}};
  rate_bucket_init(&gate->bucket, rate, 1, loop_now());
  rate_limit_init(&gate->limit, maximum);
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

static void go_inside(struct gate_pass *pass) {
  pass->place = GATE_INSIDE;
  pass->admitted_at = loop_now();
}

static void on_paced(void *context) {
  struct gate_pass *pass = context;
  go_inside(pass);
  pass->admitted(pass->context);
}

/* Takes a place in flight. Returns false when it is to be waited for until the rate allows it; a
 * timer that cannot be had lets it pass. */
static bool take_place(struct gate *gate, struct gate_pass *pass) {
  double wait = rate_bucket_take(&gate->bucket, loop_now());
  gate->in_flight++;
  pass->timer.fire = on_paced;
  pass->timer.context = pass;
  if (wait > 0 && loop_timer_start(gate->loop, &pass->timer, wait) == 0) {
    pass->place = GATE_PACED;
    return false;
  }
  go_inside(pass);
  return true;
}

/* True when one more may pass; when the gate is closed for a time, makes sure that it opens again.
 */
static bool is_open(struct gate *gate) {
  double closed_for = gate->closed_until - loop_now();
  if (closed_for <= 0) return rate_limit_admits(&gate->limit, gate->in_flight);
  if (!gate->reopen.position) loop_timer_start(gate->loop, &gate->reopen, closed_for);
  return false;
}

static void admit_waiting(struct gate *gate) {
  while (gate->first && is_open(gate)) {
    struct gate_pass *pass = gate->first;
    dequeue(gate, pass);
    if (take_place(gate, pass)) pass->admitted(pass->context);
  }
}

bool gate_enter(struct gate *gate, struct gate_pass *pass) {
  pass->gate = gate;
  if (!gate->first && is_open(gate)) return take_place(gate, pass);
  enqueue(gate, pass);
  return false;
}

/* Learns from an answer. A wait that nobody would bear closes the gate for nobody. */
static void learn(struct gate *gate, const struct gate_pass *pass,
                  const struct retry_outcome *outcome) {
  double now = loop_now();
  bool throttled = retry_is_throttled(outcome);
  if (outcome->verdict != CURLE_OK && !throttled) return;
  rate_limit_answered(&gate->limit, throttled, pass->admitted_at, now);
  if (throttled && outcome->retry_after > 0 && outcome->retry_after <= RETRY_LONGEST_WAIT)
    gate->closed_until = fmax(gate->closed_until, now + outcome->retry_after);
}

void gate_leave(struct gate_pass *pass, const struct retry_outcome *outcome) {
  struct gate *gate = pass->gate;
  enum gate_place place = pass->place;
  if (place == GATE_OUTSIDE) return;
  pass->place = GATE_OUTSIDE;
  if (place == GATE_QUEUED) {
    dequeue(gate, pass);
    return;
  }
  loop_timer_stop(gate->loop, &pass->timer);
  gate->in_flight--;
  if (outcome) learn(gate, pass, outcome);
  admit_waiting(gate);
}
