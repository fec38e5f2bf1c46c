#include "net/tap.h"

#include <stdio.h>
#include <string.h>

enum { TAP_MAX_HEADERS = 256 * 1024 };

#define TLS_TEXT  "SSL connection using "
#define ENDS_TEXT "Expire date:"

/* Headers come in several pieces when the connection takes them so; a request line starts them
 * afresh: of a request that libcurl repeats, or that follows a proxy's CONNECT. */
static void add_sent_headers(struct tap *tap, const char *bytes, size_t length) {
  const char *end = memchr(bytes, '\r', length);
  size_t line = end ? (size_t)(end - bytes) : length;
  if (memmem(bytes, line, " HTTP/", 6)) buf_wipe(&tap->sent_headers);
  buf_append(&tap->sent_headers, bytes, length);
}

/* libcurl tells the protocol in words only, "SSL connection using TLSv1.3 / CIPHER", unless one
 * links the TLS library, too. */
static void note_tls(struct tap *tap, const char *text, size_t length) {
  size_t prefix = sizeof TLS_TEXT - 1;
  if (length <= prefix || memcmp(text, TLS_TEXT, prefix) != 0) return;
  size_t end = prefix;
  while (end < length && text[end] > ' ') end++;
  snprintf(tap->tls, sizeof tap->tls, "%.*s", (int)(end - prefix), text + prefix);
}

static int on_traffic(CURL *easy, curl_infotype type, char *bytes, size_t length, void *context) {
  struct tap *tap = context;
  (void)easy;
  if (type == CURLINFO_TEXT) note_tls(tap, bytes, length);
  if (type == CURLINFO_HEADER_OUT) add_sent_headers(tap, bytes, length);
  if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) tap->bytes_out += length;
  if (type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN) tap->bytes_in += length;
  return 0;
}

void tap_open(struct tap *tap, CURL *easy) {
  tap_free(tap);
  *tap = (struct tap){.bytes_out = 0};
  buf_init(&tap->sent_headers, TAP_MAX_HEADERS);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_traffic);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, tap);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
}

static double seconds(CURL *easy, CURLINFO what) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, what, &microseconds);
  return (double)microseconds / 1e6;
}

/* The server's own certificate is the first of the chain. */
static void note_certificate(struct tap *tap, CURL *easy) {
  struct curl_certinfo *chain = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain) return;
  const struct curl_slist *line = chain->num_of_certs > 0 ? chain->certinfo[0] : NULL;
  for (; line; line = line->next)
    if (strncmp(line->data, ENDS_TEXT, sizeof ENDS_TEXT - 1) == 0)
      snprintf(tap->certificate_ends, sizeof tap->certificate_ends, "%s",
               line->data + sizeof ENDS_TEXT - 1);
}

void tap_close(struct tap *tap, CURL *easy) {
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &tap->connections);
  note_certificate(tap, easy);
  tap->resolved = seconds(easy, CURLINFO_NAMELOOKUP_TIME_T);
  tap->connected = seconds(easy, CURLINFO_CONNECT_TIME_T);
  tap->secured = seconds(easy, CURLINFO_APPCONNECT_TIME_T);
  tap->ready = seconds(easy, CURLINFO_PRETRANSFER_TIME_T);
  tap->first_byte = seconds(easy, CURLINFO_STARTTRANSFER_TIME_T);
}

void tap_free(struct tap *tap) {
  buf_wipe(&tap->sent_headers);
}
