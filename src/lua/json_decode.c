/* JSON text to Lua values: a recursive descent over RFC 8259 with strict UTF-8, but for answers,
 * whose bytes are kept whatever they are. Every function
 * starts at `at`, and either moves it past what it read and pushes the value, or pushes a message
 * and returns false, whereupon all return. What was pushed below the message is dropped at the end.
 * Members and elements gather on the Lua stack, so that most tables are made with the right size.
 */
#include "lua/json.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lua/json_parts.h"

/* {====== bytes of strings: plain ASCII a block at a time, and strict UTF-8 ====== */

/* The compiler turns this into a few vector instructions where the machine has them. */
enum { BLOCK_SIZE = 16 };
typedef signed char block_bytes __attribute__((vector_size(BLOCK_SIZE)));
typedef uint64_t block_words __attribute__((vector_size(BLOCK_SIZE)));

/* The place in memory of the first byte that is not 0. */
static size_t first_set_byte(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (size_t)__builtin_ctzll(word) / 8;
#else
  return (size_t)__builtin_clzll(word) / 8;
#endif
}

/* How many bytes at the start of a block are ASCII, printable or DEL, and neither quote nor
 * backslash. Bytes from 0x80 are negative here. */
static size_t count_plain(const char *at) {
  block_bytes bytes;
  memcpy(&bytes, at, sizeof bytes);
  block_words refused = (block_words)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
  if (refused[0]) return first_set_byte(refused[0]);
  return refused[1] ? sizeof(uint64_t) + first_set_byte(refused[1]) : BLOCK_SIZE;
}

static bool is_plain_byte(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static bool is_continuation(const char *at) {
  return ((unsigned char)*at & 0xC0) == 0x80;
}

size_t json_character_length(const char *at, const char *end) {
  unsigned char first = (unsigned char)*at;
  if (first < 0x80) return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || (size_t)(end - at) < length) return 0;
  for (size_t i = 1; i < length; i++)
    if (!is_continuation(at + i)) return 0;
  unsigned char second = (unsigned char)at[1];
  if (first == 0xE0 && second < 0xA0) return 0;  /* overlong */
  if (first == 0xED && second >= 0xA0) return 0; /* a surrogate */
  if (first == 0xF0 && second < 0x90) return 0;  /* overlong */
  if (first == 0xF4 && second >= 0x90) return 0; /* beyond U+10FFFF */
  return length;
}

/* True when each of the eight bytes is plain, as count_plain() has it. A difference borrows from
 * the next byte only where a byte is not plain itself. */
static bool is_plain_word(uint64_t word) {
  const uint64_t each = UINT64_MAX / 0xFF;
  uint64_t below_space = word - each * 0x20;
  uint64_t quote = (word ^ each * '"') - each, backslash = (word ^ each * '\\') - each;
  return ((word | below_space | quote | backslash) & each * 0x80) == 0;
}

/* True when `length` bytes, fewer than a block, are all plain: read as two that overlap. */
static bool is_plain_rest(const char *at, size_t length) {
  uint64_t first = 0, last = 0;
  if (length >= 8) {
    memcpy(&first, at, 8);
    memcpy(&last, at + length - 8, 8);
    return is_plain_word(first) && is_plain_word(last);
  }
  if (length < 4) return false;
  memcpy(&first, at, 4);
  memcpy(&last, at + length - 4, 4);
  return is_plain_word(first | last << 32);
}

/* The end of a text, shorter than a block. Not inlined: its constants would slow down long texts.
 */
__attribute__((noinline)) static const char *skip_plain_rest(const char *at, const char *end) {
  if (is_plain_rest(at, (size_t)(end - at))) return end;
  while (at < end && is_plain_byte((unsigned char)*at)) at++;
  return at;
}

static const char *skip_plain_ascii(const char *at, const char *end) {
  while (end - at >= BLOCK_SIZE) {
    size_t count = count_plain(at);
    at += count;
    if (count < BLOCK_SIZE) return at;
  }
  return skip_plain_rest(at, end);
}

const char *json_plain_end(const char *at, const char *end) {
  for (;;) {
    at = skip_plain_ascii(at, end);
    if (at == end || (unsigned char)*at < 0x80) return at;
    size_t length = json_character_length(at, end);
    if (length == 0) return at;
    at += length;
  }
}

static bool is_control(const char *at, size_t length) {
  unsigned char first = (unsigned char)at[0];
  return first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && (at[1] & 0x60) == 0);
}

const char *json_describe_character(const char *at, const char *end,
                                    char text[JSON_CHARACTER_MAX]) {
  if (at >= end) return "the end of the text";
  size_t length = json_character_length(at, end);
  if (length == 0 || is_control(at, length))
    snprintf(text, JSON_CHARACTER_MAX, "byte 0x%02X", (unsigned char)*at);
  else
    snprintf(text, JSON_CHARACTER_MAX, "'%.*s'", (int)length, at);
  return text;
}

/* }====== */

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
    else if (!is_continuation(at))
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

static void append_to_scratch(struct decoder *d, const char *bytes, size_t length) {
  if (!d->scratch) {
    d->scratch = json_new_buffer(d->L, JSON_MAX_TEXT);
    lua_replace(d->L, d->scratch_slot);
  }
  if (buf_append(d->scratch, bytes, length) != BUF_OK) luaL_error(d->L, "not enough memory");
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four hexadecimal digits at `at`, or -1. */
static int read_hex(const struct decoder *d, const char *at) {
  int value = 0;
  if (d->end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

static void append_character(struct decoder *d, unsigned long code) {
  char utf8[4];
  size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; code >>= 6) utf8[i] = (char)(0x80 | (code & 0x3F));
  static const unsigned char first_byte[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  utf8[0] = (char)(first_byte[length] | code);
  append_to_scratch(d, utf8, length);
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
static bool read_unicode_escape(struct decoder *d) {
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
static bool read_escape(struct decoder *d) {
  static const char meanings[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
  char meaning = d->at < d->end ? meanings[(unsigned char)*d->at] : '\0';
  if (meaning) {
    append_to_scratch(d, &meaning, 1);
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

/* The run from `at` to `plain_end` stands for itself; an escape or a problem follows. */
static bool push_escaped_string(struct decoder *d, const char *plain_end) {
  if (d->scratch) d->scratch->length = 0;
  for (;;) {
    append_to_scratch(d, d->at, (size_t)(plain_end - d->at));
    d->at = plain_end;
    if (d->at >= d->end) return fail_in_string(d, d->at);
    if (*d->at == '"') break;
    bool kept = d->keeps_bytes && (unsigned char)*d->at >= 0x80;
    if (*d->at != '\\' && !kept) return fail_in_string(d, d->at);
    if (kept) append_to_scratch(d, d->at, 1);
    d->at++;
    if (!kept && !read_escape(d)) return false;
    plain_end = json_plain_end(d->at, d->end);
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
