/* Lua values to JSON text. Reads tables raw and never runs a metamethod. Every function appends to
 * the output, or pushes a message that names the path of the value and returns false, whereupon all
 * return. The path is kept as a list of steps on the C stack and spelled out only for a message. */
#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/number.h"
#include "lua/json.h"
#include "lua/json_parts.h"
#include "lua/secret.h"

enum {
  FEW_KEYS = 24, /* an object with so few is sorted on the C stack, its values on the Lua stack */
  STACK_NEEDED = 2 * FEW_KEYS + 16, /* slots for one level, messages included */
  PATH_HEAD = 8,                    /* steps of a long path that a message shows from its start */
  PATH_TAIL = 3,                    /* and from its end */
  SHOWN_KEY_MAX = 60                /* bytes of a key that a message shows */
};

/* One step of the path: a key of an object, or a position in an array. */
struct step {
  const struct step *parent;
  const char *key; /* NULL for a position */
  size_t key_length;
  lua_Integer position;
  int depth; /* 1 for the members of the outermost value */
};

struct encoder {
  lua_State *L;
  struct buf *out;
  const struct json_options *options;
  const struct step *step; /* of the value being written; NULL for the outermost */
  int array_metatable;     /* stack indices */
  int tag_metatable;
};

struct key {
  const char *bytes; /* the table's own, which does not change meanwhile */
  size_t length;
  int value; /* stack index, or 0: to be looked up */
};

static bool write_value(struct encoder *e, int index);

/* ---- messages ---- */

static bool is_name(const char *text, size_t length) {
  if (length == 0 || length > SHOWN_KEY_MAX || (*text >= '0' && *text <= '9')) return false;
  for (size_t i = 0; i < length; i++) {
    char c = text[i], lower = (char)(c | 0x20);
    if (c != '_' && !(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

/* Appends a key in quotes, printable whatever it holds. */
static void append_quoted(struct buf *text, const char *bytes, size_t length) {
  const char *end = bytes + (length < SHOWN_KEY_MAX ? length : SHOWN_KEY_MAX);
  buf_append_char(text, '"');
  while (bytes < end) {
    const char *plain_end = json_plain_end(bytes, end);
    buf_append(text, bytes, (size_t)(plain_end - bytes));
    if (plain_end < end) buf_append_format(text, "\\x%02X", (unsigned char)*plain_end++);
    bytes = plain_end;
  }
  buf_append_text(text, length > SHOWN_KEY_MAX ? "…\"" : "\"");
}

static void append_step(struct buf *text, const struct step *s) {
  if (!s->key) {
    buf_append_format(text, "[%" PRId64 "]", (int64_t)s->position);
  } else if (is_name(s->key, s->key_length)) {
    if (text->length) buf_append_char(text, '.');
    buf_append(text, s->key, s->key_length);
  } else {
    buf_append_char(text, '[');
    append_quoted(text, s->key, s->key_length);
    buf_append_char(text, ']');
  }
}

static void append_path(struct buf *text, const struct step *s, int depth) {
  if (!s) return;
  append_path(text, s->parent, depth);
  bool left_out = s->depth > PATH_HEAD && s->depth <= depth - PATH_TAIL;
  if (!left_out)
    append_step(text, s);
  else if (s->depth == PATH_HEAD + 1)
    buf_append_text(text, " … ");
}

static void push_path(struct encoder *e) {
  if (!e->step) {
    lua_pushliteral(e->L, "the value");
    return;
  }
  struct buf *text = json_new_buffer(e->L, 4096);
  append_path(text, e->step, e->step->depth);
  lua_pushlstring(e->L, text->data, text->length);
  lua_remove(e->L, -2);
}

/* Pushes "cannot encode PATH: " with the reason, whose format follows lua_pushfstring(). */
static bool refuse(struct encoder *e, const char *format, ...) {
  va_list arguments;
  lua_pushliteral(e->L, "cannot encode ");
  push_path(e);
  lua_pushliteral(e->L, " as JSON: ");
  va_start(arguments, format);
  lua_pushvfstring(e->L, format, arguments);
  va_end(arguments);
  lua_concat(e->L, 4);
  return false;
}

/* Pushes the key at `index` as it would stand in a table constructor, and returns it. */
static const char *push_shown_key(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_type(L, index) == LUA_TNUMBER) {
    lua_pushvalue(L, index);
    return lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
  }
  if (lua_type(L, index) != LUA_TSTRING)
    return lua_pushfstring(L, "of type %s", luaL_typename(L, index));
  size_t length;
  const char *bytes = lua_tolstring(L, index, &length);
  struct buf *text = json_new_buffer(L, 4096);
  append_quoted(text, bytes, length);
  return lua_pushlstring(L, text->data, text->length);
}

/* ---- output ---- */

/* Makes room beyond what is there. Returns false after a message. */
static bool grow(struct encoder *e, size_t length) {
  struct buf *out = e->out;
  int status = buf_reserve(out, length);
  if (status == BUF_NO_MEMORY) refuse(e, "not enough memory");
  if (status == BUF_FULL)
    refuse(e, "the text would be larger than %I bytes", (LUAI_UACINT)out->maximum);
  return status == BUF_OK;
}

/* Where to write `length` bytes, which then count as written; NULL after a message. */
static inline char *make_room(struct encoder *e, size_t length) {
  struct buf *out = e->out;
  bool fits = out->capacity - out->length >= length && out->maximum - out->length >= length;
  if (!fits && !grow(e, length)) return NULL;
  out->length += length;
  return out->data + out->length - length;
}

static bool put(struct encoder *e, const char *bytes, size_t length) {
  char *room = make_room(e, length);
  if (!room) return false;
  memcpy(room, bytes, length);
  return true;
}

static bool put_char(struct encoder *e, char c) {
  char *room = make_room(e, 1);
  if (!room) return false;
  *room = c;
  return true;
}

static bool put_indented_line_start(struct encoder *e, int depth) {
  static const char spaces[] = "\n                ";
  size_t left = e->options->indent * (size_t)depth;
  size_t width = left < sizeof spaces - 2 ? left : sizeof spaces - 2;
  if (!put(e, spaces, 1 + width)) return false;
  for (left -= width; left > 0; left -= width) {
    if (left < width) width = left;
    if (!put(e, spaces + 1, width)) return false;
  }
  return true;
}

/* Starts a line `depth` levels deep, where the text has more than one line. */
static inline bool put_line_start(struct encoder *e, int depth) {
  return e->options->indent == 0 || put_indented_line_start(e, depth);
}

/* Starts an element or a member; a step before the first one needs no comma. */
static bool put_separator(struct encoder *e, bool first, int depth) {
  return (first || put_char(e, ',')) && put_line_start(e, depth);
}

/* ---- strings ---- */

static bool put_escape(struct encoder *e, char c) {
  static const char letters[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
  static const char digits[] = "0123456789abcdef";
  unsigned char byte = (unsigned char)c;
  char *room = make_room(e, letters[byte] ? 2 : 6);
  if (!room) return false;
  room[0] = '\\';
  room[1] = letters[byte];
  if (!letters[byte]) {
    memcpy(room + 1, "u00", 3);
    room[4] = digits[byte >> 4];
    room[5] = digits[byte & 0xF];
  }
  return true;
}

/* Half of a character that two surrogates make up, which a text that was cut ends with. */
static bool is_surrogate(const char *at, const char *end) {
  return end - at >= 3 && (unsigned char)at[0] == 0xED && (at[1] & 0xE0) == 0xA0 &&
         (at[2] & 0xC0) == 0x80;
}

static bool put_surrogate(struct encoder *e, const char *at) {
  char text[8];
  unsigned unit = 0xD000u | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
  int length = snprintf(text, sizeof text, "\\u%04x", unit);
  return put(e, text, (size_t)length);
}

/* Writes what is at *at, which does not stand for itself, and moves *at past it. `start` is where
 * the string begins, which `what` names in the message; that shows none of its bytes. */
static bool put_special(struct encoder *e, const char **at, const char *end, const char *start,
                        const char *what) {
  const char *special = (*at)++;
  if ((unsigned char)*special < 0x80) return put_escape(e, *special);
  if (is_surrogate(special, end)) {
    *at = special + 3;
    return put_surrogate(e, special);
  }
  switch (e->options->invalid_bytes) {
  case JSON_BYTES_KEEP: return put(e, special, 1);
  case JSON_BYTES_REPLACE: return put(e, "\xEF\xBF\xBD", 3);
  default:
    return refuse(e, "%s is not valid UTF-8 at byte %I", what, (LUAI_UACINT)(special - start + 1));
  }
}

/* The run up to `plain_end` stands for itself; something that does not follows. */
static bool write_escaped(struct encoder *e, const char *bytes, const char *plain_end,
                          const char *end, const char *what) {
  const char *at = bytes;
  if (!put_char(e, '"')) return false;
  for (;;) {
    if (!put(e, at, (size_t)(plain_end - at))) return false;
    if (plain_end == end) return put_char(e, '"');
    at = plain_end;
    if (!put_special(e, &at, end, bytes, what)) return false;
    plain_end = json_plain_end(at, end);
  }
}

static bool write_string(struct encoder *e, const char *bytes, size_t length, const char *what) {
  const char *end = bytes + length, *plain_end = json_plain_end(bytes, end);
  if (plain_end != end) return write_escaped(e, bytes, plain_end, end, what);
  char *room = make_room(e, length + 2);
  if (!room) return false;
  room[0] = '"';
  memcpy(room + 1, bytes, length);
  room[length + 1] = '"';
  return true;
}

static bool write_lua_string(struct encoder *e, int index) {
  size_t length;
  const char *bytes = lua_tolstring(e->L, index, &length);
  return write_string(e, bytes, length, "the string");
}

/* ---- other scalars ---- */

static bool write_number(struct encoder *e, int index) {
  char text[NUMBER_TEXT_MAX];
  size_t length;
  if (lua_isinteger(e->L, index)) {
    length = number_write_integer(lua_tointeger(e->L, index), text);
    return put(e, text, length);
  }
  lua_Number value = lua_tonumber(e->L, index);
  if (isnan(value)) return refuse(e, "not a number (nan) has no JSON form");
  if (isinf(value)) return refuse(e, "infinity has no JSON form");
  length = number_write_double(value, text);
  return put(e, text, length);
}

static bool write_boolean(struct encoder *e, int index) {
  return lua_toboolean(e->L, index) ? put(e, "true", 4) : put(e, "false", 5);
}

static bool write_light_userdata(struct encoder *e, int index) {
  if (!lua_touserdata(e->L, index)) return put(e, "null", 4);
  return refuse(e, "a light userdata has no JSON form");
}

static bool write_userdata(struct encoder *e, int index) {
  size_t length;
  const char *bytes = json_big_number(e->L, index, &length);
  if (bytes) return put(e, bytes, length);
  bytes = to_secret(e->L, index, &length);
  if (!bytes) return refuse(e, "a userdata has no JSON form");
  switch (e->options->secrets) {
  case JSON_SECRETS_REVEAL: return write_string(e, bytes, length, "the secret");
  case JSON_SECRETS_REDACT: return put(e, "\"[secret]\"", 10);
  default: return refuse(e, "a secret may not be written here");
  }
}

/* ---- arrays ---- */

static lua_Integer count_keys(lua_State *L, int index) {
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) count++;
  return count;
}

static bool refuse_hole(struct encoder *e, lua_Integer present, lua_Integer missing) {
  return refuse(e, "an array has an element %I but none %I; use anyreach.null for a null",
                (LUAI_UACINT)present, (LUAI_UACINT)missing);
}

/* Reports a key outside 1 to `length`, or else a hole. */
static bool refuse_array(struct encoder *e, int index, lua_Integer length) {
  lua_State *L = e->L;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_Integer position = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (position > length) return refuse_hole(e, position, length + 1);
    if (position < 1)
      return refuse(e, "an array has the key %s; an array has the keys 1 to n, an object strings",
                    push_shown_key(L, -2));
  }
  lua_Integer hole = 1;
  for (; lua_rawgeti(L, index, hole) != LUA_TNIL; hole++) lua_pop(L, 1);
  return refuse_hole(e, length, hole);
}

static bool write_element(struct encoder *e, int index, struct step *step) {
  if (!put_separator(e, step->position == 1, step->depth)) return false;
  lua_rawgeti(e->L, index, step->position);
  if (!write_value(e, lua_gettop(e->L))) return false;
  lua_pop(e->L, 1);
  return true;
}

static bool write_elements(struct encoder *e, int index, lua_Integer count, int depth) {
  struct step step = {.parent = e->step, .depth = depth};
  bool written = true;
  e->step = &step;
  for (step.position = 1; written && step.position <= count; step.position++)
    written = write_element(e, index, &step);
  e->step = step.parent;
  return written;
}

/* With as many keys as elements, any other key leaves a hole, which write_value() finds as nil. */
static bool write_array(struct encoder *e, int index, int depth) {
  lua_Integer length = (lua_Integer)lua_rawlen(e->L, index);
  if (count_keys(e->L, index) != length) return refuse_array(e, index, length);
  if (length == 0) return put(e, "[]", 2);
  return put_char(e, '[') && write_elements(e, index, length, depth) &&
         put_line_start(e, depth - 1) && put_char(e, ']');
}

/* ---- objects ---- */

static bool refuse_key(struct encoder *e, int index) {
  return refuse(e, "an object has the key %s; an object has string keys, an array 1 to n",
                push_shown_key(e->L, index));
}

/* Collects the keys from the first member on, which is on top of the stack. Leaves all members
 * there, or drops them and sets *count to more than FEW_KEYS when there are more. */
static bool collect_few_keys(struct encoder *e, int index, struct key *keys, size_t *count) {
  lua_State *L = e->L;
  int top = lua_gettop(L) - 2, slot = top + 1;
  for (bool more = true; more; more = lua_next(L, index), slot += 2) {
    if (*count == FEW_KEYS) {
      (*count)++;
      lua_settop(L, top);
      return true;
    }
    if (lua_type(L, slot) != LUA_TSTRING) return refuse_key(e, slot);
    struct key *key = &keys[(*count)++];
    key->bytes = lua_tolstring(L, slot, &key->length);
    key->value = slot + 1;
    lua_pushvalue(L, slot);
  }
  return true;
}

static bool collect_many_keys(struct encoder *e, int index, struct key *keys) {
  lua_State *L = e->L;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), keys++) {
    if (lua_type(L, -2) != LUA_TSTRING) return refuse_key(e, -2);
    keys->bytes = lua_tolstring(L, -2, &keys->length);
    keys->value = 0;
  }
  return true;
}

/* Most keys differ in their first byte, which is a NUL for one without bytes. */
static int compare_keys(const void *left, const void *right) {
  const struct key *a = left, *b = right;
  int difference = (unsigned char)*a->bytes - (unsigned char)*b->bytes;
  if (difference) return difference;
  int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
  return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void sort_keys(struct key *keys, size_t count) {
  if (count > FEW_KEYS) {
    qsort(keys, count, sizeof *keys, compare_keys);
    return;
  }
  for (size_t i = 1; i < count; i++) {
    struct key moving = keys[i];
    size_t place = i;
    for (; place > 0 && compare_keys(&keys[place - 1], &moving) > 0; place--)
      keys[place] = keys[place - 1];
    keys[place] = moving;
  }
}

static bool write_key(struct encoder *e, const struct key *key) {
  if (!write_string(e, key->bytes, key->length, "the key")) return false;
  return e->options->indent ? put(e, ": ", 2) : put_char(e, ':');
}

static bool write_member_value(struct encoder *e, int index, const struct key *key) {
  if (key->value) return write_value(e, key->value);
  lua_pushlstring(e->L, key->bytes, key->length);
  lua_rawget(e->L, index);
  bool written = write_value(e, lua_gettop(e->L));
  if (written) lua_pop(e->L, 1);
  return written;
}

static bool write_member(struct encoder *e, int index, const struct key *key, struct step *step,
                         bool first) {
  step->key = key->bytes;
  step->key_length = key->length;
  return put_separator(e, first, step->depth) && write_key(e, key) &&
         write_member_value(e, index, key);
}

static bool write_members(struct encoder *e, int index, const struct key *keys, size_t count,
                          int depth) {
  struct step step = {.parent = e->step, .depth = depth};
  bool written = true;
  e->step = &step;
  for (size_t i = 0; written && i < count; i++)
    written = write_member(e, index, &keys[i], &step, i == 0);
  e->step = step.parent;
  return written;
}

static bool write_sorted(struct encoder *e, int index, struct key *keys, size_t count, int depth) {
  sort_keys(keys, count);
  return put_char(e, '{') && write_members(e, index, keys, count, depth) &&
         put_line_start(e, depth - 1) && put_char(e, '}');
}

/* Pushes a table with the same members. A weak table might lose some while its keys are in use. */
static int push_copy(lua_State *L, int index) {
  lua_newtable(L);
  int copy = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, index);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, copy);
  }
  return copy;
}

static bool write_large_object(struct encoder *e, int index, int depth) {
  if (lua_getmetatable(e->L, index)) index = push_copy(e->L, index);
  size_t count = (size_t)count_keys(e->L, index);
  struct key *keys = lua_newuserdatauv(e->L, count * sizeof *keys, 0);
  return collect_many_keys(e, index, keys) && write_sorted(e, index, keys, count, depth);
}

/* The first member is on top of the stack. */
static bool write_object(struct encoder *e, int index, int depth) {
  struct key keys[FEW_KEYS];
  size_t count = 0;
  int top = lua_gettop(e->L) - 2;
  if (!collect_few_keys(e, index, keys, &count)) return false;
  bool written = count > FEW_KEYS ? write_large_object(e, index, depth)
                                  : write_sorted(e, index, keys, count, depth);
  if (written) lua_settop(e->L, top);
  return written;
}

/* ---- tables ---- */

static bool refuse_tag(struct encoder *e, int index) {
  lua_pushliteral(e->L, "tag");
  lua_rawget(e->L, index);
  const char *tag = lua_type(e->L, -1) == LUA_TSTRING ? lua_tostring(e->L, -1) : "YAML";
  return refuse(e, "the %s tag was not resolved", tag);
}

static bool write_empty(struct encoder *e, int index) {
  bool array = false;
  if (e->options->empty_arrays) {
    lua_pushvalue(e->L, index);
    lua_rawget(e->L, e->options->empty_arrays);
    array = lua_toboolean(e->L, -1);
    lua_pop(e->L, 1);
  }
  return put(e, array ? "[]" : "{}", 2);
}

/* What the metatable says the table is. */
enum mark { MARK_NONE, MARK_ARRAY, MARK_TAG };

static enum mark find_mark(struct encoder *e, int index) {
  enum mark mark = MARK_NONE;
  if (!lua_getmetatable(e->L, index)) return mark;
  if (lua_rawequal(e->L, -1, e->array_metatable))
    mark = MARK_ARRAY;
  else if (lua_rawequal(e->L, -1, e->tag_metatable))
    mark = MARK_TAG;
  lua_pop(e->L, 1);
  return mark;
}

static bool write_unmarked(struct encoder *e, int index, int depth) {
  lua_pushnil(e->L);
  if (!lua_next(e->L, index)) return write_empty(e, index);
  if (lua_type(e->L, -2) == LUA_TSTRING) return write_object(e, index, depth);
  lua_pop(e->L, 2);
  return write_array(e, index, depth);
}

static bool write_table(struct encoder *e, int index) {
  int depth = e->step ? e->step->depth + 1 : 1;
  if (depth > JSON_MAX_DEPTH)
    return refuse(e, "nested deeper than %d levels; does a table contain itself?", JSON_MAX_DEPTH);
  if (!lua_checkstack(e->L, STACK_NEEDED)) return refuse(e, "no room on the Lua stack");
  switch (find_mark(e, index)) {
  case MARK_ARRAY: return write_array(e, index, depth);
  case MARK_TAG: return refuse_tag(e, index);
  default: return write_unmarked(e, index, depth);
  }
}

static bool write_value(struct encoder *e, int index) {
  switch (lua_type(e->L, index)) {
  case LUA_TSTRING: return write_lua_string(e, index);
  case LUA_TNUMBER: return write_number(e, index);
  case LUA_TBOOLEAN: return write_boolean(e, index);
  case LUA_TTABLE: return write_table(e, index);
  case LUA_TLIGHTUSERDATA: return write_light_userdata(e, index);
  case LUA_TUSERDATA: return write_userdata(e, index);
  case LUA_TNIL: return refuse(e, "nil has no JSON form; use anyreach.null for a null");
  default: return refuse(e, "a %s has no JSON form", luaL_typename(e->L, index));
  }
}

bool json_encode(lua_State *L, int index, struct buf *out, const struct json_options *options) {
  struct json_options absolute = *options;
  int top = lua_gettop(L);
  index = lua_absindex(L, index);
  if (absolute.empty_arrays) absolute.empty_arrays = lua_absindex(L, absolute.empty_arrays);
  luaL_checkstack(L, STACK_NEEDED, "encoding JSON");
  struct encoder e = {.L = L, .out = out, .options = &absolute};
  json_push_array_metatable(L);
  luaL_getmetatable(L, "anyreach.yaml.tag");
  e.array_metatable = top + 1;
  e.tag_metatable = top + 2;
  bool written = write_value(&e, index);
  if (!written) lua_replace(L, top + 1);
  lua_settop(L, written ? top : top + 1);
  return written;
}
