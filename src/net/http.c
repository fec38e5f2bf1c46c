#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "version.h"

enum { USUAL_HEADER_LINE = 256 }; /* bytes of a line that is put together on the stack */

/* True when some bytes of the request were written. */
static bool has_left(const struct http_request *request) {
  long bytes = 0;
  curl_easy_getinfo(request->easy, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes > 0;
}

/* {====== libcurl's callbacks ====== */

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  struct http_request *request = context;
  if (buf_append(&request->response_body, bytes, size * count) != BUF_OK) {
    request->too_large = true;
    return 0;
  }
  if (request->received) {
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->status);
    request->received(request->context);
  }
  return size * count;
}

/* A new status line (after 100 Continue, or a proxy's own answer) starts the answer afresh. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
  struct http_request *request = context;
  size_t length = size * count;
  if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) request->response_headers.length = 0;
  if (buf_append(&request->response_headers, bytes, length) == BUF_OK) return length;
  request->too_large = true;
  return 0;
}

/* libcurl by itself repeats a request whose reused connection turns out dead, even after the server
 * has read it. It asks here before every sending: a request that must not arrive twice, and of
 * which something has left already, is not sent again. */
static int on_sending(void *context, char *remote, char *local, int remote_port, int local_port) {
  struct http_request *request = context;
  (void)remote, (void)local, (void)remote_port, (void)local_port;
  if (request->may_repeat || !has_left(request)) return CURL_PREREQFUNC_OK;
  request->resend_refused = true;
  return CURL_PREREQFUNC_ABORT;
}

/* }====== */

/* libcurl copies texts. An option that it had no memory for would be missing: the request would be
 * sent with another method, or to a proxy. So http_start() looks at `out_of_memory`. */
static void set_text(struct http_request *request, CURLoption option, const char *text) {
  if (curl_easy_setopt(request->easy, option, text) == CURLE_OUT_OF_MEMORY)
    request->out_of_memory = true;
}

static bool method_is(const struct http_request *request, const char *method) {
  return strcmp(request->method, method) == 0;
}

static void set_method_and_body(struct http_request *request) {
  CURL *easy = request->easy;
  if (method_is(request, "GET") && !request->body) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (method_is(request, "POST") || request->body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
  }
  if (!method_is(request, "POST")) set_text(request, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_safety(struct http_request *request) {
  CURL *easy = request->easy;
  bool plain = strncmp(request->url, "http://", 7) == 0;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set_text(request, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (request->ca_file) set_text(request, CURLOPT_CAINFO, request->ca_file);
  if (plain) set_text(request, CURLOPT_PROXY, "");
}

static void set_limits(struct http_request *request) {
  CURL *easy = request->easy;
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request->limits.connect_timeout_ms);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->limits.timeout_ms);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, request->limits.stall_seconds);
}

/* Forgets what came of an earlier start. */
static void reset_results(struct http_request *request) {
  buf_free(&request->response_headers);
  buf_free(&request->response_body);
  buf_init(&request->response_headers, HTTP_MAX_HEADERS);
  buf_init(&request->response_body, HTTP_MAX_BODY);
  request->verdict = CURLE_OK;
  request->status = 0;
  request->resend_refused = false;
  request->too_large = false;
  request->out_of_memory = false;
  request->error[0] = '\0';
}

static void set_transport(struct http_request *request) {
  CURL *easy = request->easy;
  set_text(request, CURLOPT_URL, request->url);
  set_text(request, CURLOPT_USERAGENT, "anyreach-lua/" ANYREACH_VERSION);
  set_text(request, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(request->url, "https", 5) == 0 ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
}

static void give_back(struct http_request *request) {
  if (request->tap) tap_close(request->tap, request->easy);
  loop_give_back_easy(request->loop, request->easy);
  request->easy = NULL;
}

static void on_done(void *context, CURLcode verdict) {
  struct http_request *request = context;
  curl_off_t microseconds = 0;
  request->verdict = request->resend_refused ? CURLE_SEND_FAIL_REWIND : verdict;
  if (request->resend_refused)
    snprintf(request->error, sizeof request->error, "%s",
             "the connection broke after the request was sent; it was not sent a second time");
  curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &request->status);
  curl_easy_getinfo(request->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
  request->elapsed = (double)microseconds / 1e6;
  request->may_have_been_sent = has_left(request) || request->resend_refused;
  give_back(request);
  request->done(request->context);
}

/* True when a header line made of this text stays one line. */
static bool is_header_text(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < ' ' && c != '\t') || c == 127) return false;
  }
  return true;
}

/* Writes "name: value" with its NUL; a header without a value ends in a semicolon, for libcurl. */
static void write_header_line(char *line, const char *name, size_t name_length, const char *value,
                              size_t value_length) {
  char *at = mempcpy(line, name, name_length);
  *at++ = value_length ? ':' : ';';
  if (value_length) *at++ = ' ';
  at = mempcpy(at, value, value_length);
  *at = '\0';
}

int http_add_header(struct http_request *request, const char *name, const char *value,
                    size_t value_length) {
  char usual[USUAL_HEADER_LINE];
  size_t name_length = strlen(name), size = name_length + value_length + sizeof ": ";
  if (!is_header_text(name, name_length) || !is_header_text(value, value_length)) return -1;
  if (size > HTTP_MAX_HEADERS) return -1;
  char *line = size <= sizeof usual ? usual : malloc(size);
  if (!line) return -1;
  write_header_line(line, name, name_length, value, value_length);
  struct curl_slist *list = curl_slist_append(request->headers, line);
  if (list) request->headers = list;
  explicit_bzero(line, size);
  if (line != usual) free(line);
  return list ? 0 : -1;
}

/* libcurl adds these by itself where they would be wrong or cost a round trip: no answer of the API
 * depends on Expect, and a POST without body has no content type. */
static int drop_default_headers(struct http_request *request) {
  if (request->defaults_dropped) return 0;
  const char *unwanted = request->body ? "Expect:" : "Content-Type:";
  struct curl_slist *list = curl_slist_append(request->headers, unwanted);
  if (!list) return -1;
  request->headers = list;
  request->defaults_dropped = true;
  return 0;
}

int http_start(struct http_request *request, struct loop *loop) {
  request->easy = loop_take_easy(loop);
  if (!request->easy) return -1;
  request->loop = loop;
  reset_results(request);
  request->transfer = (struct loop_transfer){.done = on_done, .context = request};
  set_limits(request);
  set_safety(request);
  set_method_and_body(request);
  if (drop_default_headers(request) == 0) {
    set_transport(request);
    if (request->tap) tap_open(request->tap, request->easy);
    request->started = loop_now();
    if (!request->out_of_memory && loop_attach(loop, request->easy, &request->transfer) == 0)
      return 0;
  }
  give_back(request);
  return -1;
}

void http_cancel(struct http_request *request) {
  if (!request->easy) return;
  loop_detach(request->loop, request->easy);
  give_back(request);
}

static void free_headers(struct curl_slist *list) {
  for (struct curl_slist *item = list; item; item = item->next)
    explicit_bzero(item->data, strlen(item->data));
  curl_slist_free_all(list);
}

void http_release(struct http_request *request) {
  http_cancel(request);
  free_headers(request->headers);
  request->headers = NULL;
  buf_free(&request->response_headers);
  buf_free(&request->response_body);
}

bool http_next_field(const struct http_request *request, size_t *offset, struct http_field *field) {
  const struct buf *text = &request->response_headers;
  while (*offset < text->length) {
    const char *line = text->data + *offset;
    const char *end = memchr(line, '\n', text->length - *offset);
    size_t length = end ? (size_t)(end - line) : text->length - *offset;
    *offset += length + (end ? 1 : 0);
    while (length && (line[length - 1] == '\r' || line[length - 1] == ' ')) length--;
    const char *colon = memchr(line, ':', length);
    if (!colon || colon == line) continue;
    const char *value = colon + 1;
    while (value < line + length && (*value == ' ' || *value == '\t')) value++;
    *field = (struct http_field){.name = line,
                                 .name_length = (size_t)(colon - line),
                                 .value = value,
                                 .value_length = (size_t)(line + length - value)};
    return true;
  }
  return false;
}

const char *http_response_header(const struct http_request *request, const char *name,
                                 size_t *length) {
  struct http_field field;
  size_t offset = 0, name_length = strlen(name);
  while (http_next_field(request, &offset, &field)) {
    if (field.name_length == name_length && strncasecmp(field.name, name, name_length) == 0) {
      *length = field.value_length;
      return field.value;
    }
  }
  return NULL;
}
