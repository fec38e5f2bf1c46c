/* A request to the sandbox, from its first line to its completion, which libmicrohttpd always
 * reports. It owns all that belongs to it. For the sandbox alone. */
#ifndef ANYREACH_SANDBOX_REQUEST_H
#define ANYREACH_SANDBOX_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>

#include "api/buf.h"
#include "net/loop.h"
#include "sandbox/connections.h"

enum { REQUEST_BODY_MAX = 16 * 1024 * 1024 };

/* The requests whose answer waits for its time; their connections are suspended. */
struct delays {
  struct loop *loop;
  struct request *first;
};

struct request {
  struct delays *delays;
  struct MHD_Connection *connection;
  struct connection *place; /* of its connection among all */
  const char *method;       /* libmicrohttpd's */
  char *path;               /* as it came, without the query */
  char *query;              /* within `path`'s allocation */
  struct buf body;
  bool started, too_large, answered;

  unsigned status;
  double delay; /* seconds before the answer */
  bool drop;    /* close the connection instead of answering */
  struct MHD_Response *response;

  struct loop_timer timer; /* runs while the request is delayed */
  struct request *next, *previous;
};

/* `target` is what the request line asks for, as it came. NULL when memory runs out. */
struct request *request_new(struct delays *delays, struct MHD_Connection *connection,
                            const char *target);

/* Overwrites the body, which may hold a credential. */
void request_free(struct request *request);

/* Adds a part of the body. What is beyond REQUEST_BODY_MAX is thrown away, with all before it, and
 * the request is too large. Returns false when memory runs out. */
bool request_add(struct request *request, const char *bytes, size_t length);

/* Suspends the connection for `delay` seconds. Returns false, and does nothing, without memory for
 * a timer. */
bool request_wait(struct request *request);

/* Ends every delay at once. */
void delays_end(struct delays *delays);

#endif
