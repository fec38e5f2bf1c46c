#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "net/curl_memory.h"
#include "net/failure.h"
#include "version.h"

enum { USUAL_HEADER_LINE = 256 }; /* bytes of a line that is put together on the stack */

/* All that libcurl has sent for this transfer, a proxy's CONNECT included. */
static long bytes_sent(const struct http_transfer *transfer) {
  long bytes = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes;
}

/* True when some bytes of the request itself were sent, over this connection or an earlier one. */
static bool has_left(const struct http_transfer *transfer) {
  bool is_sending = transfer->step == HTTP_SENDING;
  return transfer->left_earlier || (is_sending && bytes_sent(transfer) > transfer->sent_before);
}

/* {====== the transfer probe ====== */

#define TLS_TEXT  "SSL connection using "
#define ENDS_TEXT "Expire date:"

/* Headers come in several pieces when the connection takes them so. A request line starts them
 * afresh: that of a request which libcurl repeats, or which follows a proxy's CONNECT. */
static void add_sent_headers(struct http_probe *probe, const char *bytes, size_t length) {
  const char *end = memchr(bytes, '\r', length);
  size_t line = end ? (size_t)(end - bytes) : length;
  if (memmem(bytes, line, " HTTP/", 6)) buf_wipe(&probe->sent_headers);
  buf_append(&probe->sent_headers, bytes, length);
}

/* libcurl names the protocol only in a text, "SSL connection using TLSv1.3 / CIPHER", unless the
 * TLS library is linked, too. */
static void note_tls(struct http_probe *probe, const char *text, size_t length) {
  size_t prefix = sizeof TLS_TEXT - 1;
  if (length <= prefix || memcmp(text, TLS_TEXT, prefix) != 0) return;
  size_t end = prefix;
  while (end < length && text[end] > ' ') end++;
  snprintf(probe->tls, sizeof probe->tls, "%.*s", (int)(end - prefix), text + prefix);
}

static int on_traffic(CURL *easy, curl_infotype type, char *bytes, size_t length, void *context) {
  struct http_probe *probe = context;
  (void)easy;
  if (type == CURLINFO_TEXT) note_tls(probe, bytes, length);
  if (type == CURLINFO_HEADER_OUT) add_sent_headers(probe, bytes, length);
  if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) probe->bytes_out += length;
  if (type == CURLINFO_HEADER_IN || type == CURLINFO_DATA_IN) probe->bytes_in += length;
  return 0;
}

static void probe_open(struct http_probe *probe, CURL *easy) {
  http_probe_free(probe);
  *probe = (struct http_probe){.bytes_out = 0};
  buf_init(&probe->sent_headers, HTTP_MAX_HEADERS);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_traffic);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, probe);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
}

static double seconds(CURL *easy, CURLINFO what) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, what, &microseconds);
  return (double)microseconds / 1e6;
}

/* The server's own certificate is the first of the chain. */
static void note_certificate(struct http_probe *probe, CURL *easy) {
  struct curl_certinfo *chain = NULL;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain) return;
  const struct curl_slist *line = chain->num_of_certs > 0 ? chain->certinfo[0] : NULL;
  for (; line; line = line->next)
    if (strncmp(line->data, ENDS_TEXT, sizeof ENDS_TEXT - 1) == 0)
      snprintf(probe->certificate_ends, sizeof probe->certificate_ends, "%s",
               line->data + sizeof ENDS_TEXT - 1);
}

static void probe_close(struct http_probe *probe, CURL *easy) {
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &probe->connections);
  note_certificate(probe, easy);
  probe->resolved = seconds(easy, CURLINFO_NAMELOOKUP_TIME_T);
  probe->connected = seconds(easy, CURLINFO_CONNECT_TIME_T);
  probe->secured = seconds(easy, CURLINFO_APPCONNECT_TIME_T);
  probe->ready = seconds(easy, CURLINFO_PRETRANSFER_TIME_T);
  probe->first_byte = seconds(easy, CURLINFO_STARTTRANSFER_TIME_T);
}

void http_probe_free(struct http_probe *probe) {
  buf_wipe(&probe->sent_headers);
}

/* }====== */

/* {====== libcurl's callbacks ====== */

/* Appends a piece of the answer. */
static bool has_kept(struct http_transfer *transfer, struct buf *part, const char *bytes,
                     size_t length) {
  int status = buf_append(part, bytes, length);
  if (status == BUF_FULL) transfer->too_large = true;
  if (status == BUF_NO_MEMORY) transfer->out_of_memory = true;
  return status == BUF_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
  struct http_transfer *transfer = context;
  if (!has_kept(transfer, &transfer->response_body, bytes, size * count)) return 0;
  if (transfer->received) {
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    transfer->received(transfer->context);
  }
  return size * count;
}

/* A new status line (after 100 Continue, or a proxy's own answer) starts the answer afresh. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
  struct http_transfer *transfer = context;
  size_t length = size * count;
  if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) transfer->response_headers.length = 0;
  return has_kept(transfer, &transfer->response_headers, bytes, length) ? length : 0;
}

/* A connection is about to be opened: what is sent next, until on_sending, is not the request. */
static int on_connecting(void *context, curl_socket_t socket, curlsocktype purpose) {
  struct http_transfer *transfer = context;
  (void)socket, (void)purpose;
  transfer->left_earlier = has_left(transfer);
  transfer->step = HTTP_CONNECTING;
  return CURL_SOCKOPT_OK;
}

/* The connection is there, and TLS begins. */
static CURLcode on_securing(CURL *easy, void *tls, void *context) {
  struct http_transfer *transfer = context;
  (void)easy, (void)tls;
  transfer->step = HTTP_SECURING;
  return CURLE_OK;
}

/* libcurl by itself repeats a request whose reused connection turns out to be dead, even after the
 * server has read it. It asks here each time before it sends: a request that must not arrive twice,
 * and of which some bytes have been sent already, is not sent again. */
static int on_sending(void *context, char *remote, char *local, int remote_port, int local_port) {
  struct http_transfer *transfer = context;
  (void)remote, (void)local, (void)remote_port, (void)local_port;
  transfer->left_earlier = has_left(transfer);
  transfer->sent_before = bytes_sent(transfer);
  transfer->step = HTTP_SENDING;
  if (transfer->may_repeat || !transfer->left_earlier) return CURL_PREREQFUNC_OK;
  transfer->resend_refused = true;
  return CURL_PREREQFUNC_ABORT;
}

/* }====== */

/* libcurl copies texts. An option for which it had no memory would be missing, and the request
 * would be sent with another method, or to a proxy. So http_start() looks at `out_of_memory`. */
static void set_text(struct http_transfer *transfer, CURLoption option, const char *text) {
  if (curl_easy_setopt(transfer->easy, option, text) == CURLE_OUT_OF_MEMORY)
    transfer->out_of_memory = true;
}

static bool method_is(const struct http_transfer *transfer, const char *method) {
  return strcmp(transfer->method, method) == 0;
}

static void set_method_and_body(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  if (method_is(transfer, "GET") && !transfer->body) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (method_is(transfer, "HEAD")) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L); /* no body comes, whatever length is announced */
    return;
  }
  if (method_is(transfer, "POST") || transfer->body) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body ? transfer->body : "");
  }
  if (!method_is(transfer, "POST")) set_text(transfer, CURLOPT_CUSTOMREQUEST, transfer->method);
}

static void set_safety(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  bool plain = strncmp(transfer->url, "http://", 7) == 0;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set_text(transfer, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (transfer->ca_file) set_text(transfer, CURLOPT_CAINFO, transfer->ca_file);
  if (plain) set_text(transfer, CURLOPT_PROXY, "");
}

static void set_limits(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, transfer->limits.connect_timeout_ms);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, transfer->limits.timeout_ms);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, transfer->limits.stall_seconds);
}

/* Forgets the outcome of an earlier start. */
static void reset_results(struct http_transfer *transfer) {
  buf_free(&transfer->response_headers);
  buf_free(&transfer->response_body);
  buf_init(&transfer->response_headers, HTTP_MAX_HEADERS);
  buf_init(&transfer->response_body, HTTP_MAX_BODY);
  transfer->verdict = CURLE_OK;
  transfer->status = 0;
  transfer->resend_refused = false;
  transfer->too_large = false;
  transfer->out_of_memory = false;
  transfer->refusals_before = curl_memory_refusals();
  transfer->error[0] = '\0';
  transfer->step = HTTP_CONNECTING;
  transfer->sent_before = 0;
  transfer->left_earlier = false;
}

/* What must not reach the server twice goes over HTTP/1.1. A server that ends an HTTP/2 connection
 * says which streams it has not processed, but libcurl (7.88 and 8.14) keeps that to itself: it
 * ends in the same repetition as a connection that broke, see on_sending(). */
static bool is_for_http2(const struct http_transfer *transfer) {
  return transfer->http2 && transfer->may_repeat && strncmp(transfer->url, "https", 5) == 0;
}

static void set_protocol(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  if (!is_for_http2(transfer)) {
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return;
  }
  CURLSH *pool = loop_http2_pool(transfer->loop);
  if (!pool) transfer->out_of_memory = true;
  curl_easy_setopt(easy, CURLOPT_SHARE, pool);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

static void set_transport(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  set_text(transfer, CURLOPT_URL, transfer->url);
  set_text(transfer, CURLOPT_USERAGENT, "anyreach-lua/" ANYREACH_VERSION);
  set_text(transfer, CURLOPT_ACCEPT_ENCODING, "gzip");
  set_protocol(transfer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connecting);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_securing);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

static void give_back(struct http_transfer *transfer) {
  if (transfer->probe) probe_close(transfer->probe, transfer->easy);
  loop_give_back_easy(transfer->loop, transfer->easy);
  transfer->easy = NULL;
}

/* Puts the reason before libcurl's message, or what stands in for that. */
static void explain(struct http_transfer *transfer) {
  char message[CURL_ERROR_SIZE];
  const char *reason = failure_reason(transfer);
  if (!reason) return;
  snprintf(message, sizeof message, "%.*s", CURL_ERROR_SIZE - 1,
           *transfer->error ? transfer->error : curl_easy_strerror(transfer->verdict));
  snprintf(transfer->error, sizeof transfer->error, "%s (%s)", reason, message);
}

/* The empty line after the head came, which libcurl does not insist on when a server closes. */
static bool has_whole_head(const struct http_transfer *transfer) {
  const struct buf *head = &transfer->response_headers;
  return head->length && (memmem(head->data, head->length, "\n\r\n", 3) ||
                          memmem(head->data, head->length, "\n\n", 2));
}

/* Only gzip was asked for. libcurl decodes others, too, some of them without noticing that the end
 * is missing. */
static bool has_known_encoding(const struct http_transfer *transfer) {
  static const char *const known[] = {"gzip", "x-gzip", "identity", ""};
  size_t length = 0;
  const char *value = http_response_header(transfer, "Content-Encoding", &length);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!value || (length == strlen(known[i]) && strncasecmp(value, known[i], length) == 0))
      return true;
  return false;
}

static void refuse_answer(struct http_transfer *transfer, CURLcode verdict, const char *reason) {
  transfer->verdict = verdict;
  snprintf(transfer->error, sizeof transfer->error, "%s", reason);
}

/* True when libcurl has refused the answer for its size: for a line of the head, or their number.
 */
static bool is_too_large_for_libcurl(const struct http_transfer *transfer) {
  enum { TOO_LARGE = 100 /* CURLE_TOO_LARGE, which libcurl has since 8.6 */ };
  bool has_run_out = transfer->out_of_memory || !curl_memory_is_watched() ||
                     curl_memory_refusals() > transfer->refusals_before;
  int verdict = (int)transfer->verdict;
  bool is_size = verdict == TOO_LARGE || (verdict == CURLE_OUT_OF_MEMORY && !has_run_out);
  return is_size && has_left(transfer);
}

/* Says why an answer was not kept: libcurl only knows that it was not. */
static void check_size(struct http_transfer *transfer) {
  if (is_too_large_for_libcurl(transfer)) transfer->too_large = true;
  bool is_head = transfer->response_body.length == 0;
  if (transfer->out_of_memory)
    refuse_answer(transfer, CURLE_OUT_OF_MEMORY, "there is not enough memory for the answer");
  else if (transfer->too_large && is_head)
    refuse_answer(transfer, transfer->verdict,
                  "the answer's head is longer than this program accepts");
  else if (transfer->too_large)
    refuse_answer(transfer, transfer->verdict, "the answer is larger than this program accepts");
}

/* What libcurl takes for an answer and is none. */
static void check_answer(struct http_transfer *transfer) {
  if (transfer->verdict != CURLE_OK) return;
  if (!has_whole_head(transfer))
    refuse_answer(transfer, CURLE_WEIRD_SERVER_REPLY, "the answer broke off within its head");
  else if (!has_known_encoding(transfer))
    refuse_answer(transfer, CURLE_BAD_CONTENT_ENCODING,
                  "the answer has an encoding that was not asked for; expected gzip or none");
}

static void on_done(void *context, CURLcode verdict) {
  struct http_transfer *transfer = context;
  curl_off_t microseconds = 0;
  transfer->verdict = transfer->resend_refused ? CURLE_SEND_FAIL_REWIND : verdict;
  if (transfer->resend_refused)
    snprintf(transfer->error, sizeof transfer->error, "%s",
             "the connection broke after the request was sent; it was not sent a second time");
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
  curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
  transfer->elapsed = (double)microseconds / 1e6;
  if (transfer->verdict != CURLE_OK && !transfer->resend_refused) explain(transfer);
  check_size(transfer);
  check_answer(transfer);
  transfer->may_have_been_sent = has_left(transfer) || transfer->resend_refused;
  give_back(transfer);
  transfer->done(transfer->context);
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

int http_add_header(struct http_transfer *transfer, const char *name, const char *value,
                    size_t value_length) {
  char usual[USUAL_HEADER_LINE];
  size_t name_length = strlen(name), size = name_length + value_length + sizeof ": ";
  if (!is_header_text(name, name_length) || !is_header_text(value, value_length)) return -1;
  if (size > HTTP_MAX_HEADERS) return -1;
  char *line = size <= sizeof usual ? usual : malloc(size);
  if (!line) return -1;
  write_header_line(line, name, name_length, value, value_length);
  struct curl_slist *list = curl_slist_append(transfer->headers, line);
  if (list) transfer->headers = list;
  explicit_bzero(line, size);
  if (line != usual) free(line);
  return list ? 0 : -1;
}

/* libcurl adds these where they would be wrong or cost a round trip: no answer of the API depends
 * on Expect, and a POST without a body has no content type. */
static int drop_default_headers(struct http_transfer *transfer) {
  if (transfer->defaults_dropped) return 0;
  const char *unwanted = transfer->body ? "Expect:" : "Content-Type:";
  struct curl_slist *list = curl_slist_append(transfer->headers, unwanted);
  if (!list) return -1;
  transfer->headers = list;
  transfer->defaults_dropped = true;
  return 0;
}

int http_start(struct http_transfer *transfer, struct loop *loop) {
  transfer->easy = loop_take_easy(loop);
  if (!transfer->easy) return -1;
  transfer->loop = loop;
  reset_results(transfer);
  transfer->in_loop = (struct loop_transfer){.done = on_done, .context = transfer};
  set_limits(transfer);
  set_safety(transfer);
  set_method_and_body(transfer);
  if (drop_default_headers(transfer) == 0) {
    set_transport(transfer);
    if (transfer->probe) probe_open(transfer->probe, transfer->easy);
    transfer->started = loop_now();
    if (!transfer->out_of_memory && loop_attach(loop, transfer->easy, &transfer->in_loop) == 0)
      return 0;
  }
  give_back(transfer);
  return -1;
}

void http_cancel(struct http_transfer *transfer) {
  if (!transfer->easy) return;
  loop_detach(transfer->loop, transfer->easy);
  give_back(transfer);
}

static void free_headers(struct curl_slist *list) {
  for (struct curl_slist *item = list; item; item = item->next)
    explicit_bzero(item->data, strlen(item->data));
  curl_slist_free_all(list);
}

void http_release(struct http_transfer *transfer) {
  http_cancel(transfer);
  free_headers(transfer->headers);
  transfer->headers = NULL;
  buf_free(&transfer->response_headers);
  buf_free(&transfer->response_body);
}

bool http_next_field(const struct http_transfer *transfer, size_t *offset,
                     struct http_field *field) {
  const struct buf *text = &transfer->response_headers;
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

const char *http_response_header(const struct http_transfer *transfer, const char *name,
                                 size_t *length) {
  struct http_field field;
  size_t offset = 0, name_length = strlen(name);
  while (http_next_field(transfer, &offset, &field)) {
    if (field.name_length == name_length && strncasecmp(field.name, name, name_length) == 0) {
      *length = field.value_length;
      return field.value;
    }
  }
  return NULL;
}
