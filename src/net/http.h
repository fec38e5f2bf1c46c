/* One transfer: a request on the wire once, over the loop. The only place that sets libcurl
 * options. No Lua; callbacks only append to capped buffers. A transfer is embedded in its owner,
 * who keeps what it points to alive until `done` was called or http_cancel() returned, then calls
 * http_release(). */
#ifndef ANYREACH_HTTP_H
#define ANYREACH_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/buf.h"
#include "net/loop.h"

enum { HTTP_MAX_HEADERS = 256 * 1024, HTTP_MAX_BODY = 64 * 1024 * 1024 };
enum { HTTP_ERROR_SIZE = 2 * CURL_ERROR_SIZE };

struct http_limits {
  long connect_timeout_ms;
  long timeout_ms;    /* of the whole request */
  long stall_seconds; /* slower than a byte a second for so long is a time-out; 0: never */
};

/* What passes on the wire during one transfer, for an observer. A transfer without a probe costs
 * nothing. Embedded in its owner, who calls http_probe_free(). Zero-initialise. */
struct http_probe {
  struct buf sent_headers;      /* request line and headers, as sent: they hold the credential */
  uint64_t bytes_out, bytes_in; /* headers and bodies, before TLS */
  long connections;             /* opened for this transfer */

  /* Of TLS, when a connection was opened; else empty. */
  char tls[32];              /* "TLSv1.3" */
  char certificate_ends[40]; /* "Nov  5 12:00:00 2030 GMT", as the library writes it */

  /* Seconds from the start until a step was over; 0: there was no such step. */
  double resolved, connected, secured, ready, first_byte;
};

enum http_step { HTTP_CONNECTING, HTTP_SECURING, HTTP_SENDING };

struct http_transfer {
  /* What to send. */
  const char *method;
  const char *url;
  struct curl_slist *headers; /* owned: wiped and freed by http_release() */
  const char *body;           /* NULL: none */
  size_t body_length;
  bool may_repeat; /* false: must not reach the server twice, whatever happens to the connection */
  struct http_limits limits;
  const char *ca_file;             /* or NULL: the system's */
  bool http2;                      /* offered to an HTTPS server, for what may be repeated */
  void (*received)(void *context); /* bytes were added to response_body, or NULL: not wanted */
  void (*done)(void *context);
  void *context;
  struct http_probe *probe; /* or NULL: nobody observes */

  /* What came of it, complete when `done` is called. */
  CURLcode verdict;
  long status;                 /* known when `received` is called, too */
  struct buf response_headers; /* of the final answer only: status line and fields */
  struct buf response_body;
  double started;              /* by loop_now() */
  double elapsed;              /* seconds */
  bool may_have_been_sent;     /* some bytes of the request were sent, or that is unknown */
  bool too_large;              /* the answer, or its head, exceeded a cap */
  char error[HTTP_ERROR_SIZE]; /* why there is no answer, in words; may be empty */

  /* Private. */
  struct loop *loop;
  CURL *easy;
  bool out_of_memory; /* for an option of libcurl, or for the answer */
  unsigned long refusals_before;
  struct loop_transfer in_loop;
  enum http_step step;   /* the last that began */
  long sent_before;      /* bytes sent for this transfer before the request's own */
  bool left_earlier;     /* bytes of the request went over a connection before this one */
  bool resend_refused;   /* libcurl was about to repeat what must not be repeated */
  bool defaults_dropped; /* from libcurl's headers */
};

/* Appends a header. Refuses (returns -1) text with control characters, and when memory runs out. */
int http_add_header(struct http_transfer *transfer, const char *name, const char *value,
                    size_t value_length);

/* Starts the transfer, anew if it was done before; `done` is called in a later turn. Returns 0, or
 * -1 when it could not be set up. */
int http_start(struct http_transfer *transfer, struct loop *loop);

static inline bool http_is_running(const struct http_transfer *transfer) {
  return transfer->easy != NULL;
}

/* Ends it early; `done` will not be called. No effect when it is not running. */
void http_cancel(struct http_transfer *transfer);

/* Cancels, and frees what the transfer owns; not its probe. */
void http_release(struct http_transfer *transfer);

/* Finds a field of the final answer by name, in any case. Returns its value, not NUL-terminated, or
 * NULL. */
const char *http_response_header(const struct http_transfer *transfer, const char *name,
                                 size_t *length);

/* Puts the field of the final answer that starts at `*offset` (at first 0) into `field`, and moves
 * `*offset` behind it. Returns false after the last. */
struct http_field {
  const char *name, *value;
  size_t name_length, value_length;
};
bool http_next_field(const struct http_transfer *transfer, size_t *offset,
                     struct http_field *field);

/* Wipes and frees the headers. */
void http_probe_free(struct http_probe *probe);

#endif
