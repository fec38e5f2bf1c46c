#include "net/retry.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const double FIRST_DELAY = 0.5, LONGEST_DELAY = 30; /* seconds, before jitter */

/* Failures of the transport that may be gone the next time. */
static bool is_passing(CURLcode verdict) {
  switch (verdict) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_CONNECT:
  case CURLE_OPERATION_TIMEDOUT:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SEND_ERROR:
  case CURLE_SEND_FAIL_REWIND:
  case CURLE_RECV_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_PARTIAL_FILE:
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM: return true;
  default: return false;
  }
}

static bool is_passing_status(long status) {
  static const long statuses[] = {408, 429, 500, 502, 503, 504};
  for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
    if (statuses[i] == status) return true;
  return false;
}

bool retry_is_rate_limited(const struct retry_outcome *outcome) {
  if (outcome->verdict != CURLE_OK) return false;
  return outcome->status == 429 || (outcome->status == 503 && outcome->retry_after >= 0);
}

bool retry_is_allowed(enum retry_class class, const struct retry_outcome *outcome) {
  if (outcome->retry_after > RETRY_LONGEST_WAIT) return false;
  if (outcome->verdict != CURLE_OK)
    return is_passing(outcome->verdict) && (class != RETRY_NEVER || !outcome->may_have_been_sent);
  if (class == RETRY_NEVER) return retry_is_rate_limited(outcome);
  return is_passing_status(outcome->status);
}

double retry_random(void) {
  uint32_t bits;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != sizeof bits) return 0.5;
  return bits / 4294967296.0;
}

double retry_delay(unsigned attempt, const struct retry_outcome *outcome, double random) {
  double ceiling = FIRST_DELAY;
  for (unsigned i = 1; i < attempt && ceiling < LONGEST_DELAY; i++) ceiling *= 2;
  if (ceiling > LONGEST_DELAY) ceiling = LONGEST_DELAY;
  double delay = ceiling * random;
  return delay > outcome->retry_after ? delay : outcome->retry_after;
}

static double clamp(double seconds) {
  if (seconds < 0) return 0;
  return seconds > RETRY_AFTER_MAX_SECONDS ? RETRY_AFTER_MAX_SECONDS : seconds;
}

double retry_after_seconds(const char *text, size_t length, time_t now) {
  char copy[64];
  if (length == 0 || length >= sizeof copy) return -1;
  memcpy(copy, text, length);
  copy[length] = '\0';
  if (isdigit((unsigned char)copy[0])) {
    char *end;
    double seconds = strtod(copy, &end);
    return *end == '\0' ? clamp(seconds) : -1;
  }
  time_t date = curl_getdate(copy, NULL);
  return date == -1 ? -1 : clamp(difftime(date, now));
}

/* The number of a parameter that is called `t` or `reset`; else the whole text. */
static const char *reset_number(const char *text) {
  static const char *const names[] = {"t=", "reset="};
  for (const char *at = text; *at; at++) {
    bool begins = at == text || strchr(" ;,", at[-1]);
    for (size_t i = 0; begins && i < sizeof names / sizeof *names; i++)
      if (strncmp(at, names[i], strlen(names[i])) == 0) return at + strlen(names[i]);
  }
  return text;
}

double retry_reset_seconds(const char *text, size_t length, time_t now) {
  char copy[128];
  if (length == 0 || length >= sizeof copy) return -1;
  memcpy(copy, text, length);
  copy[length] = '\0';
  const char *number = reset_number(copy);
  if (!isdigit((unsigned char)*number)) return -1;
  char *end;
  double seconds = strtod(number, &end);
  if (*end && !strchr(" ;,", *end)) return -1;
  if (seconds >= 1e12) seconds /= 1000;
  if (seconds >= 1e9) seconds = fmax(seconds - (double)now, 0);
  return seconds <= RETRY_LONGEST_WAIT ? seconds : -1;
}
