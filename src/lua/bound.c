#include "lua/bound.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/call.h"
#include "lua/embedded.h"
#include "lua/error.h"

#define BOUND_TYPE "anyreach.operation"

/* Upvalues of the metamethods. */
enum { UP_CLIENT = 1, UP_OPERATION, UP_TRY };

static const struct operation *operation_upvalue(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(UP_OPERATION));
}

/* Pushes the operation's waiter: wait(path values…[, options]) -> the finished object. */
static int push_waiter(lua_State *L, const struct operation *operation) {
  if (!operation->wait_json) return 0;
  embedded_require(L, "anyreach.client.waiting");
  lua_getfield(L, -1, "bind");
  lua_pushvalue(L, lua_upvalueindex(UP_CLIENT));
  lua_pushstring(L, operation->name);
  lua_call(L, 2, 1);
  if (lua_toboolean(L, lua_upvalueindex(UP_TRY))) push_trying(L);
  return 1;
}

static int l_bound_index(lua_State *L) {
  const struct operation *operation = operation_upvalue(L);
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "wait") == 0) return push_waiter(L, operation);
  if (strcmp(name, "curl") == 0) {
    push_curl(L, lua_upvalueindex(UP_CLIENT), operation);
    return 1;
  }
  if (strcmp(name, "name") != 0) return 0;
  lua_pushstring(L, operation->name);
  return 1;
}

static int l_bound_tostring(lua_State *L) {
  const struct operation *operation = operation_upvalue(L);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addstring(&text, "api.");
  luaL_addstring(&text, operation->name);
  luaL_addchar(&text, '(');
  for (unsigned i = 0; i < operation->path_field_count; i++) {
    if (i > 0) luaL_addstring(&text, ", ");
    luaL_addstring(&text, operation->path_fields[i].name);
  }
  if (operation->query_field_count > 0 || operation->body)
    luaL_addstring(&text, operation->path_field_count > 0 ? ", {…}" : "{…}");
  luaL_addchar(&text, ')');
  luaL_pushresult(&text);
  return 1;
}

static const luaL_Reg bound_metamethods[] = {
    {"__index", l_bound_index}, {"__tostring", l_bound_tostring}, {NULL, NULL}};

bool is_bound(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !luaL_getmetafield(L, index, "__name")) return false;
  const char *type = lua_tostring(L, -1);
  bool bound = type && strcmp(type, BOUND_TYPE) == 0;
  lua_pop(L, 1);
  return bound;
}

/* Each has a metatable of its own, so that a call finds all it needs in the upvalues. */
void push_bound(lua_State *L, int client, const struct operation *operation, bool try) {
  client = lua_absindex(L, client);
  lua_newuserdatauv(L, 0, 0);
  luaL_newlibtable(L, bound_metamethods);
  lua_pushvalue(L, client);
  lua_pushlightuserdata(L, (void *)operation);
  lua_pushboolean(L, try);
  luaL_setfuncs(L, bound_metamethods, 3);
  push_call(L, client, operation, try);
  lua_setfield(L, -2, "__call");
  lua_pushliteral(L, BOUND_TYPE);
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
}
