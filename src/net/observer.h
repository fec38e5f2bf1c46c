/* Observing requests: request.c makes a note of the outcome of every attempt, and whoever observes
 * takes the notes later, in the order in which they were made. A note is a copy, so that it may
 * outlive the request. Without an observer nothing is noted. No Lua. */
#ifndef ANYREACH_OBSERVER_H
#define ANYREACH_OBSERVER_H

#include <stdbool.h>

#include "net/http.h"

enum observed_end {
  OBSERVED_LAST,     /* the request is over */
  OBSERVED_REPEATED, /* it is sent again */
  OBSERVED_GIVEN_UP, /* it was given up while it was under way */
  OBSERVED_ABANDONED /* it was given up while it waited to be sent again: no attempt of its own */
};

struct observation {
  struct observation *next;
  struct buf method, url; /* texts */
  unsigned attempt;       /* from 1 */
  enum observed_end end;
  bool presigned; /* the URL's query is a credential */
  CURLcode verdict;
  long status;           /* 0: no answer */
  bool too_large;        /* as for http_transfer */
  double started;        /* seconds since 1970 */
  double elapsed;        /* seconds of this attempt */
  double total;          /* seconds since the first attempt began */
  size_t request_length; /* bytes of the body to send */
  struct http_probe probe;
  struct buf request_body; /* this and the next two only if the observer wants contents */
  struct buf response_headers;
  struct buf response_body; /* of a streamed answer, what has not been taken yet */
  char error[CURL_ERROR_SIZE];
};

/* Zero-initialise; observer_free() at the end. */
struct observer {
  bool wants_contents;
  struct observation *first, *last;
};

/* What request.c knows about an attempt beside its transfer. */
struct observed {
  const struct http_transfer *transfer; /* with a probe; no longer running */
  unsigned attempt;
  enum observed_end end;
  bool presigned;
  double began; /* by loop_now(): the first attempt */
};

/* Makes a note; none when memory runs out. */
void observer_note(struct observer *observer, const struct observed *observed);

/* Frees the oldest note, which must exist. */
void observer_drop_first(struct observer *observer);

void observer_free(struct observer *observer);

#endif
