/* One request, from its first attempt to its last: it passes the throttle, is sent, and is sent
 * again as long as that is allowed and promising. An attempt is one transfer (http.h). What must
 * not happen twice is not sent twice; see retry.h. No Lua. */
#ifndef ANYREACH_REQUEST_H
#define ANYREACH_REQUEST_H

#include "net/http.h"
#include "net/observer.h"
#include "net/retry.h"
#include "net/throttle.h"

/* How many more times a request is sent: after failures, and after refusals for too many requests,
 * which say nothing about the request itself. */
struct request_policy {
  unsigned retries;
  unsigned refusals;
  double patience;  /* seconds in all that it waits after refusals */
  bool looks_first; /* after a refusal the caller looks what was done before it sends again */
};

/* Embedded in its owner, who sets `transfer`, except its `received`, `done`, `context` and `probe`,
 * and the members below it. */
struct request {
  struct http_transfer transfer;
  struct throttle *throttle; /* NULL: none */
  struct observer *observer; /* NULL: nobody observes */
  bool presigned;            /* for the observer: the URL's query is a credential */
  enum retry_class retry;
  struct request_policy policy;
  void (*received)(void *context); /* as for http_transfer: pieces of an answer, or NULL */
  void (*done)(void *context);
  void *context;

  /* The outcome, beside the results in `transfer`, which are those of the last attempt. */
  unsigned attempts;
  bool may_have_been_sent; /* some attempt may have been carried out, with no answer that says so */

  /* Private. */
  struct loop *loop;
  struct throttle_pass pass;
  struct loop_timer timer; /* runs between attempts */
  unsigned failures, refusals, long_waits;
  double refused_at;       /* by loop_now(): the first refusal */
  struct http_probe probe; /* for the observer, as is `began` */
  double began;            /* by loop_now(): the first attempt */
};

/* Starts; `done` is called in a later turn. Returns 0, or -1 when it could not be set up. */
int request_start(struct request *request, struct loop *loop);

/* Ends the request wherever it is, and frees what it owns; `done` will not be called. */
void request_release(struct request *request);

#endif
