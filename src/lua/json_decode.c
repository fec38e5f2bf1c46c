/* JSON text to Lua values: a recursive descent over RFC 8259 with strict UTF-8, but for answers,
 * whose bytes are kept whatever they are. Every function starts at `at`, and either moves it past
 * what it read and pushes the value, or pushes a message and returns false, whereupon all return.
 * What was pushed below the message is dropped at the end. Members and elements gather on the Lua
 * stack, so that most tables are made with the right size. */
#include "lua/json.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lua/json_parts.h"

enum {
  KNOWN_KEYS = 32,                   /* kept to be pushed again */
  GATHER_MAX = 32,                   /* elements, or members, on the stack before they are stored */
  STACK_NEEDED = 2 * GATHER_MAX + 16 /* slots for one level, messages included */
};

/* A key's bytes are those of the Lua string in its slot of the stack. */
struct known_key {
  const char *bytes; /* NULL: none yet */
  size_t length;
};

struct decoder {
  lua_State *L;
  const char *start, *at, *end;
  int depth;
  bool keeps_bytes;     /* those of strings that are not valid UTF-8, instead of refusing them */
  int array_metatable;  /* stack index */
  int scratch_slot;     /* stack index of the userdata that owns `scratch`, or of nil */
  struct buf *scratch;  /* text of a string with escapes; NULL until the first one */
  int first_known_slot; /* stack index: one slot for each of the known keys */
  struct known_key known_keys[KNOWN_KEYS];
};

static bool read_value(struct decoder *d);

/* ---- messages ---- */

static bool fail_at(struct decoder *d, const char *where, const char *problem) {
  int line = 1, column = 1;
  for (const char *at = d->start; at < where; at++) {
    if (*at == '\n')
      line++, column = 1;
    else if (((unsigned char)*at & 0xC0) != 0x80)
      column++;
  }
  lua_pushfstring(d->L, "line %d, column %d (byte %I): %s", line, column,
                  (LUAI_UACINT)(where - d->start + 1), problem);
  return false;
}

static bool fail_expected(struct decoder *d, const char *where, const char *expected) {
  char got[JSON_CHARACTER_MAX];
  return fail_at(d, where,
                 lua_pushfstring(d->L, "expected %s, got %s", expected,
                                 json_describe_character(where, d->end, got)));
}

/* ---- strings ---- */

__attribute__((noinline)) static void grow_scratch(struct decoder *d, size_t length) {
  if (!d->scratch) {
    d->scratch = json_new_buffer(d->L, JSON_MAX_TEXT);
    lua_replace(d->L, d->scratch_slot);
  }
  if (buf_reserve(d->scratch, length) != BUF_OK) luaL_error(d->L, "not enough memory");
}

/* Where to write `length` bytes or fewer, and at least one, of a string with escapes. */
static inline char *scratch_room(struct decoder *d, size_t length) {
  struct buf *scratch = d->scratch;
  if (!scratch || scratch->capacity - scratch->length < length) grow_scratch(d, length);
  return d->scratch->data + d->scratch->length;
}

static void append_to_scratch(struct decoder *d, const char *bytes, size_t length) {
  if (length == 0) return;
  memcpy(scratch_room(d, length), bytes, length);
  d->scratch->length += length;
}

/* The value of a hexadecimal digit, or -1. */
static inline int hex_digit(char c) {
  static const signed char plus_one[256] = {
      ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
      ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
      ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
      ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};
  return plus_one[(unsigned char)c] - 1;
}

/* The four hexadecimal digits at `at`, or -1. */
static inline int read_hex(const struct decoder *d, const char *at) {
  if (d->end - at < 4) return -1;
  int first = hex_digit(at[0]), second = hex_digit(at[1]), third = hex_digit(at[2]),
      fourth = hex_digit(at[3]);
  if ((first | second | third | fourth) < 0) return -1;
  return first << 12 | second << 8 | third << 4 | fourth;
}

static inline void append_character(struct decoder *d, unsigned long code) {
  char *utf8 = scratch_room(d, 4), *at = utf8;
  if (code < 0x80) {
    *at++ = (char)code;
  } else {
    if (code < 0x800) {
      *at++ = (char)(0xC0 | code >> 6);
    } else {
      if (code < 0x10000) {
        *at++ = (char)(0xE0 | code >> 12);
      } else {
        *at++ = (char)(0xF0 | code >> 18);
        *at++ = (char)(0x80 | (code >> 12 & 0x3F));
      }
      *at++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *at++ = (char)(0x80 | (code & 0x3F));
  }
  d->scratch->length += (size_t)(at - utf8);
}

static bool is_high_surrogate(int unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* `at` is at the 'u'. Two surrogates are one character; one alone, which the grammar allows,
 * becomes the three bytes that it would have in UTF-8, and the encoder writes it as an escape
 * again. */
static inline bool read_unicode_escape(struct decoder *d) {
  int unit = read_hex(d, d->at + 1);
  if (unit < 0) return fail_at(d, d->at - 1, "expected four hexadecimal digits after '\\u'");
  d->at += 5;
  unsigned long code = (unsigned long)unit;
  if (is_high_surrogate(unit) && d->end - d->at >= 2 && d->at[0] == '\\' && d->at[1] == 'u') {
    int low = read_hex(d, d->at + 2);
    if (is_low_surrogate(low)) {
      d->at += 6;
      code = 0x10000 + ((code - 0xD800) << 10) + ((unsigned long)low - 0xDC00);
    }
  }
  append_character(d, code);
  return true;
}

/* `at` is past the backslash. */
static inline bool read_escape(struct decoder *d) {
  static const char meanings[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
  char meaning = d->at < d->end ? meanings[(unsigned char)*d->at] : '\0';
  if (meaning) {
    *scratch_room(d, 1) = meaning;
    d->scratch->length++;
    d->at++;
    return true;
  }
  if (d->at < d->end && *d->at == 'u') return read_unicode_escape(d);
  return fail_expected(d, d->at, "one of \" \\ / b f n r t u after a backslash");
}

/* Reports why a string cannot continue at `where`. */
static bool fail_in_string(struct decoder *d, const char *where) {
  if (where >= d->end) return fail_expected(d, where, "'\"' at the end of a string");
  char got[JSON_CHARACTER_MAX];
  bool control = (unsigned char)*where < 0x20;
  const char *problem = control ? "a control character in a string must be escaped, got %s"
                                : "a string must be valid UTF-8, got %s";
  return fail_at(d, where,
                 lua_pushfstring(d->L, problem, json_describe_character(where, d->end, got)));
}

/* Goes past a byte that does not stand for itself: the first of an escape, or one that is kept
 * although it is not valid UTF-8. */
static bool read_special(struct decoder *d) {
  if (d->at >= d->end) return fail_in_string(d, d->at);
  if (*d->at == '\\') {
    d->at++;
    return read_escape(d);
  }
  if (!d->keeps_bytes || (unsigned char)*d->at < 0x80) return fail_in_string(d, d->at);
  append_to_scratch(d, d->at++, 1);
  return true;
}

/* The run from `at` to `plain_end` stands for itself; an escape or a problem follows. */
static bool push_escaped_string(struct decoder *d, const char *plain_end) {
  if (d->scratch) d->scratch->length = 0;
  for (;;) {
    append_to_scratch(d, d->at, (size_t)(plain_end - d->at));
    d->at = plain_end;
    while (d->at < d->end && *d->at == '\\')
      if (!read_special(d)) return false;
    if (d->at < d->end && *d->at == '"') break;
    plain_end = json_plain_end(d->at, d->end);
    if (plain_end > d->at) continue;
    if (!read_special(d)) return false;
    plain_end = d->at;
  }
  d->at++;
  lua_pushlstring(d->L, d->scratch->data, d->scratch->length);
  return true;
}

/* `at` is past the opening quote. */
static bool push_string(struct decoder *d) {
  const char *plain_end = json_plain_end(d->at, d->end);
  if (plain_end >= d->end || *plain_end != '"') return push_escaped_string(d, plain_end);
  lua_pushlstring(d->L, d->at, (size_t)(plain_end - d->at));
  d->at = plain_end + 1;
  return true;
}

/* ---- keys ---- */

/* Objects of one kind have the same keys, so the latest are kept: pushing one again costs less than
 * interning the same bytes again. */
static struct known_key *known_key(struct decoder *d, const char *bytes, size_t length) {
  size_t place = length + 7 * (unsigned char)bytes[0] + 3 * (unsigned char)bytes[length / 2];
  return &d->known_keys[place % KNOWN_KEYS];
}

/* The key that ends before the quote at `end`. */
static void push_plain_key(struct decoder *d, const char *end) {
  size_t length = (size_t)(end - d->at);
  struct known_key *known = known_key(d, d->at, length);
  int slot = d->first_known_slot + (int)(known - d->known_keys);
  if (known->bytes && known->length == length && memcmp(known->bytes, d->at, length) == 0) {
    lua_pushvalue(d->L, slot);
  } else {
    *known = (struct known_key){.bytes = lua_pushlstring(d->L, d->at, length), .length = length};
    lua_copy(d->L, -1, slot);
  }
  d->at = end + 1;
}

/* `at` is past the opening quote. */
static bool push_key(struct decoder *d) {
  const char *plain_end = json_plain_end(d->at, d->end);
  if (plain_end >= d->end || *plain_end != '"') return push_escaped_string(d, plain_end);
  push_plain_key(d, plain_end);
  return true;
}

/* ---- other scalars ---- */

static bool push_number(struct decoder *d) {
  struct number n = number_read(d->at, d->end);
  if (n.kind == NUMBER_WRONG) return fail_expected(d, d->at + n.length, n.expected);
  json_push_parsed_number(d->L, d->at, &n);
  d->at += n.length;
  return true;
}

static bool fail_in_word(struct decoder *d, const char *word) {
  char expected[16];
  snprintf(expected, sizeof expected, "'%s'", word);
  while (d->at < d->end && *d->at == *word) d->at++, word++;
  return fail_expected(d, d->at, expected);
}

static inline bool read_word(struct decoder *d, const char *word, size_t length) {
  if ((size_t)(d->end - d->at) < length || memcmp(d->at, word, length) != 0)
    return fail_in_word(d, word);
  d->at += length;
  return true;
}

static bool push_boolean(struct decoder *d, bool value) {
  if (!(value ? read_word(d, "true", 4) : read_word(d, "false", 5))) return false;
  lua_pushboolean(d->L, value);
  return true;
}

static bool push_null(struct decoder *d) {
  if (!read_word(d, "null", 4)) return false;
  lua_pushlightuserdata(d->L, NULL);
  return true;
}

/* ---- containers ---- */

/* The next byte that is not white space, or 0 at the end of the text. */
static inline char skip_space(struct decoder *d) {
  for (; d->at < d->end; d->at++) {
    char c = *d->at;
    if (c > ' ' || !(c == ' ' || c == '\n' || c == '\t' || c == '\r')) return c;
  }
  return '\0';
}

/* After a value: true at a comma; else false, with *closed telling whether `close` was there or a
 * message was pushed. */
static bool read_comma(struct decoder *d, char close, bool *closed) {
  char next = skip_space(d);
  *closed = next == close;
  if (next == ',' || *closed) {
    d->at++;
    return next == ',';
  }
  return fail_expected(d, d->at,
                       close == ']' ? "',' or ']' after a value" : "',' or '}' after a value");
}

/* Stores the `count` elements on top of the stack in the table at `table`, which is made there, in
 * the place of a nil, if they are its first. */
static void store_elements(struct decoder *d, int table, lua_Integer stored, int count, bool last) {
  if (stored == 0) {
    lua_createtable(d->L, last ? count : 2 * count, 0);
    lua_replace(d->L, table);
  }
  for (int i = count; i > 0; i--) lua_rawseti(d->L, table, stored + i);
}

static bool read_elements(struct decoder *d) {
  int table = lua_gettop(d->L) + 1, gathered = 0;
  lua_Integer stored = 0;
  bool closed = skip_space(d) == ']', more = !closed;
  lua_pushnil(d->L);
  if (closed) d->at++;
  while (more) {
    if (!read_value(d)) return false;
    more = read_comma(d, ']', &closed);
    if (++gathered == GATHER_MAX && more) {
      store_elements(d, table, stored, gathered, false);
      stored += gathered;
      gathered = 0;
    }
  }
  if (!closed) return false;
  store_elements(d, table, stored, gathered, true);
  lua_pushvalue(d->L, d->array_metatable);
  lua_setmetatable(d->L, table);
  return true;
}

/* Like store_elements(), with pairs of key and value. In their order: the last of two equal keys
 * wins. */
static void store_members(struct decoder *d, int table, bool first, int count, bool last) {
  lua_State *L = d->L;
  if (first) {
    lua_createtable(L, 0, last ? count : 2 * count);
    lua_replace(L, table);
  }
  for (int pair = table + 1; pair < table + 1 + 2 * count; pair += 2) {
    lua_pushvalue(L, pair);
    lua_pushvalue(L, pair + 1);
    lua_rawset(L, table);
  }
  lua_settop(L, table);
}

static bool read_member(struct decoder *d, const char *expected) {
  if (skip_space(d) != '"') return fail_expected(d, d->at, expected);
  d->at++;
  if (!push_key(d)) return false;
  if (skip_space(d) != ':') return fail_expected(d, d->at, "':' after a key");
  d->at++;
  return read_value(d);
}

static bool read_members(struct decoder *d) {
  int table = lua_gettop(d->L) + 1, gathered = 0;
  bool first = true, closed = skip_space(d) == '}', more = !closed;
  const char *expected = "a key in double quotes or '}'";
  lua_pushnil(d->L);
  if (closed) d->at++;
  while (more) {
    if (!read_member(d, expected)) return false;
    expected = "a key in double quotes after ','";
    more = read_comma(d, '}', &closed);
    if (++gathered == GATHER_MAX && more) {
      store_members(d, table, first, gathered, false);
      first = false;
      gathered = 0;
    }
  }
  if (!closed) return false;
  store_members(d, table, first, gathered, true);
  return true;
}

static bool read_container(struct decoder *d, bool (*read_content)(struct decoder *)) {
  if (d->depth == JSON_MAX_DEPTH) {
    char problem[64];
    snprintf(problem, sizeof problem, "nested deeper than %d levels", JSON_MAX_DEPTH);
    return fail_at(d, d->at, problem);
  }
  if (!lua_checkstack(d->L, STACK_NEEDED)) return fail_at(d, d->at, "no room on the Lua stack");
  d->at++;
  d->depth++;
  bool read = read_content(d);
  d->depth--;
  return read;
}

static bool read_value(struct decoder *d) {
  switch (skip_space(d)) {
  case '{': return read_container(d, read_members);
  case '[': return read_container(d, read_elements);
  case '"': d->at++; return push_string(d);
  case 't': return push_boolean(d, true);
  case 'f': return push_boolean(d, false);
  case 'n': return push_null(d);
  case '-':
  case '0':
  case '1':
  case '2':
  case '3':
  case '4':
  case '5':
  case '6':
  case '7':
  case '8':
  case '9': return push_number(d);
  default: return fail_expected(d, d->at, "a JSON value");
  }
}

static bool read_document(struct decoder *d) {
  size_t length = (size_t)(d->end - d->start);
  if (length == 0) return fail_at(d, d->at, "the text is empty; expected a JSON value");
  if (length > JSON_MAX_TEXT) return fail_at(d, d->at, "the text is larger than 256 MiB");
  if (length >= 3 && memcmp(d->at, "\xEF\xBB\xBF", 3) == 0)
    return fail_at(d, d->at, "JSON does not allow a byte order mark; expected a JSON value");
  if (!read_value(d)) return false;
  skip_space(d);
  return d->at == d->end || fail_expected(d, d->at, "nothing after the value");
}

static bool decode(lua_State *L, const char *text, size_t length, bool keeps_bytes) {
  int top = lua_gettop(L);
  luaL_checkstack(L, KNOWN_KEYS + STACK_NEEDED, "decoding JSON");
  struct decoder d = {
      .L = L, .start = text, .at = text, .end = text + length, .keeps_bytes = keeps_bytes};
  json_push_array_metatable(L);
  d.array_metatable = top + 1;
  d.scratch_slot = top + 2;
  d.first_known_slot = top + 3;
  lua_settop(L, top + 2 + KNOWN_KEYS);
  bool read = read_document(&d);
  if (d.scratch) buf_wipe(d.scratch);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  return read;
}

bool json_decode(lua_State *L, const char *text, size_t length) {
  return decode(L, text, length, false);
}

bool json_decode_keeping_bytes(lua_State *L, const char *text, size_t length) {
  return decode(L, text, length, true);
}
