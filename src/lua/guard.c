#include "lua/guard.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"

/* Registry keys: true or nil; the same; an array of arrays of names. */
static const char read_only_key, session_read_only_key, allowed_key;

void guard_set_read_only(lua_State *L) {
  lua_pushboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &read_only_key);
}

int l_guard_set_read_only(lua_State *L) {
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  if (!lua_toboolean(L, 1)) lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &session_read_only_key);
  return 0;
}

int l_guard_restrict_writes(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key) == LUA_TNIL) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &allowed_key);
    lua_replace(L, 2);
  }
  lua_newtable(L); /* a copy, which the caller cannot change */
  for (lua_Integer i = 1; lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
    luaL_checkstring(L, -1);
    lua_rawseti(L, 3, i);
  }
  lua_settop(L, 3);
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

#define SCOPE_TYPE "anyreach.guard_scope"

static lua_Integer restriction_count(lua_State *L) {
  bool any = lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key) == LUA_TTABLE;
  lua_Integer count = any ? (lua_Integer)lua_rawlen(L, -1) : 0;
  lua_pop(L, 1);
  return count;
}

static int scope_close(lua_State *L) {
  const lua_Integer *before = luaL_checkudata(L, 1, SCOPE_TYPE);
  lua_Integer count = restriction_count(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key);
  for (; count > *before; count--) {
    lua_pushnil(L);
    lua_rawseti(L, -2, count);
  }
  return 0;
}

int l_guard_scope(lua_State *L) {
  lua_Integer *before = lua_newuserdatauv(L, sizeof *before, 0);
  *before = restriction_count(L);
  if (luaL_newmetatable(L, SCOPE_TYPE)) {
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static bool matches(const char *pattern, const char *name) {
  size_t length = strlen(pattern);
  if (length >= 2 && strcmp(pattern + length - 2, ".*") == 0)
    return strncmp(pattern, name, length - 1) == 0;
  return strcmp(pattern, name) == 0;
}

/* True when one of the names in the array on top allows the operation. */
static bool is_among(lua_State *L, const char *name) {
  bool found = false;
  for (lua_Integer i = 1; !found && lua_rawgeti(L, -1, i) == LUA_TSTRING; i++) {
    found = matches(lua_tostring(L, -1), name);
    lua_pop(L, 1);
  }
  if (!found) lua_pop(L, 1);
  return found;
}

static bool is_set(lua_State *L, const char *key) {
  bool set = lua_rawgetp(L, LUA_REGISTRYINDEX, key) != LUA_TNIL;
  lua_pop(L, 1);
  return set;
}

static bool is_allowed(lua_State *L, const char *name) {
  int top = lua_gettop(L);
  bool allowed = true;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &allowed_key) == LUA_TTABLE)
    for (lua_Integer i = 1; allowed && lua_rawgeti(L, top + 1, i) == LUA_TTABLE; i++) {
      allowed = is_among(L, name);
      lua_pop(L, 1);
    }
  lua_settop(L, top);
  return allowed;
}

/* The row that counts: a raw request is as good as the binding it goes around. */
static const struct operation *row_of(const struct guard_request *request) {
  struct span values[OPERATION_MAX_PATH_FIELDS];
  bool path_known;
  if (!request->path) return request->operation;
  const char *method = request->operation->method;
  const struct operation *row = operation_by_path(method, request->path, values, &path_known);
  return row ? row : request->operation;
}

void guard_check(lua_State *L, struct guard_request *request) {
  const struct operation *row = row_of(request);
  bool writes = row->writes || (row->writes_when && request->argument &&
                                strcmp(row->writes_when, request->argument) == 0);
  request->row = row;
  request->writes = writes;
  if (!writes) return;
  if (is_set(L, &read_only_key))
    raise_error(L, "guard", "%s (%s %s) writes, and this run is read-only", row->name, row->method,
                row->path);
  if (is_set(L, &session_read_only_key))
    raise_error(L, "guard", "%s (%s %s) writes, and this session is read-only", row->name,
                row->method, row->path);
  if (request->protected_profile)
    raise_error(L, "guard",
                "%s (%s %s) writes, and the profile '%s' is protected; --write lets it write",
                row->name, row->method, row->path, request->protected_profile);
  if (!is_allowed(L, row->name))
    raise_error(L, "guard", "%s (%s %s) is not among the writes that are declared", row->name,
                row->method, row->path);
}
