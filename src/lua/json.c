/* The Lua module "anyreach.json", and the mark of arrays. Decoding, encoding, comparing and number
 * objects have files of their own. */
#include "lua/json.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/buffer.h"

enum { INDENT_MAX = 16 };

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
  } else {
    luaL_error(L, "json.encode: unknown option '%s'; the options are indent and redact", name);
  }
}

/* A call's second result stands where the options would in encode(api.agents.get(id)). */
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

/* json.encode(value[, {indent = 0..16, redact = boolean}]) -> text */
static int l_json_encode(lua_State *L) {
  luaL_checkany(L, 1);
  struct json_options options = check_options(L, 2);
  struct buf *text = lua_new_buf(L, JSON_MAX_TEXT);
  if (!json_encode(L, 1, text, &options)) return luaL_error(L, "%s", lua_tostring(L, -1));
  lua_pushlstring(L, text->data, text->length);
  buf_wipe(text);
  return 1;
}

/* json.decode(text) -> value */
static int l_json_decode(lua_State *L) {
  size_t length;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *text = lua_tolstring(L, 1, &length);
  if (!json_decode(L, text, length)) return lua_error(L);
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
