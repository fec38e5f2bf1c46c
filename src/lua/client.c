#include "lua/client.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/guard.h"
#include "lua/observer.h"
#include "lua/secret.h"
#include "lua/task.h"
#include "net/url.h"

enum { CLIENT_MAX_IN_FLIGHT = 256 };

struct client *check_client(lua_State *L, int index) {
  return luaL_checkudata(L, index, CLIENT_TYPE);
}

void push_client_headers(lua_State *L, int index) {
  lua_getiuservalue(L, index, CLIENT_SETTINGS);
  lua_getfield(L, -1, "headers");
  lua_remove(L, -2);
}

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

/* On a terminal the line of progress gives way. */
static void announce(double seconds) {
  const char *erase = isatty(STDERR_FILENO) ? "\r\033[K" : "";
  fprintf(stderr, "%sanyreach: waiting %.0f s, as the server asked\n", erase, seconds);
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

static void set_number(lua_State *L, const char *name, double number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

/* limits() -> one table for each server that has refused a request for too many requests: refused,
 * how many; closed_for, seconds in all for which nothing was sent; rate, the limit in requests a
 * second, if it is known; is_felt, whether requests wait because of it now. */
static int l_client_limits(lua_State *L) {
  lua_newtable(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, "anyreach.throttles");
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    const struct throttle *throttle = lua_touserdata(L, -1);
    if (throttle->refused == 0) continue;
    double rate = pace_limit(&throttle->pace);
    lua_createtable(L, 0, 4);
    set_number(L, "refused", (double)throttle->refused);
    set_number(L, "closed_for", throttle->closed_for);
    if (rate > 0) set_number(L, "rate", rate);
    lua_pushboolean(L, rate > 0 && throttle->first);
    lua_setfield(L, -2, "is_felt");
    lua_rawseti(L, 1, (lua_Integer)lua_rawlen(L, 1) + 1);
  }
  lua_settop(L, 1);
  return 1;
}

/* new(settings) -> client. Settings, checked by the caller: base_url, organization?, token?
 * (secret), ca_file?, headers?, profile?, is_protected? (with a profile), http2?, retries, rate?
 * in requests a second, max_wait, is_silent? (says nothing of long waits), timeout, connect_timeout
 * and stall_timeout in seconds. */
static int l_client_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct client *client = lua_newuserdatauv(L, sizeof *client, CLIENT_VALUES);
  *client = (struct client){.base_url = optional_text(L, 1, "base_url"),
                            .organization = optional_text(L, 1, "organization"),
                            .ca_file = optional_text(L, 1, "ca_file"),
                            .profile = optional_text(L, 1, "profile"),
                            .retries = (unsigned)optional_number(L, 1, "retries")};
  client->patience = optional_number(L, 1, "max_wait");
  client->limits.timeout_ms = (long)(optional_number(L, 1, "timeout") * 1000 + 0.5);
  client->limits.connect_timeout_ms = (long)(optional_number(L, 1, "connect_timeout") * 1000 + 0.5);
  client->limits.stall_seconds = (long)ceil(optional_number(L, 1, "stall_timeout"));
  client->is_protected = optional_flag(L, 1, "is_protected") && !guard_protection_is_lifted();
  client->http2 = optional_flag(L, 1, "http2");
  lua_getfield(L, 1, "token");
  client->token = to_secret(L, -1, &client->token_length);
  lua_pop(L, 1);
  client->throttle = push_throttle(L, client->base_url);
  client->observer = lua_observer(L);
  client->throttle->announce = optional_flag(L, 1, "is_silent") ? NULL : announce;
  double rate = optional_number(L, 1, "rate");
  if (rate > 0) throttle_set_rate(client->throttle, rate);
  lua_setiuservalue(L, 2, CLIENT_THROTTLE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, CLIENT_SETTINGS);
  luaL_setmetatable(L, CLIENT_TYPE);
  return 1;
}

/* Pushes a copy of the client at index 1. [-0, +1, m] */
static struct client *push_copy(lua_State *L) {
  const struct client *client = check_client(L, 1);
  struct client *copy = lua_newuserdatauv(L, sizeof *copy, CLIENT_VALUES);
  *copy = *client;
  static const int kept[] = {CLIENT_SETTINGS, CLIENT_THROTTLE};
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    lua_getiuservalue(L, 1, kept[i]);
    lua_setiuservalue(L, -2, kept[i]);
  }
  luaL_setmetatable(L, CLIENT_TYPE);
  return copy;
}

/* internal(client) -> the same client, for requests that are no step of the script: the program
 * asks something on its own account. */
static int l_client_internal(lua_State *L) {
  push_copy(L)->is_internal = true;
  return 1;
}

/* once(client) -> the same client, which does not send a create again that the server refused for
 * too many requests: whoever calls looks first whether it was carried out all the same. */
static int l_client_once(lua_State *L) {
  push_copy(L)->looks_first = true;
  return 1;
}

/* retries(client) -> how often a request is sent again after a failure. */
static int l_client_retries(lua_State *L) {
  lua_pushinteger(L, check_client(L, 1)->retries);
  return 1;
}

static bool token_starts_with(lua_State *L, const char *prefix) {
  size_t length = 0;
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

static const luaL_Reg client_functions[] = {
    {"new", l_client_new},
    {"internal", l_client_internal},
    {"once", l_client_once},
    {"retries", l_client_retries},
    {"limits", l_client_limits},
    {"token_is_personal", l_client_token_is_personal},
    {"token_is_organization", l_client_token_is_organization},
    {"token_is_sandbox", l_client_token_is_sandbox},
    {"base_url_problem", l_client_base_url_problem},
    {NULL, NULL}};

void push_client_module(lua_State *L) {
  luaL_newmetatable(L, CLIENT_TYPE);
  lua_pushcfunction(L, l_client_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
  luaL_newlib(L, client_functions);
}
