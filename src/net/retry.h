/* When to try again: pure functions of outcomes and times, without a clock or randomness of their
 * own. No Lua. */
#ifndef ANYREACH_RETRY_H
#define ANYREACH_RETRY_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "api/operation.h"

enum {
  RETRY_AFTER_MAX_SECONDS = 3600,
  RETRY_LONG_WAIT = 10,    /* seconds: more is a matter of seconds no longer */
  RETRY_LONGEST_WAIT = 120 /* seconds: a server that asks for more is not waited for */
};

/* The outcome of one attempt. */
struct retry_outcome {
  CURLcode verdict;
  long status;             /* 0 when no answer came */
  bool may_have_been_sent; /* the server may have the request although no answer came */
  double retry_after;      /* seconds for which the server asks to wait; -1: it does not ask */
};

/* True when the request may be sent again, and soon enough. A safe or idempotent one may after any
 * failure that can pass; one that must happen only once may when it provably did not arrive, or
 * when the server says that it refused it: 429, or 503 with Retry-After. */
bool retry_is_allowed(enum retry_class class, const struct retry_outcome *outcome);

/* True when the server asks for fewer requests: 429, or 503 with Retry-After. */
bool retry_is_rate_limited(const struct retry_outcome *outcome);

/* In [0, 1); 0.5 when no randomness is available. */
double retry_random(void);

/* Seconds to wait before the attempt after the one numbered `attempt` (from 1): exponential, with
 * full jitter by `random` in [0, 1), and never less than the server asks for. */
double retry_delay(unsigned attempt, const struct retry_outcome *outcome, double random);

/* Seconds that a Retry-After value (a count of seconds, or an HTTP date seen at `now`) asks to
 * wait, clamped to [0, RETRY_AFTER_MAX_SECONDS]; -1 when it is neither. */
double retry_after_seconds(const char *text, size_t length, time_t now);

/* Seconds until a limit is reset, by a field that names that: RateLimit ("default";r=0;t=30, or
 * reset=30 in older drafts), RateLimit-Reset or X-RateLimit-Reset (seconds, or seconds or
 * milliseconds since 1970, as servers differ). A hint: -1 when it names nothing, or more than
 * anybody waits. */
double retry_reset_seconds(const char *text, size_t length, time_t now);

#endif
