/* What passes on the wire for one attempt of a request, for those who look on: it listens to
 * libcurl as http.c runs the transfer. A request without a tap costs nothing. No Lua; callbacks
 * only append to a capped buffer. */
#ifndef ANYREACH_TAP_H
#define ANYREACH_TAP_H

#include <curl/curl.h>
#include <stdint.h>

#include "api/buf.h"

/* Embedded in its owner, who calls tap_free(). Zero-initialise. */
struct tap {
  struct buf sent_headers;      /* request line and headers, as sent: they hold the credential */
  uint64_t bytes_out, bytes_in; /* headers and bodies, before TLS */
  long connections;             /* opened for this attempt */

  /* Of TLS, when a connection was opened; else empty. */
  char tls[32];              /* "TLSv1.3" */
  char certificate_ends[40]; /* "Nov  5 12:00:00 2030 GMT", as the library writes it */

  /* Seconds from the start until a step was over; 0 when there was no such step. */
  double resolved, connected, secured, ready, first_byte;
};

/* Listens to a transfer that is about to start; what an earlier one left is forgotten. */
void tap_open(struct tap *tap, CURL *easy);

/* Takes the measures of a transfer that is over, before its handle is given back. */
void tap_close(struct tap *tap, CURL *easy);

/* Wipes and frees the headers. */
void tap_free(struct tap *tap);

#endif
