/* JSON: one reading of the document, which is copied as it is but for what is hidden. */
#include <stdint.h>

#include "api/redaction.h"

enum { DEPTH_MAX = 512 };

enum flag {
  IS_HIDDEN = 1,  /* the value, and all below it, is a secret by the name of a field */
  IS_ADDRESS = 2, /* it is an address that is a credential */
  IS_LABEL = 4,   /* it is the name of what stands beside it, or a list with that name */
  IS_VALUE = 8    /* it is what stands beside such a name */
};

struct walker {
  struct redactor *r;
  const char *at, *end;
  const struct redaction_layout *layout;
  struct buf *out;
  unsigned depth;
};

/* An object whose members are being read. */
struct object {
  bool has_secret_label;
  size_t from, to; /* where its value is in the output, or 0 */
};

static int walk_value(struct walker *w, unsigned flags, struct object *object);

static int put(struct walker *w, const char *bytes, size_t length) {
  return buf_append(w->out, bytes, length);
}

static int put_mark(struct walker *w) {
  return buf_append_text(w->out, "\"" REDACTION_MARK "\"");
}

/* {====== layout ====== */

static int put_line(struct walker *w, unsigned depth) {
  if (w->layout->indent == 0) return BUF_OK;
  size_t spaces = (size_t)w->layout->indent * (depth + w->layout->depth);
  int status = buf_reserve(w->out, spaces + 1);
  if (status != BUF_OK) return status;
  w->out->data[w->out->length] = '\n';
  memset(w->out->data + w->out->length + 1, ' ', spaces);
  w->out->length += spaces + 1;
  return BUF_OK;
}

/* Passes spaces, which are kept unless the layout is another. */
static int pass_space(struct walker *w) {
  const char *from = w->at;
  while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r'))
    w->at++;
  return w->layout->indent ? BUF_OK : put(w, from, (size_t)(w->at - from));
}

static bool at_char(const struct walker *w, char c) {
  return w->at < w->end && *w->at == c;
}

static int pass_char(struct walker *w, char c) {
  if (!at_char(w, c)) return REDACTION_NO_JSON;
  w->at++;
  return buf_append_char(w->out, c);
}

/* }====== */

/* {====== scalars ====== */

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Advances over an escape. */
static bool pass_escape(struct walker *w) {
  if (w->end - w->at < 2) return false;
  char letter = w->at[1];
  w->at += 2;
  if (letter != 'u') return letter && strchr("\"\\/bfnrt", letter);
  for (int i = 0; i < 4; i++, w->at++)
    if (w->at == w->end || !is_hex(*w->at)) return false;
  return true;
}

/* Whether none of eight bytes is a quote, a backslash or a control character. A difference borrows
 * from the next byte only where a byte is one itself. */
static bool is_plain_word(const char *at) {
  const uint64_t each = UINT64_MAX / 0xFF;
  uint64_t word, quotes, backslashes;
  memcpy(&word, at, sizeof word);
  quotes = word ^ each * '"';
  backslashes = word ^ each * '\\';
  uint64_t found = ((word - each * 0x20) & ~word) | ((quotes - each) & ~quotes) |
                   ((backslashes - each) & ~backslashes);
  return (found & each * 0x80) == 0;
}

/* Advances over a string; `*text` and `*length` are what is between its quotes. */
static bool pass_string(struct walker *w, const char **text, size_t *length) {
  *text = ++w->at;
  for (;;) {
    while (w->end - w->at >= 8 && is_plain_word(w->at)) w->at += 8;
    while (w->at < w->end && *w->at != '"' && *w->at != '\\' && (unsigned char)*w->at >= 0x20)
      w->at++;
    if (at_char(w, '"')) break;
    if (!at_char(w, '\\') || !pass_escape(w)) return false;
  }
  *length = (size_t)(w->at++ - *text);
  return true;
}

static int put_string(struct walker *w, const char *text, size_t length, unsigned parts) {
  if (!(parts & REDACT_QUERY) && redactor_sees_nothing(w->r, text, length))
    return put(w, text - 1, length + 2);
  int status = redactor_find_in_string(w->r, text, length, parts);
  if (status == BUF_OK) status = buf_append_char(w->out, '"');
  if (status == BUF_OK) status = redactor_splice(w->r, text, length, w->out);
  return status == BUF_OK ? buf_append_char(w->out, '"') : status;
}

/* The text of a string in r->name, or where it stands if it has no escapes. */
static int plain_text(struct walker *w, const char **text, size_t *length) {
  if (!memchr(*text, '\\', *length)) return BUF_OK;
  struct buf *name = &w->r->name;
  name->length = 0;
  int status = redactor_unescape(*text, *length, name);
  *text = name->data;
  *length = name->length;
  return status;
}

static int walk_string(struct walker *w, unsigned flags, struct object *object) {
  const char *text, *label;
  size_t length, label_length;
  if (!pass_string(w, &text, &length)) return REDACTION_NO_JSON;
  if (flags & IS_LABEL) {
    label = text, label_length = length;
    int status = plain_text(w, &label, &label_length);
    if (status != BUF_OK) return status;
    if (label_length && secret_name(label, label_length)) object->has_secret_label = true;
  }
  if (flags & IS_HIDDEN && length > 0) return put_mark(w);
  unsigned parts = REDACT_KNOWN | REDACT_SHAPES | REDACT_FIELDS;
  return put_string(w, text, length, flags & IS_ADDRESS ? parts | REDACT_QUERY : parts);
}

static size_t count_digits(struct walker *w) {
  const char *from = w->at;
  while (w->at < w->end && *w->at >= '0' && *w->at <= '9') w->at++;
  return (size_t)(w->at - from);
}

static bool pass_number(struct walker *w) {
  if (at_char(w, '-')) w->at++;
  bool zero = at_char(w, '0');
  size_t digits = count_digits(w);
  if (digits == 0 || (zero && digits > 1)) return false;
  if (at_char(w, '.')) {
    w->at++;
    if (count_digits(w) == 0) return false;
  }
  if (at_char(w, 'e') || at_char(w, 'E')) {
    w->at++;
    if (at_char(w, '+') || at_char(w, '-')) w->at++;
    if (count_digits(w) == 0) return false;
  }
  return true;
}

static int walk_number(struct walker *w, unsigned flags) {
  const char *from = w->at;
  if (!pass_number(w)) return REDACTION_NO_JSON;
  size_t length = (size_t)(w->at - from);
  if (flags & IS_HIDDEN) return put_mark(w);
  bool known = length >= NEEDLE_SHORTEST && w->r->known.count > 0 &&
               needles_match(&w->r->known, from, from + length) == length;
  return known ? put_mark(w) : put(w, from, length);
}

static int walk_word(struct walker *w, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(w->end - w->at) < length || memcmp(w->at, word, length) != 0)
    return REDACTION_NO_JSON;
  w->at += length;
  return put(w, word, length);
}

/* }====== */

/* {====== arrays and objects ====== */

static bool ends_with(const char *text, size_t length, const char *end) {
  size_t wanted = strlen(end);
  return length >= wanted && memcmp(text + length - wanted, end, wanted) == 0;
}

static bool is_one_of(const char *text, size_t length, const char *const *names) {
  for (; *names; names++)
    if (strlen(*names) == length && strncasecmp(*names, text, length) == 0) return true;
  return false;
}

/* What the name of a field says about its value. */
static unsigned name_flags(const char *name, size_t length) {
  static const char *const labels[] = {"name", "key", "header", "loc", NULL};
  static const char *const values[] = {"value", "input", NULL};
  if (length == 0) return 0;
  if (secret_name(name, length)) return IS_HIDDEN;
  if (ends_with(name, length, "nload_url") || ends_with(name, length, "pload_url") ||
      memmem(name, length, "presigned", 9))
    return IS_ADDRESS;
  if (is_one_of(name, length, labels)) return IS_LABEL;
  return is_one_of(name, length, values) ? IS_VALUE : 0;
}

/* Adds the name of a field to the path, if that is of use. */
static int enter_field(struct walker *w, const char *name, size_t length, unsigned *flags) {
  struct buf *path = &w->r->path;
  if (w->r->fields.length == 0) return BUF_OK;
  int status = buf_append_char(path, '\n');
  if (status == BUF_OK) status = buf_append(path, name, length);
  if (status == BUF_OK && redactor_knows_field(w->r)) *flags = IS_HIDDEN;
  return status;
}

/* The name of a member with its colon. */
static int walk_name(struct walker *w, unsigned *flags) {
  const char *text, *name;
  size_t length, name_length;
  if (!at_char(w, '"') || !pass_string(w, &text, &length)) return REDACTION_NO_JSON;
  name = text, name_length = length;
  int status = plain_text(w, &name, &name_length);
  if (status == BUF_OK) *flags = name_flags(name, name_length);
  if (status == BUF_OK) status = enter_field(w, name, name_length, flags);
  if (status == BUF_OK) status = put_string(w, text, length, REDACT_KNOWN | REDACT_SHAPES);
  if (status == BUF_OK) status = pass_space(w);
  if (status == BUF_OK) status = pass_char(w, ':');
  if (status == BUF_OK && w->layout->indent) status = buf_append_char(w->out, ' ');
  return status == BUF_OK ? pass_space(w) : status;
}

static int walk_member(struct walker *w, unsigned hidden, struct object *object) {
  unsigned flags;
  size_t outside = w->r->path.length;
  int status = walk_name(w, &flags);
  if (status != BUF_OK) return status;
  if (flags & IS_VALUE) object->from = w->out->length;
  status = walk_value(w, flags | hidden, object);
  if (flags & IS_VALUE) object->to = w->out->length;
  w->r->path.length = outside;
  return status;
}

static int walk_element(struct walker *w, unsigned flags, struct object *object) {
  return walk_value(w, flags, object);
}

/* Hides the value of an object, wherever its label stands. */
static int hide_value(struct walker *w, const struct object *object) {
  struct buf *out = w->out;
  if (!object->has_secret_label || object->from == object->to) return BUF_OK;
  const char *value = out->data + object->from;
  if (strchr("tfn", *value) || memcmp(value, "\"\"", 2) == 0) return BUF_OK;
  static const char mark[] = "\"" REDACTION_MARK "\"";
  size_t length = object->to - object->from, wanted = sizeof mark - 1;
  int status = length < wanted ? buf_reserve(out, wanted - length) : BUF_OK;
  if (status != BUF_OK) return status;
  memmove(out->data + object->from + wanted, out->data + object->to, out->length - object->to);
  memcpy(out->data + object->from, mark, wanted);
  out->length = out->length - length + wanted;
  return BUF_OK;
}

static int walk_parts(struct walker *w, char close, unsigned flags, struct object *object,
                      int (*walk_part)(struct walker *, unsigned, struct object *)) {
  if (++w->depth > DEPTH_MAX) return REDACTION_NO_JSON;
  int status = buf_append_char(w->out, *w->at++);
  if (status == BUF_OK) status = pass_space(w);
  for (bool more = !at_char(w, close); status == BUF_OK && more;) {
    status = put_line(w, w->depth);
    if (status == BUF_OK) status = pass_space(w);
    if (status == BUF_OK) status = walk_part(w, flags, object);
    if (status == BUF_OK) status = pass_space(w);
    more = !at_char(w, close);
    if (status == BUF_OK) status = more ? pass_char(w, ',') : put_line(w, w->depth - 1);
  }
  w->depth--;
  return status == BUF_OK ? pass_char(w, close) : status;
}

static int walk_object(struct walker *w, unsigned flags) {
  struct object object = {0};
  int status = walk_parts(w, '}', flags & IS_HIDDEN, &object, walk_member);
  return status == BUF_OK ? hide_value(w, &object) : status;
}

/* `object` is what the value is a member of. */
static int walk_value(struct walker *w, unsigned flags, struct object *object) {
  if (w->at == w->end) return REDACTION_NO_JSON;
  switch (*w->at) {
  case '{': return walk_object(w, flags);
  case '[': return walk_parts(w, ']', flags & (IS_HIDDEN | IS_LABEL), object, walk_element);
  case '"': return walk_string(w, flags, object);
  case 't': return walk_word(w, "true");
  case 'f': return walk_word(w, "false");
  case 'n': return walk_word(w, "null");
  default: return walk_number(w, flags);
  }
}

/* }====== */

int redactor_json(struct redactor *r, const char *text, size_t length,
                  const struct redaction_layout *layout, struct buf *out) {
  struct walker w = {.r = r, .at = text, .end = text + length, .layout = layout, .out = out};
  int status = buf_reserve(out, length + length / 8);
  r->path.length = 0;
  if (status == BUF_OK) status = pass_space(&w);
  if (status == BUF_OK) status = walk_value(&w, 0, NULL);
  if (status == BUF_OK) status = pass_space(&w);
  return status == BUF_OK && w.at != w.end ? REDACTION_NO_JSON : status;
}
