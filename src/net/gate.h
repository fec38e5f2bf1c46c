/* The gate before the wire: requests pass it in the order they came, no more at once and no faster
 * than the server bears. It learns: a refusal for too many requests halves what is let through at
 * once, and holds everybody back for as long as the server asks, or else for a moment. No Lua. */
#ifndef ANYREACH_GATE_H
#define ANYREACH_GATE_H

#include <stdbool.h>

#include "net/loop.h"
#include "net/rate.h"
#include "net/retry.h"

struct gate {
  struct loop *loop;
  struct rate_bucket bucket;
  struct rate_limit limit;
  unsigned in_flight;
  double closed_until;      /* by loop_now() */
  struct loop_timer reopen; /* runs while somebody waits for nothing but time */
  struct gate_pass *first, *last;
};

enum gate_place { GATE_OUTSIDE, GATE_QUEUED, GATE_INSIDE };

/* Embedded in its owner, who leaves before freeing it. Zero-initialise. */
struct gate_pass {
  void (*admitted)(void *context); /* called later, when it may go on */
  void *context;
  struct gate *gate;
  enum gate_place place;
  double admitted_at;
  struct gate_pass *previous, *next;
};

/* At most `maximum` in flight, at least 1; as fast as can be. */
void gate_init(struct gate *gate, struct loop *loop, unsigned maximum);

/* From now on at most so many requests a second; 0: as fast as can be. */
void gate_set_rate(struct gate *gate, double rate);

/* Nobody may be inside or waiting. */
void gate_free(struct gate *gate);

/* Asks to pass. Returns true when it may go on at once; otherwise `admitted` is called later. */
bool gate_enter(struct gate *gate, struct gate_pass *pass);

/* Done, with what came of it; or given up (`outcome` NULL), wherever it is. */
void gate_leave(struct gate_pass *pass, const struct retry_outcome *outcome);

#endif
