#include "lua/binding.h"

#include <lauxlib.h>
#include <string.h>

#include "api/nearest.h"
#include "lua/arguments.h"
#include "lua/call.h"
#include "lua/client.h"
#include "lua/error.h"
#include "lua/modules.h"

/* Upvalues of the metamethods of bound operations and, with a prefix in place of the operation, of
 * namespaces. */
enum { UP_CLIENT = 1, UP_OPERATION, UP_PREFIX = UP_OPERATION, UP_TRY };

/* {====== bound operations ====== */

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

/* Pushes what `name` means below `prefix`, or raises. [-0, +1, e] */
static void push_member(lua_State *L, const char *prefix, const char *name);

/* An operation of a live document may have others below its name: /music and /music/detailed. */
static int l_bound_index(lua_State *L) {
  const struct operation *operation = operation_upvalue(L);
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "wait") == 0) return push_waiter(L, operation);
  if (strcmp(name, "curl") == 0) {
    push_curl(L, lua_upvalueindex(UP_CLIENT), operation);
    return 1;
  }
  if (strcmp(name, "name") == 0) {
    lua_pushstring(L, operation->name);
    return 1;
  }
  if (!*name || !operation_is_namespace(operation->name)) return 0;
  push_member(L, operation->name, name);
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
  if (operation->parameter_count > 0 || operation->body)
    luaL_addstring(&text, operation->path_field_count > 0 ? ", {…}" : "{…}");
  luaL_addchar(&text, ')');
  luaL_pushresult(&text);
  return 1;
}

static const luaL_Reg bound_metamethods[] = {
    {"__index", l_bound_index}, {"__tostring", l_bound_tostring}, {NULL, NULL}};

/* Pushes the operation bound to the client at `client`; see push_call() for `try`. Each has a
 * metatable of its own, so that a call finds all it needs in the upvalues. [-0, +1, m] */
static void push_bound(lua_State *L, int client, const struct operation *operation, bool try) {
  client = lua_absindex(L, client);
  lua_newuserdatauv(L, 0, 0);
  luaL_newlibtable(L, bound_metamethods);
  lua_pushvalue(L, client);
  lua_pushlightuserdata(L, (void *)operation);
  lua_pushboolean(L, try);
  luaL_setfuncs(L, bound_metamethods, 3);
  push_call(L, client, operation, try);
  lua_setfield(L, -2, "__call");
  lua_pushliteral(L, CALL_BOUND_TYPE);
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
}

/* }====== */

/* {====== namespaces ====== */

/* Pushes a table that finds operations below `prefix` when they are asked for, and keeps them.
 * Stack: the client at `client`. [-0, +1, m] */
static int l_namespace_index(lua_State *L);

static int l_namespace_tostring(lua_State *L) {
  lua_pushfstring(L, "api.%s (call its functions with '.', not ':')",
                  lua_tostring(L, lua_upvalueindex(1)));
  return 1;
}

static void push_namespace(lua_State *L, int client, const char *prefix, bool try) {
  client = lua_absindex(L, client);
  lua_newtable(L);
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, client);
  lua_pushstring(L, prefix);
  lua_pushboolean(L, try);
  lua_pushcclosure(L, l_namespace_index, 3);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, prefix);
  lua_pushcclosure(L, l_namespace_tostring, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, NAMESPACE_TYPE);
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
}

/* Pushes "prefix.name", or "name" below the root. */
static const char *push_full_name(lua_State *L, const char *prefix, const char *name) {
  return *prefix ? lua_pushfstring(L, "%s.%s", prefix, name) : lua_pushstring(L, name);
}

/* Pushes the pager of the namespace's list operation and returns true, if it has one. */
static bool push_pager(lua_State *L, const char *prefix) {
  const char *list = push_full_name(L, prefix, "list");
  const struct operation *operation = operation_by_name(list);
  lua_pop(L, 1);
  if (!operation || operation->paging == PAGING_NONE) return false;
  embedded_require(L, "anyreach.client.pager");
  lua_getfield(L, -1, "bind");
  lua_remove(L, -2);
  push_bound(L, lua_upvalueindex(UP_CLIENT), operation, false);
  lua_pushinteger(L, operation->path_field_count);
  lua_pushboolean(L, operation->paging == PAGING_OFFSET);
  lua_call(L, 3, 1);
  return true;
}

/* Pushes a function of ours made of several operations (sources.upload) and returns true, if there
 * is one of that name. */
static bool push_composite(lua_State *L, const char *name) {
  embedded_require(L, "anyreach.client.uploads");
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_remove(L, -2);
  lua_pushvalue(L, lua_upvalueindex(UP_CLIENT));
  lua_call(L, 1, 1);
  if (lua_toboolean(L, lua_upvalueindex(UP_TRY))) push_trying(L);
  return true;
}

/* The names directly below `prefix`, NULL-terminated, in a userdata that is pushed. */
static const char *const *push_children(lua_State *L, const char *prefix) {
  size_t count, used = 0, prefix_length = strlen(prefix);
  const struct operation *all = operation_all(&count);
  const char **names = lua_newuserdatauv(L, (count + 3) * sizeof *names, 0);
  luaL_checkstack(L, (int)count + LUA_MINSTACK, "too many operations");
  if (!prefix_length) names[used++] = "request", names[used++] = "try";
  for (size_t i = 0; i < count; i++) {
    const char *name = all[i].name;
    if (prefix_length && (strncmp(name, prefix, prefix_length) || name[prefix_length] != '.'))
      continue;
    name += prefix_length ? prefix_length + 1 : 0;
    names[used++] = lua_pushlstring(L, name, strcspn(name, "."));
  }
  names[used] = NULL;
  return names;
}

static void raise_unknown(lua_State *L, const char *prefix, const char *name) {
  const char *near = nearest_name(name, push_children(L, prefix));
  const char *dot = *prefix ? "." : "";
  if (near)
    raise_error(L, "usage", "api%s%s has no '%s'; did you mean '%s'?", dot, prefix, name, near);
  raise_error(L, "usage", "api%s%s has no '%s'; 'anyreach help' lists the operations", dot, prefix,
              name);
}

static void push_member(lua_State *L, const char *prefix, const char *name) {
  bool try = lua_toboolean(L, lua_upvalueindex(UP_TRY));
  const char *full = push_full_name(L, prefix, name);
  const struct operation *operation = operation_by_name(full);
  if (operation)
    push_bound(L, lua_upvalueindex(UP_CLIENT), operation, try);
  else if (operation_is_namespace(full))
    push_namespace(L, lua_upvalueindex(UP_CLIENT), full, try);
  else if (!push_composite(L, full) && (strcmp(name, "each") != 0 || !push_pager(L, prefix)))
    raise_unknown(L, prefix, name);
  lua_remove(L, -2);
}

static int l_namespace_index(lua_State *L) {
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  push_member(L, lua_tostring(L, lua_upvalueindex(UP_PREFIX)), lua_tostring(L, 2));
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

static void push_root(lua_State *L, bool try) {
  int slot = try ? CLIENT_TRY_ROOT : CLIENT_ROOT;
  if (lua_getiuservalue(L, 1, slot) == LUA_TTABLE) return;
  lua_pop(L, 1);
  push_namespace(L, 1, "", try);
  push_raw_call(L, 1, try);
  lua_setfield(L, -2, "request");
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, slot);
}

static int l_client_index(lua_State *L) {
  check_client(L, 1);
  bool try = lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "try") == 0;
  push_root(L, try);
  if (try) return 1;
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

/* }====== */

int luaopen_anyreach_client_core(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"upload", l_call_upload}, {"fetch", l_call_fetch}, {NULL, NULL}};
  push_client_module(L);
  luaL_setfuncs(L, functions, 0);
  luaL_getmetatable(L, CLIENT_TYPE);
  lua_pushcfunction(L, l_client_index);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  return 1;
}
