/* Building and reading URLs: percent-encoding, path templates, queries. Pure; no Lua.
 * Whatever a value holds, it stays one path segment or one query value. */
#ifndef ANYREACH_URL_H
#define ANYREACH_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "api/buf.h"

/* Appends the bytes with everything but RFC 3986 unreserved characters percent-encoded.
 * Returns a buf status. */
int url_append_encoded(struct buf *out, const char *bytes, size_t length);

/* Appends the bytes with %XX decoded; a '%' that starts no valid escape stays as it is. */
int url_append_decoded(struct buf *out, const char *bytes, size_t length);

/* True for a value that can be a path segment. The empty string, "." and ".." cannot: the first
 * would address the collection, the others are resolved on the way. */
bool url_is_segment(const char *bytes, size_t length);

/* Appends a template such as "/core/agents/{agent_id}", its parameters replaced, in order, by the
 * encoded values, of which there must be one for every '{'. Returns a buf status. */
struct url_value {
  const char *bytes;
  size_t length;
  bool is_encoded; /* already, and more than one text */
};
int url_append_path(struct buf *out, const char *template, const struct url_value *values);

/* Appends "?name=value" if `*first`, else "&name=value", encoded, and clears `*first`. */
int url_append_query(struct buf *out, bool *first, const char *name, const char *bytes,
                     size_t length);

/* True when the URL is https, or http to a loopback host (127.0.0.0/8, [::1], localhost), and holds
 * no user name or password: requests may be sent there. Otherwise `*problem` says what is wrong.
 */
bool url_is_safe(const char *url, const char **problem);

/* True when it is safe and has neither query nor fragment, so that it can be a base URL. */
bool url_is_base(const char *url, const char **problem);

#endif
