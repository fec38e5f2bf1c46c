/* Looking on at requests: request.c notes what came of every attempt, and whoever observes takes
 * the notes later, in the order they were made. A note is a copy, so that it may outlive the
 * request. Without an observer nothing is noted. No Lua. */
#ifndef ANYREACH_OBSERVER_H
#define ANYREACH_OBSERVER_H

#include <stdbool.h>

#include "net/http.h"

enum observed_end {
  OBSERVED_LAST,     /* the request is over */
  OBSERVED_REPEATED, /* it is sent again */
  OBSERVED_GIVEN_UP, /* nobody wanted it any more while it was under way */
  OBSERVED_ABANDONED /* the same while it waited to be sent again: not an attempt of its own */
};

struct observation {
  struct observation *next;
  struct buf method, url; /* texts */
  unsigned attempt;       /* from 1 */
  enum observed_end end;
  bool presigned; /* the URL's query is a credential */
  CURLcode verdict;
  long status;           /* 0: no answer */
  bool too_large;        /* as of http_transfer */
  double started;        /* seconds since 1970 */
  double elapsed;        /* seconds of this attempt */
  double total;          /* seconds since the first attempt began */
  size_t request_length; /* bytes of the body to send */
  struct http_probe probe;
  struct buf request_body; /* this and the next two only when the observer wants contents */
  struct buf response_headers;
  struct buf response_body; /* of a streamed answer, what nobody has taken yet */
  char error[CURL_ERROR_SIZE];
};

/* Zero-initialise; observer_free() at the end. */
struct observer {
  bool wants_contents;
  struct observation *first, *last;
};

/* What request.c knows of an attempt beside the request itself. */
struct observed {
  const struct http_transfer *transfer; /* with a probe; not running any more */
  unsigned attempt;
  enum observed_end end;
  bool presigned;
  double began; /* by loop_now(): the first attempt */
};

/* Makes a note. When memory runs out there is none. */
void observer_note(struct observer *observer, const struct observed *observed);

/* The oldest note is done with. */
void observer_drop_first(struct observer *observer);

void observer_free(struct observer *observer);

#endif
