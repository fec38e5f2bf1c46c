#include "lua/client.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/nearest.h"
#include "api/operation.h"
#include "lua/bound.h"
#include "lua/call.h"
#include "lua/embedded.h"
#include "lua/error.h"
#include "lua/observer.h"
#include "lua/secret.h"
#include "lua/task.h"
#include "net/url.h"

#define CLIENT_TYPE "anyreach.client"

/* User values of a client. */
enum {
  CLIENT_SETTINGS = 1,
  CLIENT_ROOT,
  CLIENT_TRY_ROOT,
  CLIENT_GATE,
  CLIENT_VALUES = CLIENT_GATE
};

enum { CLIENT_MAX_IN_FLIGHT = 256 };

struct client *check_client(lua_State *L, int index) {
  return luaL_checkudata(L, index, CLIENT_TYPE);
}

void push_client_headers(lua_State *L, int index) {
  lua_getiuservalue(L, index, CLIENT_SETTINGS);
  lua_getfield(L, -1, "headers");
  lua_remove(L, -2);
}

/* {====== namespaces ====== */

/* Upvalues of a namespace's __index. */
enum { UP_CLIENT = 1, UP_PREFIX, UP_TRY };

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
  lua_pushliteral(L, CALL_NAMESPACE_TYPE);
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

static int raise_unknown(lua_State *L, const char *prefix, const char *name) {
  const char *near = nearest_name(name, push_children(L, prefix));
  const char *dot = *prefix ? "." : "";
  if (near)
    return raise_error(L, "usage", "api%s%s has no '%s'; did you mean '%s'?", dot, prefix, name,
                       near);
  return raise_error(L, "usage", "api%s%s has no '%s'; 'anyreach help' lists the operations", dot,
                     prefix, name);
}

static int l_namespace_index(lua_State *L) {
  const char *prefix = lua_tostring(L, lua_upvalueindex(UP_PREFIX));
  bool try = lua_toboolean(L, lua_upvalueindex(UP_TRY));
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  const char *name = lua_tostring(L, 2);
  const char *full = push_full_name(L, prefix, name);
  const struct operation *operation = operation_by_name(full);
  if (operation)
    push_bound(L, lua_upvalueindex(UP_CLIENT), operation, try);
  else if (operation_is_namespace(full))
    push_namespace(L, lua_upvalueindex(UP_CLIENT), full, try);
  else if (!push_composite(L, full) && (strcmp(name, "each") != 0 || !push_pager(L, prefix)))
    return raise_unknown(L, prefix, name);
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

/* Names the address and the organisation; of the credential not a letter. */
static int l_client_tostring(lua_State *L) {
  const struct client *client = check_client(L, 1);
  lua_pushfstring(L, "anyreach.client: %s%s%s", client->base_url,
                  client->organization ? " organization " : "",
                  client->organization ? client->organization : "");
  return 1;
}

static const char *optional_text(lua_State *L, int settings, const char *name) {
  lua_getfield(L, settings, name);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1); /* the settings table keeps it alive */
  return text;
}

static double optional_number(lua_State *L, int settings, const char *name) {
  lua_getfield(L, settings, name);
  double number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

static bool optional_flag(lua_State *L, int settings, const char *name) {
  lua_getfield(L, settings, name);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

static int throttle_gc(lua_State *L) {
  throttle_free(lua_touserdata(L, 1));
  return 0;
}

static struct throttle *push_new_throttle(lua_State *L) {
  struct throttle *throttle = lua_newuserdatauv(L, sizeof *throttle, 0);
  throttle_init(throttle, task_loop(L), CLIENT_MAX_IN_FLIGHT);
  if (luaL_newmetatable(L, "anyreach.throttle")) {
    lua_pushcfunction(L, throttle_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return throttle;
}

/* Pushes the throttle before a server: one for all clients with that base URL. [-0, +1, m] */
static struct throttle *push_throttle(lua_State *L, const char *base_url) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "anyreach.throttles");
  if (lua_getfield(L, -1, base_url) == LUA_TNIL) {
    lua_pop(L, 1);
    push_new_throttle(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, base_url);
  }
  lua_remove(L, -2);
  return lua_touserdata(L, -1);
}

/* new(settings) -> client. Settings, checked by the caller: base_url, organization?, token?
 * (secret), ca_file?, headers?, profile?, is_protected? (with a profile), replays?, retries, rate?
 * in requests a second, timeout, connect_timeout and stall_timeout in seconds. */
static int l_client_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct client *client = lua_newuserdatauv(L, sizeof *client, CLIENT_VALUES);
  *client = (struct client){.base_url = optional_text(L, 1, "base_url"),
                            .organization = optional_text(L, 1, "organization"),
                            .ca_file = optional_text(L, 1, "ca_file"),
                            .profile = optional_text(L, 1, "profile"),
                            .retries = (unsigned)optional_number(L, 1, "retries")};
  client->limits.timeout_ms = (long)(optional_number(L, 1, "timeout") * 1000 + 0.5);
  client->limits.connect_timeout_ms = (long)(optional_number(L, 1, "connect_timeout") * 1000 + 0.5);
  client->limits.stall_seconds = (long)ceil(optional_number(L, 1, "stall_timeout"));
  client->is_protected = optional_flag(L, 1, "is_protected");
  client->replays = optional_flag(L, 1, "replays");
  lua_getfield(L, 1, "token");
  client->token = to_secret(L, -1, &client->token_length);
  lua_pop(L, 1);
  client->throttle = push_throttle(L, client->base_url);
  client->observer = lua_observer(L);
  double rate = optional_number(L, 1, "rate");
  if (rate > 0) throttle_set_rate(client->throttle, rate);
  lua_setiuservalue(L, 2, CLIENT_GATE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, CLIENT_SETTINGS);
  luaL_setmetatable(L, CLIENT_TYPE);
  return 1;
}

static bool token_starts_with(lua_State *L, const char *prefix) {
  size_t length;
  const char *token = to_secret(L, 1, &length);
  luaL_argexpected(L, token, 1, "secret");
  return length >= strlen(prefix) && memcmp(token, prefix, strlen(prefix)) == 0;
}

/* token_is_personal(secret): a pat_ token, which belongs to a user and not to an organisation. */
static int l_client_token_is_personal(lua_State *L) {
  lua_pushboolean(L, token_starts_with(L, "pat_"));
  return 1;
}

/* token_is_organization(secret): an ak_ key, which belongs to an organisation. */
static int l_client_token_is_organization(lua_State *L) {
  lua_pushboolean(L, token_starts_with(L, "ak_"));
  return 1;
}

/* token_is_sandbox(secret): one that only the sandbox knows. */
static int l_client_token_is_sandbox(lua_State *L) {
  lua_pushboolean(L, token_starts_with(L, "ak_sandbox.") || token_starts_with(L, "pat_sandbox"));
  return 1;
}

/* base_url_problem(url) -> what is wrong with it as a base URL, or nil. */
static int l_client_base_url_problem(lua_State *L) {
  const char *problem = NULL;
  if (url_is_base(luaL_checkstring(L, 1), &problem)) return 0;
  lua_pushstring(L, problem);
  return 1;
}

static const luaL_Reg client_metamethods[] = {
    {"__index", l_client_index}, {"__tostring", l_client_tostring}, {NULL, NULL}};

static const luaL_Reg client_functions[] = {
    {"new", l_client_new},
    {"upload", l_call_upload},
    {"fetch", l_call_fetch},
    {"token_is_personal", l_client_token_is_personal},
    {"token_is_organization", l_client_token_is_organization},
    {"token_is_sandbox", l_client_token_is_sandbox},
    {"base_url_problem", l_client_base_url_problem},
    {NULL, NULL}};

int luaopen_anyreach_client_core(lua_State *L) {
  luaL_newmetatable(L, CLIENT_TYPE);
  luaL_setfuncs(L, client_metamethods, 0);
  lua_pop(L, 1);
  luaL_newlib(L, client_functions);
  return 1;
}
