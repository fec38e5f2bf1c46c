#include "lua/request_headers.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "lua/client.h"
#include "lua/error.h"
#include "lua/json.h"
#include "lua/parameter.h"
#include "lua/redact.h"
#include "lua/secret.h"

static bool is_among(const char *name, const char *const *names) {
  for (; *names; names++)
    if (strcasecmp(name, *names) == 0) return true;
  return false;
}

/* {====== what a call may have ====== */

static bool is_token(const char *name, size_t length) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  static const char marks[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */
  if (length == 0 || strlen(name) != length) return false;
  for (; *name; name++)
    if (!strchr(letters, *name) && !strchr(marks, *name)) return false;
  return true;
}

static void check_header(lua_State *L, int key, int value, const char *operation) {
  static const char *const own[] = {"Authorization",  "Host",       "Content-Length",
                                    "Content-Type",   "Accept",     "Transfer-Encoding",
                                    "X-Anyreach-Org", "Connection", NULL};
  size_t length = 0;
  const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tolstring(L, key, &length) : "";
  if (!is_token(name, length))
    raise_error(L, "usage", "%s: headers: '%s' is not a header name", operation,
                luaL_tolstring(L, key, NULL));
  if (is_among(name, own))
    raise_error(L, "usage", "%s: headers.%s: this header is set by the program", operation, name);
  if (!to_wire_text(L, value, &length))
    raise_error(L, "usage", "%s: headers.%s: expected a string, got a %s", operation, name,
                luaL_typename(L, value));
}

void headers_check(lua_State *L, int index, const char *operation) {
  if (lua_isnil(L, index)) return;
  if (!lua_istable(L, index))
    raise_error(L, "usage", "%s: headers: expected a table, got a %s", operation,
                luaL_typename(L, index));
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    check_header(L, lua_gettop(L) - 1, lua_gettop(L), operation);
}

/* }====== */

/* {====== walking over all of them ====== */

/* Pushes the headers of the client, or nil. [-0, +1, m] */
static void push_of_client(lua_State *L, int client) {
  if (client)
    push_client_headers(L, client);
  else
    lua_pushnil(L);
}

static bool has_header(lua_State *L, int table, const char *name) {
  if (!table || !lua_istable(L, table)) return false;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (strcasecmp(lua_tostring(L, -2), name) != 0) continue;
    lua_pop(L, 2);
    return true;
  }
  return false;
}

static bool is_given(lua_State *L, const struct header_sources *sources,
                     const struct field *field) {
  if (!sources->fields || !lua_istable(L, sources->fields)) return false;
  lua_pushstring(L, field->name);
  bool given = lua_rawget(L, sources->fields) != LUA_TNIL;
  lua_pop(L, 1);
  return given;
}

static bool has_parameter(lua_State *L, const struct operation *operation,
                          const struct header_sources *sources, const char *name) {
  for (unsigned i = 0; i < operation->parameter_count; i++) {
    const struct field *field = &operation->parameters[i];
    if (field->place == PLACE_HEADER && strcasecmp(parameter_wire_name(field), name) == 0 &&
        is_given(L, sources, field))
      return true;
  }
  return false;
}

bool headers_override_method(lua_State *L, const struct operation *operation,
                             const struct header_sources *sources) {
  static const char *const names[] = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                      "X-Method-Override", NULL};
  bool found = false;
  push_of_client(L, sources->client);
  int of_client = lua_gettop(L);
  for (int i = 0; names[i] && !found; i++)
    found = has_header(L, of_client, names[i]) || has_header(L, sources->own, names[i]) ||
            has_parameter(L, operation, sources, names[i]);
  lua_pop(L, 1);
  return found;
}

/* }====== */

/* {====== adding ====== */

void headers_add_one(lua_State *L, struct call *call, const char *name, const char *value,
                     size_t length) {
  if (http_add_header(&call->request.transfer, name, value, length) != 0)
    raise_error(L, "usage", "the header %s holds a control character or is too long", name);
}

static void add_text(lua_State *L, struct call *call, const char *name, const char *text) {
  headers_add_one(L, call, name, text, strlen(text));
}

static void add_credential(lua_State *L, struct call *call, const struct client *client) {
  static const char scheme[] = "Bearer ";
  if (!client->token && client->profile)
    raise_error(L, "credential",
                "%s needs a credential: give the profile '%s' a token, token_env or token_command",
                call->operation->name, client->profile);
  if (!client->token)
    raise_error(L, "credential",
                "%s needs a credential: set ANYREACH_TOKEN to an ak_… or pat_… token, name a "
                "profile, or try --sandbox",
                call->operation->name);
  struct buf value;
  buf_init(&value, HTTP_MAX_HEADERS);
  int status = buf_append(&value, scheme, sizeof scheme - 1);
  if (status == BUF_OK) status = buf_append(&value, client->token, client->token_length);
  if (status == BUF_OK)
    status = http_add_header(&call->request.transfer, "Authorization", value.data, value.length);
  buf_wipe(&value);
  if (status != 0)
    raise_error(L, "credential", "the token holds a control character or is too long");
}

static void add_table(lua_State *L, struct call *call, int table,
                      const struct header_sources *stronger) {
  if (!table || !lua_istable(L, table)) return;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    size_t length;
    const char *name = lua_tostring(L, -2), *value = to_wire_text(L, -1, &length);
    bool is_weaker = stronger && (has_header(L, stronger->own, name) ||
                                  has_parameter(L, call->operation, stronger, name));
    if (value && !is_weaker) headers_add_one(L, call, name, value, length);
  }
}

static void check_status(lua_State *L, int status) {
  if (status == BUF_FULL) raise_error(L, "usage", "the request's headers are too large");
  if (status == BUF_NO_MEMORY) luaL_error(L, "not enough memory");
}

/* The parameters of headers, one each, and of cookies, together in one. */
static void add_parameters(lua_State *L, struct call *call, const struct header_sources *sources) {
  if (!sources->fields || !lua_istable(L, sources->fields)) return;
  struct buf *cookies = json_new_buffer(L, HTTP_MAX_HEADERS);
  struct buf *text = json_new_buffer(L, HTTP_MAX_HEADERS);
  for (unsigned i = 0; i < call->operation->parameter_count; i++) {
    const struct field *field = &call->operation->parameters[i];
    if (field->place == PLACE_QUERY || !is_given(L, sources, field)) continue;
    lua_pushstring(L, field->name);
    lua_rawget(L, sources->fields);
    text->length = 0;
    if (field->place == PLACE_COOKIE) {
      check_status(L, parameter_append_cookie(L, cookies, field, lua_gettop(L)));
    } else {
      check_status(L, parameter_append_header(L, text, field, lua_gettop(L)));
      headers_add_one(L, call, parameter_wire_name(field), text->data, text->length);
    }
    lua_pop(L, 1);
  }
  if (cookies->length > 0) headers_add_one(L, call, "Cookie", cookies->data, cookies->length);
  lua_pop(L, 2);
}

static void add_others(lua_State *L, struct call *call, const struct header_sources *sources) {
  const char *accept = sources->accept ? sources->accept : call->operation->accept;
  bool text = call->operation->answer_kind == ANSWER_TEXT;
  add_text(L, call, "Accept", accept ? accept : text ? "text/plain" : "application/json");
  if (call->request.transfer.body) add_text(L, call, "Content-Type", call->content_type);
  push_of_client(L, sources->client);
  add_table(L, call, lua_gettop(L), sources);
  lua_pop(L, 1);
  add_parameters(L, call, sources);
  add_table(L, call, sources->own, NULL);
}

static void add_all(lua_State *L, struct call *call, const struct header_sources *sources,
                    bool is_shown) {
  if (!call->operation->public_) {
    const struct client *client = check_client(L, sources->client);
    if (is_shown)
      add_text(L, call, "Authorization", CREDENTIAL_MARK);
    else
      add_credential(L, call, client);
    if (client->organization) add_text(L, call, "X-Anyreach-Org", client->organization);
  }
  add_others(L, call, sources);
}

void headers_add(lua_State *L, struct call *call, const struct header_sources *sources) {
  add_all(L, call, sources, false);
}

void headers_add_shown(lua_State *L, struct call *call, const struct header_sources *sources) {
  add_all(L, call, sources, true);
}

/* }====== */
