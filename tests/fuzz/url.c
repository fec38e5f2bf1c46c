/* URLs: whatever a value holds, it stays one segment or one query value; and what is called safe to
 * send a credential to is https, or this machine. The first line of the input is a URL, the second
 * a path template, the rest the value of its parameters. */
#include "../../src/net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { VALUES_MAX = 8, TEXT_MAX = 1 << 20 };

static const char unreserved[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%";

static size_t count_char(const char *text, char wanted) {
  size_t count = 0;
  for (; *text; text++) count += *text == wanted;
  return count;
}

static void check_codec(const char *bytes, size_t size) {
  struct buf encoded, decoded;
  buf_init(&encoded, TEXT_MAX);
  buf_init(&decoded, TEXT_MAX);
  fuzz_expect(url_append_encoded(&encoded, bytes, size) == BUF_OK);
  fuzz_expect(strspn(buf_text(&encoded), unreserved) == encoded.length);
  fuzz_expect(url_append_decoded(&decoded, encoded.data, encoded.length) == BUF_OK);
  fuzz_expect(decoded.length == size && (size == 0 || !memcmp(decoded.data, bytes, size)));
  decoded.length = 0;
  fuzz_expect(url_append_decoded(&decoded, bytes, size) == BUF_OK);
  fuzz_expect(decoded.length <= size);
  buf_free(&encoded);
  buf_free(&decoded);
}

/* No value adds a segment, a query or a fragment to those of the template. */
static void check_template(const char *template, const char *bytes, size_t size) {
  struct url_value values[VALUES_MAX];
  for (size_t i = 0; i < VALUES_MAX; i++)
    values[i] = (struct url_value){.bytes = bytes, .length = size};
  if (count_char(template, '{') > VALUES_MAX) return;
  struct buf path;
  buf_init(&path, TEXT_MAX);
  fuzz_expect(url_append_path(&path, template, values) == BUF_OK);
  static const char structure[] = "/?#&";
  for (const char *c = structure; *c; c++)
    fuzz_expect(count_char(buf_text(&path), *c) <= count_char(template, *c));
  bool first = true;
  path.length = 0;
  fuzz_expect(url_append_query(&path, &first, template, bytes, size) == BUF_OK);
  fuzz_expect(count_char(buf_text(&path), '&') == 0 && count_char(path.data, '=') == 1);
  buf_free(&path);
}

/* Whether the host is this machine, as strictly as can be asked. */
static bool is_this_machine(const char *host) {
  struct in_addr address;
  if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return true;
  return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static char *part_of(const char *url, CURLUPart which) {
  CURLU *parts = curl_url();
  char *text = NULL;
  if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) curl_url_get(parts, which, &text, 0);
  curl_url_cleanup(parts);
  return text;
}

static void expect_safe(const char *url) {
  char *scheme = part_of(url, CURLUPART_SCHEME), *host = part_of(url, CURLUPART_HOST);
  char *user = part_of(url, CURLUPART_USER), *password = part_of(url, CURLUPART_PASSWORD);
  fuzz_expect(scheme && host && *host && !user && !password);
  fuzz_expect(strcmp(scheme, "https") == 0 ||
              (strcmp(scheme, "http") == 0 && is_this_machine(host)));
  for (const char *c = url; *c; c++) fuzz_expect((unsigned char)*c > ' ' && *c != 127);
  curl_free(scheme);
  curl_free(host);
  curl_free(user);
  curl_free(password);
}

/* What is appended to a base URL does not lead to another host. */
static void expect_base(const char *url) {
  size_t length = strlen(url);
  char *host = part_of(url, CURLUPART_HOST), *longer = malloc(length + sizeof "/core/agents?a=b@c");
  const char *problem;
  memcpy(longer, url, length);
  strcpy(longer + length, "/core/agents?a=b@c");
  fuzz_expect(url_is_safe(longer, &problem));
  char *other = part_of(longer, CURLUPART_HOST);
  fuzz_expect(host && other && strcmp(host, other) == 0);
  curl_free(host);
  curl_free(other);
  free(longer);
}

static void check_url(const char *url) {
  const char *problem;
  bool safe = url_is_safe(url, &problem);
  fuzz_expect(safe == (problem == NULL));
  if (safe) expect_safe(url);
  bool base = url_is_base(url, &problem);
  fuzz_expect(base == (problem == NULL) && (safe || !base));
  if (base) expect_base(url);
}

/* The bytes before the next line feed, as text; moves on behind it. */
static char *take_line(const uint8_t **data, size_t *size) {
  const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
  size_t length = end ? (size_t)(end - *data) : *size;
  char *line = fuzz_copy_text(*data, length);
  length += end ? 1 : 0;
  *data += length;
  *size -= length;
  return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *url = take_line(&data, &size), *template = take_line(&data, &size);
  char *bytes = fuzz_copy_bytes(data, size);
  check_url(url);
  check_codec(bytes, size);
  check_template(template, bytes, size);
  (void)url_is_segment(bytes, size);
  free(url);
  free(template);
  free(bytes);
  return 0;
}
