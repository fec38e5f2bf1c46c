/* What is a secret by the name of its field, or by how it looks: the one place that knows, for all
 * that is shown, recorded or exported. Each shape is narrow, for a text that only talks about
 * tokens holds none: most must be long and have a digit, and places that are still to be filled in
 * ("{{token}}", "$TOKEN", "YOUR_KEY") are none. No Lua, no allocation. */
#ifndef ANYREACH_SECRET_SHAPES_H
#define ANYREACH_SECRET_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* True when the name of a field, header or parameter says that its value is a secret: upper and
 * lower case, "-" and "_" make no difference. */
bool secret_name(const char *name, size_t length);

/* True for the name of a field for credentials, below which everything is a secret. */
bool secret_group_name(const char *name, size_t length);

/* Sets a bit for each two bytes that may begin a secret; the place of a pair is what
 * secret_pair() says. */
enum { SECRET_PAIRS = 65536 };
void secret_mark_pairs(unsigned char pairs[SECRET_PAIRS], unsigned char bit);

static inline uint16_t secret_pair(const char *at) {
  uint16_t pair;
  memcpy(&pair, at, sizeof pair);
  return pair;
}

struct secret_shape {
  size_t from, to;  /* the secret, in the text */
  const char *kind; /* "a bearer token" */
};

/* Whether a secret is announced at `at`, where a pair is marked. With `in_fields`, also by the
 * name of a field: "token": "…" */
bool secret_shape_at(const char *text, size_t length, size_t at, bool in_fields,
                     struct secret_shape *shape);

#endif
