/* Numbers that neither an int64 nor a double can hold: userdata that keep the digits as they were
 * written, compare by them, and calculate as floats. */
#include <lauxlib.h>
#include <string.h>

#include "lua/json.h"
#include "lua/json_number.h"

#define NUMBER_TYPE "anyreach.number"

struct big_number {
  size_t length;
  char digits[]; /* followed by a NUL that does not count */
};

static int l_number_tostring(lua_State *L);
static int l_number_eq(lua_State *L);
static int l_number_compare(lua_State *L);
static int l_number_calculate(lua_State *L);

/* The metamethods that go on with floats; the operation is their upvalue. */
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
