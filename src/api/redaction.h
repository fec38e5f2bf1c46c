/* Hides secrets in texts and in JSON: those that are known, as they are and in base64, and what is
 * one by its name or its shape (secret_shapes.h); also where they are percent-encoded or escaped as
 * in JSON. What holds no secret comes out byte for byte. Each text is read once, however many
 * secrets are known. No Lua. */
#ifndef ANYREACH_REDACTION_H
#define ANYREACH_REDACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "api/buf.h"
#include "api/needles.h"
#include "api/secret_shapes.h"

#define REDACTION_MARK "[secret]"

enum { REDACTION_VIEWS = 2 }; /* how often a text is decoded to look into it */

struct redaction_span {
  size_t from, to;
};

struct redactor {
  struct needles known;
  unsigned char *pairs;         /* what two bytes may begin; NULL before redactor_prepare() */
  struct redaction_span *spans; /* where secrets are in the text at hand */
  size_t count, capacity;
  struct buf views[REDACTION_VIEWS]; /* the text at hand, decoded */
  struct buf name;                   /* of the field at hand, decoded */
  struct buf path;                   /* of that field: "\n" and a name for each level */
  struct buf fields;                 /* paths of secret fields, each with "\r" at its end */
};

/* What is hidden of a text. */
enum redaction_parts {
  REDACT_KNOWN = 1,
  REDACT_SHAPES = 2,
  /* It is a body, or a value in one: hide also what a piece of JSON in it calls a secret ("token":
   * "…"), and, if it is an address (http:// or https://), treat it as one. */
  REDACT_FIELDS = 4,
  /* It is an address: hide all of its query when one parameter has the name of a secret, */
  REDACT_ADDRESS = 8,
  /* or in any case, because it is a credential. */
  REDACT_QUERY = 16
};

void redactor_init(struct redactor *r);

/* Frees and overwrites what it holds. */
void redactor_free(struct redactor *r);

/* Makes a secret known; the bytes are copied. False when memory runs out. */
bool redactor_add(struct redactor *r, const char *bytes, size_t length);

/* Makes the path of a field known ("config.webhook.key") whose value is a secret, below whatever it
 * stands. False when memory runs out. */
bool redactor_add_field(struct redactor *r, const char *path, size_t length);

/* Whether r->path ends with one of them. */
bool redactor_knows_field(const struct redactor *r);

/* Forgets the secrets, but no fields. */
void redactor_forget(struct redactor *r);

/* To be called after redactor_add(), and before the first text. False when memory runs out. */
bool redactor_prepare(struct redactor *r);

/* Appends the text without its secrets. Returns a buf status. */
int redactor_text(struct redactor *r, const char *text, size_t length, unsigned parts,
                  struct buf *out);

struct redaction_layout {
  unsigned indent; /* spaces a level; 0: as it is, with its spaces */
  unsigned depth;  /* how many levels deep it will stand */
};

enum { REDACTION_NO_JSON = -3 };

/* Appends a JSON document without its secrets. What the name of a field calls a secret is hidden
 * with all that is below it, and so is the "value" beside a "name" that does,
 * and the "input" beside such a "loc", as FastAPI reports what it refuses. Returns a buf status,
 * or REDACTION_NO_JSON when it is none; what has been appended is void then. */
int redactor_json(struct redactor *r, const char *text, size_t length,
                  const struct redaction_layout *layout, struct buf *out);

/* For redaction_json.c: finds the secrets of a text, which is left in r->spans, sorted, without
 * overlaps. Returns a buf status. */
int redactor_find(struct redactor *r, const char *text, size_t length, unsigned parts);

/* Like that, for a JSON string between its quotes, whose escapes the spans do not cut. */
int redactor_find_in_string(struct redactor *r, const char *text, size_t length, unsigned parts);

/* True when a text certainly holds nothing that redactor_find() would find with less than
 * REDACT_ADDRESS, and is not encoded. */
static inline bool redactor_sees_nothing(const struct redactor *r, const char *text,
                                         size_t length) {
  for (size_t at = 0; at + 1 < length; at++)
    if (r->pairs[secret_pair(text + at)]) return false;
  return length >= NEEDLE_SHORTEST || r->known.count == 0;
}

/* Appends the text with marks in place of the spans. */
int redactor_splice(const struct redactor *r, const char *text, size_t length, struct buf *out);

/* Appends the text of a JSON string without its escapes. */
int redactor_unescape(const char *text, size_t length, struct buf *out);

#endif
