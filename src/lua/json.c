/* The Lua module "anyreach.json", what marks arrays, number objects and comparison. Decoding and
 * encoding have files of their own. */
#include "lua/json.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/json_parts.h"
#include "lua/secret.h"

/* {====== buffers that Lua collects ====== */

static int buffer_gc(lua_State *L) {
  buf_wipe(lua_touserdata(L, 1));
  return 0;
}

struct buf *json_new_buffer(lua_State *L, size_t maximum) {
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  buf_init(b, maximum);
  if (luaL_newmetatable(L, "anyreach.buffer")) {
    lua_pushcfunction(L, buffer_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, buffer_gc);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return b;
}

/* }====== */

/* {====== the mark of arrays ====== */

void json_push_array_metatable(lua_State *L) {
  luaL_newmetatable(L, "anyreach.array");
}

void json_mark_array(lua_State *L, int index) {
  index = lua_absindex(L, index);
  json_push_array_metatable(L);
  lua_setmetatable(L, index);
}

bool json_is_array(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;
  json_push_array_metatable(L);
  bool array = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return array;
}

/* }====== */

/* {====== number objects: they compare by their digits and calculate as floats ====== */

#define NUMBER_TYPE "anyreach.number"

struct big_number {
  size_t length;
  char digits[]; /* followed by a NUL that does not count */
};

static int l_number_tostring(lua_State *L);
static int l_number_eq(lua_State *L);
static int l_number_compare(lua_State *L);
static int l_number_calculate(lua_State *L);

/* The metamethods that calculate with floats; the operation is their upvalue. */
static const struct {
  const char *event;
  lua_CFunction function;
  int operation;
} float_operators[] = {
    {"__add", l_number_calculate, LUA_OPADD},   {"__sub", l_number_calculate, LUA_OPSUB},
    {"__mul", l_number_calculate, LUA_OPMUL},   {"__div", l_number_calculate, LUA_OPDIV},
    {"__mod", l_number_calculate, LUA_OPMOD},   {"__pow", l_number_calculate, LUA_OPPOW},
    {"__idiv", l_number_calculate, LUA_OPIDIV}, {"__unm", l_number_calculate, LUA_OPUNM},
    {"__lt", l_number_compare, LUA_OPLT},       {"__le", l_number_compare, LUA_OPLE},
};

static void push_metatable(lua_State *L) {
  static const luaL_Reg metamethods[] = {
      {"__tostring", l_number_tostring}, {"__eq", l_number_eq}, {NULL, NULL}};
  if (!luaL_newmetatable(L, NUMBER_TYPE)) return;
  luaL_setfuncs(L, metamethods, 0);
  for (size_t i = 0; i < sizeof float_operators / sizeof float_operators[0]; i++) {
    lua_pushinteger(L, float_operators[i].operation);
    lua_pushcclosure(L, float_operators[i].function, 1);
    lua_setfield(L, -2, float_operators[i].event);
  }
}

static void push_big_number(lua_State *L, const char *digits, size_t length) {
  push_metatable(L);
  struct big_number *n = lua_newuserdatauv(L, sizeof *n + length + 1, 0);
  n->length = length;
  memcpy(n->digits, digits, length);
  n->digits[length] = '\0';
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
}

void json_push_parsed_number(lua_State *L, const char *text, const struct number *n) {
  if (n->kind == NUMBER_INTEGER)
    lua_pushinteger(L, n->integer);
  else if (n->kind == NUMBER_FLOAT)
    lua_pushnumber(L, n->real);
  else
    push_big_number(L, text, n->length);
}

bool json_push_number(lua_State *L, const char *text, size_t length) {
  struct number n = number_read(text, text + length);
  if (n.kind == NUMBER_WRONG || n.length != length) return false;
  json_push_parsed_number(L, text, &n);
  return true;
}

const char *json_big_number(lua_State *L, int index, size_t *length) {
  if (lua_type(L, index) != LUA_TUSERDATA) return NULL;
  const struct big_number *n = luaL_testudata(L, index, NUMBER_TYPE);
  if (!n) return NULL;
  if (length) *length = n->length;
  return n->digits;
}

static lua_Number check_float(lua_State *L, int index) {
  size_t length;
  const char *digits = json_big_number(L, index, &length);
  return digits ? number_read(digits, digits + length).real : luaL_checknumber(L, index);
}

static int l_number_calculate(lua_State *L) {
  int operation = (int)lua_tointeger(L, lua_upvalueindex(1));
  lua_Number left = check_float(L, 1), right = check_float(L, 2);
  lua_settop(L, 0);
  lua_pushnumber(L, left);
  if (operation != LUA_OPUNM) lua_pushnumber(L, right);
  lua_arith(L, operation);
  return 1;
}

static int l_number_compare(lua_State *L) {
  int operation = (int)lua_tointeger(L, lua_upvalueindex(1));
  lua_pushnumber(L, check_float(L, 1));
  lua_pushnumber(L, check_float(L, 2));
  lua_pushboolean(L, lua_compare(L, -2, -1, operation));
  return 1;
}

static int l_number_eq(lua_State *L) {
  const char *left = json_big_number(L, 1, NULL), *right = json_big_number(L, 2, NULL);
  lua_pushboolean(L, left && right && strcmp(left, right) == 0);
  return 1;
}

static int l_number_tostring(lua_State *L) {
  luaL_checkudata(L, 1, NUMBER_TYPE);
  lua_pushstring(L, json_big_number(L, 1, NULL));
  return 1;
}

/* }====== */

/* {====== comparison ====== */

static bool is_tag(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  luaL_getmetatable(L, "anyreach.yaml.tag");
  bool tag = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return tag;
}

static bool equal_bytes(const char *a, size_t a_length, const char *b, size_t b_length) {
  return a && b && a_length == b_length && memcmp(a, b, a_length) == 0;
}

static bool equal_numbers(lua_State *L, int a, int b) {
  size_t a_length = 0, b_length = 0;
  const char *a_digits = json_big_number(L, a, &a_length);
  const char *b_digits = json_big_number(L, b, &b_length);
  return equal_bytes(a_digits, a_length, b_digits, b_length);
}

static bool equal_texts(lua_State *L, int a, int b) {
  size_t a_length = 0, b_length = 0;
  const char *a_bytes = to_wire_text(L, a, &a_length);
  const char *b_bytes = to_wire_text(L, b, &b_length);
  return equal_bytes(a_bytes, a_length, b_bytes, b_length);
}

static lua_Integer count_keys(lua_State *L, int index) {
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) count++;
  return count;
}

static bool equal_values(lua_State *L, int a, int b, int depth);

/* True when each key of `a` has an equal value in `b`, and `b` has no other keys. */
static bool equal_tables(lua_State *L, int a, int b, int depth) {
  lua_Integer count = 0;
  int top = lua_gettop(L);
  bool equal = is_tag(L, a) == is_tag(L, b);
  for (lua_pushnil(L); equal && lua_next(L, a); count++) {
    lua_pushvalue(L, -2);
    lua_rawget(L, b);
    equal = equal_values(L, top + 2, top + 3, depth + 1);
    lua_settop(L, top + 1);
  }
  lua_settop(L, top);
  return equal && count == count_keys(L, b);
}

static bool equal_values(lua_State *L, int a, int b, int depth) {
  if (lua_rawequal(L, a, b)) return true;
  if (lua_type(L, a) != LUA_TTABLE || lua_type(L, b) != LUA_TTABLE)
    return equal_numbers(L, a, b) || equal_texts(L, a, b);
  if (depth >= JSON_MAX_DEPTH)
    luaL_error(L, "cannot compare tables nested deeper than %d levels; does one contain itself?",
               JSON_MAX_DEPTH);
  luaL_checkstack(L, 8, "comparing values");
  return equal_tables(L, a, b, depth);
}

bool json_equal(lua_State *L, int a, int b) {
  luaL_checkstack(L, 8, "comparing values");
  return equal_values(L, lua_absindex(L, a), lua_absindex(L, b), 0);
}

/* }====== */

/* {====== the module ====== */

enum { INDENT_MAX = 16 };

static void read_option(lua_State *L, const char *name, struct json_options *options) {
  if (strcmp(name, "indent") == 0) {
    int is_integer;
    lua_Integer indent = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || indent < 0 || indent > INDENT_MAX)
      luaL_error(L, "json.encode: indent is a number of spaces from 0 to %d", INDENT_MAX);
    options->indent = (unsigned)indent;
  } else if (strcmp(name, "redact") == 0) {
    if (!lua_isboolean(L, -1)) luaL_error(L, "json.encode: redact is true or false");
    options->secrets = lua_toboolean(L, -1) ? JSON_SECRETS_REDACT : JSON_SECRETS_REFUSE;
  } else if (strcmp(name, "invalid_bytes") == 0) {
    const char *choice = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool replace = strcmp(choice, "replace") == 0;
    if (!replace && strcmp(choice, "keep") != 0)
      luaL_error(L, "json.encode: invalid_bytes is \"replace\" or \"keep\"");
    options->invalid_bytes = replace ? JSON_BYTES_REPLACE : JSON_BYTES_KEEP;
  } else {
    luaL_error(L,
               "json.encode: unknown option '%s'; the options are indent, invalid_bytes and redact",
               name);
  }
}

/* In encode(api.agents.get(id)) the call's second result is where the options would be. */
static bool is_response(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  luaL_getmetatable(L, JSON_RESPONSE_TYPE);
  bool response = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return response;
}

static struct json_options check_options(lua_State *L, int index) {
  struct json_options options = {.secrets = JSON_SECRETS_REFUSE};
  if (lua_isnoneornil(L, index) || is_response(L, index)) return options;
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    read_option(L, lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?", &options);
  return options;
}

/* json.encode(value[, {indent = 0..16, redact = boolean, invalid_bytes = "replace"|"keep"}]) ->
 * text */
static int l_json_encode(lua_State *L) {
  luaL_checkany(L, 1);
  struct json_options options = check_options(L, 2);
  struct buf *text = json_new_buffer(L, JSON_MAX_TEXT);
  if (!json_encode(L, 1, text, &options)) return luaL_error(L, "%s", lua_tostring(L, -1));
  lua_pushlstring(L, text->data, text->length);
  buf_wipe(text);
  return 1;
}

static bool check_keeps_bytes(lua_State *L, int index) {
  if (!lua_istable(L, index)) return false;
  lua_getfield(L, index, "invalid_bytes");
  const char *choice = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  if (!lua_isnil(L, -1) && (!choice || strcmp(choice, "keep") != 0))
    luaL_error(L, "json.decode: invalid_bytes is \"keep\"");
  lua_pop(L, 1);
  return choice != NULL;
}

/* json.decode(text[, {invalid_bytes = "keep"}]) -> value */
static int l_json_decode(lua_State *L) {
  size_t length;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *text = lua_tolstring(L, 1, &length);
  bool keeps_bytes = check_keeps_bytes(L, 2);
  if (!(keeps_bytes ? json_decode_keeping_bytes : json_decode)(L, text, length))
    return lua_error(L);
  return 1;
}

/* json.array([table]) -> the table, or a new one, marked */
static int l_json_array(lua_State *L) {
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, json_is_array(L, 1) || !lua_getmetatable(L, 1), 1,
                "the table already has another metatable");
  json_mark_array(L, 1);
  return 1;
}

/* json.is_array(value) -> boolean */
static int l_json_is_array(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, json_is_array(L, 1));
  return 1;
}

/* json.number(text) -> integer, float or number object */
static int l_json_number(lua_State *L) {
  size_t length;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *text = lua_tolstring(L, 1, &length);
  if (!json_push_number(L, text, length)) return luaL_argerror(L, 1, "not a JSON number");
  return 1;
}

/* json.is_number(value) -> boolean: is it a number object? */
static int l_json_is_number(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, json_big_number(L, 1, NULL) != NULL);
  return 1;
}

/* json.equal(a, b) -> boolean */
static int l_json_equal(lua_State *L) {
  lua_settop(L, 2);
  lua_pushboolean(L, json_equal(L, 1, 2));
  return 1;
}

static const luaL_Reg functions[] = {
    {"encode", l_json_encode}, {"decode", l_json_decode},
    {"array", l_json_array},   {"is_array", l_json_is_array},
    {"number", l_json_number}, {"is_number", l_json_is_number},
    {"equal", l_json_equal},   {NULL, NULL},
};

int luaopen_anyreach_json(lua_State *L) {
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}

/* }====== */
