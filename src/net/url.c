#include "net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

static bool is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

int url_append_encoded(struct buf *out, const char *bytes, size_t length) {
  static const char digits[] = "0123456789ABCDEF";
  if (length > out->maximum / 3) return BUF_FULL;
  int status = buf_reserve(out, 3 * length);
  for (size_t i = 0; status == BUF_OK && i < length; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (is_unreserved(c)) {
      status = buf_append_char(out, (char)c);
    } else {
      char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
      status = buf_append(out, escape, sizeof escape);
    }
  }
  return status;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int url_append_decoded(struct buf *out, const char *bytes, size_t length) {
  int status = BUF_OK;
  for (size_t i = 0; status == BUF_OK && i < length; i++) {
    char c = bytes[i];
    if (c == '%' && i + 2 < length && hex_value(bytes[i + 1]) >= 0 &&
        hex_value(bytes[i + 2]) >= 0) {
      c = (char)(hex_value(bytes[i + 1]) * 16 + hex_value(bytes[i + 2]));
      i += 2;
    }
    status = buf_append_char(out, c);
  }
  return status;
}

bool url_is_segment(const char *bytes, size_t length) {
  if (length == 0) return false;
  return !(bytes[0] == '.' && (length == 1 || (length == 2 && bytes[1] == '.')));
}

int url_append_path(struct buf *out, const char *template, const struct url_value *values) {
  int status = BUF_OK;
  while (status == BUF_OK && *template) {
    size_t literal = strcspn(template, "{");
    status = buf_append(out, template, literal);
    template += literal;
    if (status != BUF_OK || !*template) break;
    status = values->is_encoded ? buf_append(out, values->bytes, values->length)
                                : url_append_encoded(out, values->bytes, values->length);
    values++;
    template += strcspn(template, "}");
    template += *template == '}';
  }
  return status;
}

int url_append_query(struct buf *out, bool *first, const char *name, const char *bytes,
                     size_t length) {
  int status = buf_append_char(out, *first ? '?' : '&');
  *first = false;
  if (status == BUF_OK) status = url_append_encoded(out, name, strlen(name));
  if (status == BUF_OK) status = buf_append_char(out, '=');
  if (status == BUF_OK) status = url_append_encoded(out, bytes, length);
  return status;
}

/* Digits and dots alone are not an address: 127.0.0.256 is a name, which DNS may lead anywhere.
 */
static bool is_loopback(const char *host) {
  struct in_addr address;
  if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) return true;
  return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* `absent` is what libcurl returns when there is no such part. A part that cannot be read because
 * memory has run out counts as one. */
static bool has_part(CURLU *parts, CURLUPart which, CURLUcode absent) {
  char *text = NULL;
  CURLUcode code = curl_url_get(parts, which, &text, 0);
  curl_free(text);
  return code != absent;
}

static const char *safety_problem(CURLU *parts) {
  char *scheme = NULL, *host = NULL;
  const char *problem = NULL;
  if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
    problem = "it has no host";
  else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
    problem = "it must start with https://";
  else if (strcmp(scheme, "http") == 0 && !is_loopback(host))
    problem = "http is only for this machine (localhost, 127.x.x.x, [::1]); use https://";
  else if (has_part(parts, CURLUPART_USER, CURLUE_NO_USER) ||
           has_part(parts, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD))
    problem = "it holds a user name or password; give the credential as a token";
  curl_free(scheme);
  curl_free(host);
  return problem;
}

/* NULL: nothing is wrong. `as_base`: as a base URL, which is stricter. */
static const char *url_problem(const char *url, bool as_base) {
  const char *problem = NULL;
  for (const char *c = url; *c; c++)
    if ((unsigned char)*c <= ' ' || *c == 127) return "it holds a space or control character";
  CURLU *parts = curl_url();
  if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
    problem = "it is not a URL like https://api.anyreach.ai";
  else
    problem = safety_problem(parts);
  if (!problem && as_base &&
      (has_part(parts, CURLUPART_QUERY, CURLUE_NO_QUERY) ||
       has_part(parts, CURLUPART_FRAGMENT, CURLUE_NO_FRAGMENT)))
    problem = "it has a query or fragment";
  curl_url_cleanup(parts);
  return problem;
}

bool url_is_safe(const char *url, const char **problem) {
  *problem = url_problem(url, false);
  return *problem == NULL;
}

bool url_is_base(const char *url, const char **problem) {
  *problem = url_problem(url, true);
  return *problem == NULL;
}
