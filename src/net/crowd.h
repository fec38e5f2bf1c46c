/* How many requests may be in flight to a server: all that come, unless it serves fewer at once
 * faster. Pure: the caller passes the time, in seconds on a clock that never runs backwards. No
 * Lua.
 *
 * A server whose latency grows with load may grow so slow that it answers less in all. Latency
 * alone does not tell: some requests take long by nature, and a queue costs no throughput. So the
 * limit is found by trial, as PCC finds a sender's rate and .NET the size of its thread pool, not
 * by a gradient of latencies (Vegas, Envoy, Netflix), which takes a mix of quick and slow
 * operations for overload: now and then fewer are let through, and stay so if clearly more is
 * answered then. Longer and longer pauses between trials in vain keep their cost small, and there
 * are none before latency is a multiple of the shortest that was seen. */
#ifndef ANYREACH_CROWD_H
#define ANYREACH_CROWD_H

#include <stdbool.h>

struct crowd {
  double limit, maximum;  /* at least 1 */
  double quickest, usual; /* latency in seconds: the shortest so far, and lately on average */

  double tried_from; /* the limit before the trial that is under way; 0: none is */
  double answered;   /* a second, before the trial */
  double pause, next_trial;
  bool goes_up; /* the next trial does */

  /* The answers that are being counted. */
  double counted_from;
  unsigned count;
  double in_flight, latency; /* sums */
};

void crowd_init(struct crowd *crowd, double maximum);

bool crowd_admits(const struct crowd *crowd, unsigned in_flight);

/* A request was answered; `in_flight` still includes it. */
void crowd_answered(struct crowd *crowd, unsigned in_flight, double sent_at, double now);

/* Something else than the limit holds requests back: ends a trial, and forgets what was counted. */
void crowd_pause(struct crowd *crowd, double now);

#endif
