#include "tap.h"

enum { TAP_MAX_HEADERS = 256 * 1024 };

/* Headers come in several pieces when the connection takes them so; a request line starts them
 * afresh: of a request that libcurl repeats, or that follows a proxy's CONNECT. */
static void add_sent_headers(struct tap *tap, const char *bytes, size_t length) {
  const char *end = memchr(bytes, '\r', length);
  size_t line = end ? (size_t)(end - bytes) : length;
  if (memmem(bytes, line, " HTTP/", 6)) buf_wipe(&tap->sent_headers);
  buf_append(&tap->sent_headers, bytes, length);
}

static int on_traffic(CURL *easy, curl_infotype type, char *bytes, size_t length, void *context) {
  struct tap *tap = context;
  (void)easy;
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
}

static double seconds(CURL *easy, CURLINFO what) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, what, &microseconds);
  return (double)microseconds / 1e6;
}

void tap_close(struct tap *tap, CURL *easy) {
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &tap->connections);
  tap->resolved = seconds(easy, CURLINFO_NAMELOOKUP_TIME_T);
  tap->connected = seconds(easy, CURLINFO_CONNECT_TIME_T);
  tap->secured = seconds(easy, CURLINFO_APPCONNECT_TIME_T);
  tap->ready = seconds(easy, CURLINFO_PRETRANSFER_TIME_T);
  tap->first_byte = seconds(easy, CURLINFO_STARTTRANSFER_TIME_T);
}

void tap_free(struct tap *tap) {
  buf_wipe(&tap->sent_headers);
}
