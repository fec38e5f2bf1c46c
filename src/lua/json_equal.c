/* Comparison of Lua values as JSON values; see json_equal() in json.h. */
#include <lauxlib.h>
#include <string.h>

#include "lua/json.h"
#include "lua/secret.h"

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
