/* When to try again: pure functions over outcomes and times. No Lua, no clock of its own. */
#ifndef ANYREACH_RETRY_H
#define ANYREACH_RETRY_H

#include <stddef.h>
#include <time.h>

enum { RETRY_AFTER_MAX_SECONDS = 3600 };

/* Seconds that a Retry-After value (a count of seconds, or an HTTP date seen at `now`) asks to
 * wait, clamped to [0, RETRY_AFTER_MAX_SECONDS]; -1 when it is neither. */
double retry_after_seconds(const char *text, size_t length, time_t now);

#endif
