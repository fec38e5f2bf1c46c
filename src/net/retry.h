/* When to try again: pure functions over outcomes and times. No Lua, no clock, no randomness of its
 * own. */
#ifndef ANYREACH_RETRY_H
#define ANYREACH_RETRY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "api/operation.h"

enum {
  RETRY_AFTER_MAX_SECONDS = 3600,
  RETRY_LONGEST_WAIT = 120 /* seconds: who asks for more is not waited for */
};

/* What came of one attempt. */
struct retry_outcome {
  CURLcode verdict;
  long status;             /* 0 when no answer came */
  bool may_have_been_sent; /* the server may have the request although no answer came */
  double retry_after;      /* seconds the server asks to wait, -1 when it does not */
};

/* True when the request may be sent again, and within bearable time. What is safe or idempotent may
 * after any failure that can pass; what must happen once only when it provably did not arrive, or
 * the server says that it refused: 429, or 503 with Retry-After. */
bool retry_is_allowed(enum retry_class class, const struct retry_outcome *outcome);

/* True when the server asked for fewer requests: 429, or 503 with Retry-After. */
bool retry_is_rate_limited(const struct retry_outcome *outcome);

/* Seconds to wait before the attempt after the one numbered `attempt` (from 1): exponential, with
 * full jitter by `random` in [0, 1), and never less than the server asks for. */
double retry_delay(unsigned attempt, const struct retry_outcome *outcome, double random);

/* Seconds that a Retry-After value (a count of seconds, or an HTTP date seen at `now`) asks to
 * wait, clamped to [0, RETRY_AFTER_MAX_SECONDS]; -1 when it is neither. */
double retry_after_seconds(const char *text, size_t length, time_t now);

#endif
