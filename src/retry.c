#include "retry.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

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
