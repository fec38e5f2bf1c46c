/* Texts: where secrets are in them, and in what they are when they are decoded. JSON is in
 * redaction_json.c. */
#include "api/redaction.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  TEXT_MAX = 256 * 1024 * 1024,
  SHORTEST_IN_BASE64 = 6, /* bytes of a secret whose base64 is looked for */
  KEPT_VIEW = 1024 * 1024 /* bytes of memory that a view keeps for the next text */
};

void redactor_init(struct redactor *r) {
  *r = (struct redactor){0};
  for (int i = 0; i < REDACTION_VIEWS; i++) buf_init(&r->views[i], TEXT_MAX);
  buf_init(&r->name, TEXT_MAX);
  buf_init(&r->path, TEXT_MAX);
  buf_init(&r->fields, TEXT_MAX);
}

void redactor_forget(struct redactor *r) {
  needles_free(&r->known);
  free(r->pairs);
  r->pairs = NULL;
  for (int i = 0; i < REDACTION_VIEWS; i++) buf_wipe(&r->views[i]);
  buf_wipe(&r->name);
}

void redactor_free(struct redactor *r) {
  redactor_forget(r);
  buf_free(&r->path);
  buf_free(&r->fields);
  free(r->spans);
  redactor_init(r);
}

/* {====== known fields ====== */

/* Whether one of the paths is all of `path`, or, with `at_end`, its end. */
static bool has_field(const struct redactor *r, const char *path, size_t path_length, bool at_end) {
  const char *at = r->fields.data, *end = at + r->fields.length;
  for (const char *next; at < end; at = next + 1) {
    next = memchr(at, '\r', (size_t)(end - at));
    size_t length = (size_t)(next - at);
    bool fits = at_end ? length <= path_length : length == path_length;
    if (fits && memcmp(path + path_length - length, at, length) == 0) return true;
  }
  return false;
}

bool redactor_add_field(struct redactor *r, const char *path, size_t length) {
  struct buf *fields = &r->fields;
  size_t from = fields->length;
  if (buf_reserve(fields, length + 2) != BUF_OK) return false;
  char *added = fields->data + from;
  added[0] = '\n';
  for (size_t i = 0; i < length; i++) added[1 + i] = path[i] == '.' ? '\n' : path[i];
  added[1 + length] = '\r';
  if (!has_field(r, added, 1 + length, false)) fields->length += length + 2;
  return true;
}

bool redactor_knows_field(const struct redactor *r) {
  return r->fields.length > 0 && has_field(r, r->path.data, r->path.length, true);
}

/* }====== */

/* {====== known secrets ====== */

/* Whatever stands before and after a secret, its base64 has the digits of one of three shifts,
 * without those at the edges, which others have a share in. */
static int append_base64(struct buf *out, const char *bytes, size_t length, unsigned shift,
                         const char *digits) {
  size_t first = (shift * 8 + 5) / 6, last = (shift + length) * 8 / 6;
  int status = BUF_OK;
  out->length = 0;
  for (size_t digit = first; status == BUF_OK && digit < last; digit++) {
    size_t bit = digit * 6 - shift * 8, at = bit / 8;
    unsigned pair = (unsigned char)bytes[at] << 8;
    if (at + 1 < length) pair |= (unsigned char)bytes[at + 1];
    status = buf_append_char(out, digits[pair >> (10 - bit % 8) & 63]);
  }
  return status;
}

static bool add_base64(struct redactor *r, const char *bytes, size_t length) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  char digits[2][65];
  memcpy(digits[0], alphabet, 62), memcpy(digits[0] + 62, "+/", 3);
  memcpy(digits[1], alphabet, 62), memcpy(digits[1] + 62, "-_", 3);
  for (unsigned shift = 0; shift < 3; shift++) {
    for (int kind = 0; kind < 2; kind++) {
      if (append_base64(&r->name, bytes, length, shift, digits[kind]) != BUF_OK ||
          !needles_add(&r->known, r->name.data, r->name.length))
        return false;
    }
  }
  return true;
}

bool redactor_add(struct redactor *r, const char *bytes, size_t length) {
  return needles_add(&r->known, bytes, length) &&
         (length < SHORTEST_IN_BASE64 || add_base64(r, bytes, length));
}

/* What a pair of bytes may begin. */
enum { BEGINS_SHAPE = 1, BEGINS_KNOWN = 2, BEGINS_CODE = 4 };

/* What begins with a sign of an encoding. */
static void mark_codes(unsigned char *pairs) {
  static const char signs[] = "\\%+";
  char pair[2];
  for (const char *sign = signs; *sign; sign++) {
    for (int other = 0; other < 256; other++) {
      pair[0] = *sign, pair[1] = (char)other;
      pairs[secret_pair(pair)] |= BEGINS_CODE;
    }
  }
}

bool redactor_prepare(struct redactor *r) {
  if (!r->pairs) {
    r->pairs = calloc(SECRET_PAIRS, 1);
    if (!r->pairs) return false;
    secret_mark_pairs(r->pairs, BEGINS_SHAPE);
    mark_codes(r->pairs);
  }
  if (!needles_prepare(&r->known)) return false;
  for (size_t i = 0; i < r->known.count; i++)
    if (r->known.list[i].length >= NEEDLE_SHORTEST)
      r->pairs[secret_pair(r->known.list[i].bytes)] |= BEGINS_KNOWN;
  return true;
}

/* }====== */

/* {====== spans ====== */

static int add_span(struct redactor *r, size_t from, size_t to) {
  if (r->count == r->capacity) {
    size_t capacity = r->capacity ? 2 * r->capacity : 16;
    struct redaction_span *spans = realloc(r->spans, capacity * sizeof *spans);
    if (!spans) return BUF_NO_MEMORY;
    r->spans = spans;
    r->capacity = capacity;
  }
  r->spans[r->count++] = (struct redaction_span){from, to};
  return BUF_OK;
}

static int compare_spans(const void *a, const void *b) {
  const struct redaction_span *left = a, *right = b;
  if (left->from != right->from) return left->from < right->from ? -1 : 1;
  return (left->to > right->to) - (left->to < right->to);
}

/* Sorts the spans from the place `first` on, and makes one of those that overlap. */
static void tidy_spans(struct redactor *r, size_t first) {
  if (r->count < first + 2) return;
  struct redaction_span *spans = r->spans;
  qsort(spans + first, r->count - first, sizeof *spans, compare_spans);
  size_t last = first;
  for (size_t i = first + 1; i < r->count; i++) {
    if (spans[i].from >= spans[last].to)
      spans[++last] = spans[i];
    else if (spans[i].to > spans[last].to)
      spans[last].to = spans[i].to;
  }
  r->count = last + 1;
}

int redactor_splice(const struct redactor *r, const char *text, size_t length, struct buf *out) {
  size_t at = 0;
  int status = BUF_OK;
  for (size_t i = 0; status == BUF_OK && i < r->count; i++) {
    status = buf_append(out, text + at, r->spans[i].from - at);
    if (status == BUF_OK) status = buf_append_text(out, REDACTION_MARK);
    at = r->spans[i].to;
  }
  return status == BUF_OK ? buf_append(out, text + at, length - at) : status;
}

/* }====== */

/* {====== one reading ====== */

/* A secret of fewer than four bytes would be found in every other word: it is a secret only where
 * it is all of the text. */
static int find_whole(struct redactor *r, const char *text, size_t length) {
  if (length == 0 || r->known.count == 0) return BUF_OK;
  return needles_match(&r->known, text, text + length) == length ? add_span(r, 0, length) : BUF_OK;
}

/* `after` is where the last shape ended: none begins within another. */
static int find_shape(struct redactor *r, const char *text, size_t length, size_t at,
                      unsigned parts, size_t *after) {
  struct secret_shape shape;
  if (at < *after) return BUF_OK;
  if (!secret_shape_at(text, length, at, parts & REDACT_FIELDS, &shape)) return BUF_OK;
  *after = shape.to;
  return add_span(r, shape.from, shape.to);
}

static int find_known(struct redactor *r, const char *text, size_t length, size_t at) {
  size_t matched = needles_match(&r->known, text + at, text + length);
  return matched >= NEEDLE_SHORTEST ? add_span(r, at, at + matched) : BUF_OK;
}

/* No secret begins in the last three bytes. */
static int read_once(struct redactor *r, const char *text, size_t length, unsigned parts) {
  unsigned char wanted = 0;
  size_t after = 0;
  int status = BUF_OK;
  if (parts & REDACT_SHAPES) wanted |= BEGINS_SHAPE;
  if (parts & REDACT_KNOWN && r->known.count > 0) wanted |= BEGINS_KNOWN;
  if (length < NEEDLE_SHORTEST) return wanted & BEGINS_KNOWN ? find_whole(r, text, length) : BUF_OK;
  for (size_t at = 0, last = length - NEEDLE_SHORTEST; at <= last; at++) {
    unsigned char begins = r->pairs[secret_pair(text + at)] & wanted;
    if (!begins) continue;
    if (begins & BEGINS_SHAPE) status = find_shape(r, text, length, at, parts, &after);
    if (status == BUF_OK && begins & BEGINS_KNOWN && needles_may_begin(&r->known, text + at))
      status = find_known(r, text, length, at);
    if (status != BUF_OK) return status;
  }
  return BUF_OK;
}

/* }====== */

/* {====== views ====== */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The number of `count` hexadecimal digits at `at`, or -1. */
static long read_hex(const char *text, size_t length, size_t at, int count) {
  long value = 0;
  if (length < at + (size_t)count) return -1;
  for (int i = 0; i < count; i++) {
    int digit = hex_digit(text[at + (size_t)i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* A piece of a text, and what it stands for. */
struct unit {
  size_t length, decoded_length;
  char decoded[4];
};

static struct unit one_byte(size_t length, char byte) {
  return (struct unit){length, 1, {byte}};
}

static struct unit utf8(size_t length, unsigned long code) {
  if (code < 0x80) return one_byte(length, (char)code);
  if (code < 0x800)
    return (struct unit){length, 2, {(char)(0xC0 | code >> 6), (char)(0x80 | (code & 63))}};
  if (code < 0x10000)
    return (struct unit){
        length,
        3,
        {(char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63))}};
  return (struct unit){length,
                       4,
                       {(char)(0xF0 | code >> 18), (char)(0x80 | (code >> 12 & 63)),
                        (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63))}};
}

/* \uXXXX, or two of them for one character. */
static struct unit read_code(const char *text, size_t length, size_t at) {
  long code = read_hex(text, length, at + 2, 4);
  if (code < 0) return one_byte(1, text[at]);
  if (code >= 0xD800 && code < 0xDC00 && at + 7 < length && text[at + 6] == '\\' &&
      text[at + 7] == 'u') {
    long low = read_hex(text, length, at + 8, 4);
    if (low >= 0xDC00 && low < 0xE000)
      return utf8(12, 0x10000ul + ((unsigned long)(code - 0xD800) << 10) +
                          (unsigned long)(low - 0xDC00));
  }
  return utf8(6, (unsigned long)code);
}

static struct unit json_unit(const char *text, size_t length, size_t at) {
  static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  if (text[at] != '\\' || at + 1 == length) return one_byte(1, text[at]);
  if (text[at + 1] == 'u') return read_code(text, length, at);
  const char *letter = memchr(letters, text[at + 1], sizeof letters - 1);
  return letter ? one_byte(2, meanings[letter - letters]) : one_byte(1, text[at]);
}

static struct unit percent_unit(const char *text, size_t length, size_t at) {
  long byte = text[at] == '%' ? read_hex(text, length, at + 1, 2) : -1;
  return byte < 0 ? one_byte(1, text[at]) : one_byte(3, (char)byte);
}

/* A form writes a space as a plus. */
static struct unit form_unit(const char *text, size_t length, size_t at) {
  return text[at] == '+' ? one_byte(1, ' ') : percent_unit(text, length, at);
}

/* The ways in which a text may be encoded. Only what stands at one of the signs is more than
 * itself. */
static const struct encoding {
  char signs[2];
  struct unit (*unit)(const char *text, size_t length, size_t at);
} encodings[] = {{{'\\', '\\'}, json_unit}, {{'%', '%'}, percent_unit}, {{'%', '+'}, form_unit}};

enum { JSON_STRING, PERCENT, FORM, ENCODINGS };

static int decode(const struct encoding *encoding, const char *text, size_t length,
                  struct buf *out) {
  char sign = encoding->signs[0], other = encoding->signs[1];
  int status = BUF_OK;
  for (size_t at = 0; status == BUF_OK && at < length;) {
    size_t from = at;
    if (sign == other) {
      const char *found = memchr(text + at, sign, length - at);
      at = found ? (size_t)(found - text) : length;
    } else {
      while (at < length && text[at] != sign && text[at] != other) at++;
    }
    status = buf_append(out, text + from, at - from);
    if (at == length || status != BUF_OK) break;
    struct unit unit = encoding->unit(text, length, at);
    status = buf_append(out, unit.decoded, unit.decoded_length);
    at += unit.length;
  }
  return status;
}

static bool has_percent_code(const char *text, size_t length) {
  const char *at = text, *end = text + length;
  while ((at = memchr(at, '%', (size_t)(end - at)))) {
    if (read_hex(text, length, (size_t)(at - text) + 1, 2) >= 0) return true;
    at++;
  }
  return false;
}

/* Whether a text may be encoded like that. A form has no spaces. */
static bool may_be(int encoding, const char *text, size_t length) {
  switch (encoding) {
  case JSON_STRING: return memchr(text, '\\', length);
  case PERCENT: return has_percent_code(text, length);
  default: return memchr(text, '+', length) && !memchr(text, ' ', length);
  }
}

int redactor_unescape(const char *text, size_t length, struct buf *out) {
  return decode(&encodings[JSON_STRING], text, length, out);
}

/* Turns the spans from `first` on, which are tidy places in the decoded text, into places in the
 * text itself. */
static void map_back(struct redactor *r, size_t first, const struct encoding *encoding,
                     const char *text, size_t length) {
  size_t at = 0, decoded = 0;
  for (size_t i = first; i < r->count; i++) {
    struct redaction_span wanted = r->spans[i];
    for (bool begun = false; at < length;) {
      struct unit unit = encoding->unit(text, length, at);
      if (!begun && decoded + unit.decoded_length > wanted.from) {
        r->spans[i].from = at;
        begun = true;
      }
      if (begun && decoded + unit.decoded_length >= wanted.to) {
        r->spans[i].to = at + unit.length;
        break;
      }
      at += unit.length;
      decoded += unit.decoded_length;
    }
  }
}

static int find(struct redactor *r, const char *text, size_t length, unsigned parts, int depth);

static int find_in_view(struct redactor *r, const char *text, size_t length, unsigned parts,
                        int depth, const struct encoding *encoding) {
  size_t first = r->count;
  struct buf *view = &r->views[depth];
  view->length = 0;
  int status = decode(encoding, text, length, view);
  if (status == BUF_OK && view->length > 0)
    status = find(r, view->data, view->length, parts, depth + 1);
  tidy_spans(r, first);
  map_back(r, first, encoding, text, length);
  if (view->capacity > KEPT_VIEW) buf_wipe(view);
  return status;
}

static int find(struct redactor *r, const char *text, size_t length, unsigned parts, int depth) {
  int status = read_once(r, text, length, parts);
  for (int i = 0; status == BUF_OK && depth < REDACTION_VIEWS && i < ENCODINGS; i++)
    if (may_be(i, text, length))
      status = find_in_view(r, text, length, parts, depth, &encodings[i]);
  return status;
}

/* }====== */

/* {====== addresses ====== */

static bool is_address(const char *text, size_t length) {
  return length > 8 && (memcmp(text, "http://", 7) == 0 || memcmp(text, "https://", 8) == 0);
}

/* Where the query of an address is; false when there is none. */
static bool find_mark(const char *text, size_t length, size_t *query) {
  const char *mark = memchr(text, '?', length);
  if (!mark) return false;
  for (const char *at = text; at < mark; at++)
    if (*at == ' ' || (*at >= '\t' && *at <= '\r')) return false;
  *query = (size_t)(mark - text) + 1;
  return true;
}

static bool has_secret_parameter(const char *query, size_t length) {
  for (const char *at = query, *end = query + length; at < end;) {
    const char *next = memchr(at, '&', (size_t)(end - at));
    if (!next) next = end;
    const char *equals = memchr(at, '=', (size_t)(next - at));
    if (equals && secret_name(at, (size_t)(equals - at))) return true;
    at = next + 1;
  }
  return false;
}

static int find_query(struct redactor *r, const char *text, size_t length, unsigned parts) {
  size_t query;
  bool looked_at = parts & REDACT_ADDRESS || (parts & REDACT_FIELDS && is_address(text, length));
  if (!looked_at) return BUF_OK;
  if (!find_mark(text, length, &query)) return BUF_OK;
  if (!(parts & REDACT_QUERY) && !has_secret_parameter(text + query, length - query)) return BUF_OK;
  return add_span(r, query, length);
}

/* }====== */

int redactor_find(struct redactor *r, const char *text, size_t length, unsigned parts) {
  r->count = 0;
  if (length == 0) return BUF_OK;
  int status = find_query(r, text, length, parts);
  if (status == BUF_OK) status = find(r, text, length, parts, 0);
  tidy_spans(r, 0);
  return status;
}

int redactor_find_in_string(struct redactor *r, const char *text, size_t length, unsigned parts) {
  if (length == 0 || !memchr(text, '\\', length)) return redactor_find(r, text, length, parts);
  r->count = 0;
  struct buf *view = &r->views[0];
  view->length = 0;
  int status = redactor_unescape(text, length, view);
  if (status == BUF_OK) status = find_query(r, view->data, view->length, parts);
  if (status == BUF_OK) status = find(r, view->data, view->length, parts, 1);
  tidy_spans(r, 0);
  map_back(r, 0, &encodings[JSON_STRING], text, length);
  tidy_spans(r, 0); /* two may end and begin within one escape */
  if (view->capacity > KEPT_VIEW) buf_wipe(view);
  return status;
}

int redactor_text(struct redactor *r, const char *text, size_t length, unsigned parts,
                  struct buf *out) {
  int status = redactor_find(r, text, length, parts);
  return status == BUF_OK ? redactor_splice(r, text, length, out) : status;
}
