/* One request, brought to its end: it passes the throttle, is sent, and sent again as long as that
 * is allowed and promises something. What must not happen twice is not sent twice; see retry.h. No
 * Lua. */
#ifndef ANYREACH_REQUEST_H
#define ANYREACH_REQUEST_H

#include "net/http.h"
#include "net/observer.h"
#include "net/retry.h"
#include "net/throttle.h"

/* How often a request is sent again: after failures, and after refusals for too many requests,
 * which say nothing about the request itself. */
struct request_policy {
  unsigned retries;
  unsigned refusals;
};

/* Embedded in its owner, who sets `http` but for its `done` and `context`, and the members below
 * it. */
struct request {
  struct http_transfer transfer;
  struct throttle *throttle; /* NULL: none */
  struct observer *observer; /* NULL: nobody looks on */
  bool presigned;            /* for the observer: the URL's query is a credential */
  enum retry_class retry;
  struct request_policy policy;
  void (*received)(void *context); /* as of http_transfer: pieces of a good answer, or NULL */
  void (*done)(void *context);
  void *context;

  /* What came of it beside http's results, which are those of the last attempt. */
  unsigned attempts;
  bool may_have_been_sent; /* some attempt may have been carried out, unsaid */

  /* Private. */
  struct loop *loop;
  struct throttle_pass pass;
  struct loop_timer timer; /* runs between attempts */
  unsigned failures, refusals;
  struct http_probe probe; /* for the observer, as is `began`: by loop_now(), the first attempt */
  double began;
};

/* Starts; `done` is called in a later turn. Returns 0, or -1 when it could not be set up. */
int request_start(struct request *request, struct loop *loop);

/* Ends it wherever it is, and frees what it owns; `done` will not be called. */
void request_release(struct request *request);

#endif
