/* The throttle in front of a server: requests pass in the order they came, no more at once than the
 * server serves well (crowd.h), and no faster than it accepts (pace.h). Who comes again after a
 * refusal keeps the place that it had. No Lua. */
#ifndef ANYREACH_THROTTLE_H
#define ANYREACH_THROTTLE_H

#include <stdbool.h>

#include "net/crowd.h"
#include "net/loop.h"
#include "net/pace.h"
#include "net/retry.h"

struct throttle {
  struct loop *loop;
  struct pace pace;
  struct crowd crowd;
  unsigned in_flight;
  unsigned long refused; /* requests, for too many requests */
  double closed_for;     /* seconds in all for which refusals closed it */
  unsigned long tickets;
  struct loop_timer reopen; /* runs while somebody waits for nothing but time */
  struct throttle_pass *first, *last;
  void (*announce)(double seconds); /* called when the server has everybody wait long; or NULL */
};

enum throttle_place { THROTTLE_OUTSIDE, THROTTLE_QUEUED, THROTTLE_INSIDE };

/* Embedded in its owner, who leaves before freeing it. Zero-initialise. */
struct throttle_pass {
  void (*admitted)(void *context); /* called later, when the request may go on */
  void *context;
  struct throttle *throttle;
  enum throttle_place place;
  bool is_patient; /* its owner comes again after a refusal */
  struct pace_sent sent;
  unsigned long ticket; /* its place in the order, kept when it comes again; 0: it never came */
  struct throttle_pass *previous, *next;
};

/* At most `maximum` in flight, at least 1; without a limit on the rate. */
void throttle_init(struct throttle *throttle, struct loop *loop, unsigned maximum);

/* From now on at most `rate` requests a second; 0: no limit. */
void throttle_set_rate(struct throttle *throttle, double rate);

/* Nobody may be inside or queued. */
void throttle_free(struct throttle *throttle);

/* Asks to pass. Returns true when the request may go on at once; otherwise `admitted` is called
 * later. */
bool throttle_enter(struct throttle *throttle, struct throttle_pass *pass);

/* Leaves from wherever the pass is: with the outcome of the request, or with NULL when it was given
 * up. */
void throttle_leave(struct throttle_pass *pass, const struct retry_outcome *outcome);

#endif
