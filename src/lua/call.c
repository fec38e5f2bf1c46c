#include "lua/call.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "lua/answerer.h"
#include "lua/arguments.h"
#include "lua/client.h"
#include "lua/error.h"
#include "lua/guard.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "lua/redact.h"
#include "lua/secret.h"
#include "net/request.h"
#include "net/url.h"

enum { UP_CLIENT = 1, UP_OPERATION, UP_TRY };

static void check_buf(lua_State *L, int status, const char *what) {
  if (status == BUF_FULL) raise_error(L, "usage", "the request's %s is too large", what);
  if (status == BUF_NO_MEMORY) luaL_error(L, "not enough memory");
}

/* Pushes a scalar as it is written in a URL, and returns its bytes. [-0, +1, m] */
static const char *push_url_text(lua_State *L, int index, size_t *length) {
  const char *text = to_wire_text(L, index, length);
  if (text) {
    lua_pushvalue(L, index);
    return text;
  }
  int is_integral;
  lua_Integer integer = lua_tointegerx(L, index, &is_integral);
  if (!is_integral) return luaL_tolstring(L, index, length);
  lua_pushinteger(L, integer);
  return lua_tolstring(L, -1, length);
}

static void append_path(lua_State *L, struct call *call, const struct client *client) {
  struct url_value values[OPERATION_MAX_PATH_FIELDS];
  int top = lua_gettop(L);
  for (unsigned i = 0; i < call->operation->path_field_count; i++)
    values[i].bytes = push_url_text(L, (int)i + 1, &values[i].length);
  int status = buf_append_text(&call->url, client->base_url);
  if (status == BUF_OK) status = url_append_path(&call->url, call->operation->path, values);
  check_buf(L, status, "path");
  lua_settop(L, top);
}

static void append_query_text(lua_State *L, struct call *call, bool *first, const char *name,
                              int index) {
  size_t length;
  const char *text = push_url_text(L, lua_absindex(L, index), &length);
  check_buf(L, url_append_query(&call->url, first, name, text, length), "query");
  lua_pop(L, 1);
}

/* Appends the value on top of the stack: an array as repeated keys, an object as JSON text. */
static void append_query_value(lua_State *L, struct call *call, bool *first, const char *name,
                               bool as_json) {
  int index = lua_gettop(L);
  if (as_json && lua_istable(L, index)) {
    struct buf *text = json_new_buffer(L, CALL_MAX_URL);
    struct json_options options = {.secrets = JSON_SECRETS_REVEAL};
    if (!json_encode(L, index, text, &options))
      raise_error(L, "usage", "%s: %s", name, lua_tostring(L, -1));
    check_buf(L, url_append_query(&call->url, first, name, text->data, text->length), "query");
  } else if (lua_istable(L, index)) {
    for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, index); i <= count; i++) {
      lua_rawgeti(L, index, i);
      append_query_text(L, call, first, name, -1);
      lua_pop(L, 1);
    }
  } else {
    append_query_text(L, call, first, name, index);
  }
  lua_settop(L, index);
}

static void append_query(lua_State *L, struct call *call, int fields) {
  bool first = true;
  if (!lua_istable(L, fields)) return;
  for (unsigned i = 0; i < call->operation->query_field_count; i++) {
    const struct field *field = &call->operation->query_fields[i];
    lua_pushstring(L, field->name);
    if (lua_rawget(L, fields) != LUA_TNIL)
      append_query_value(L, call, &first, field->name, field->schema->json_text);
    lua_pop(L, 1);
  }
}

/* True when a field that holds a file is given: the body is then a form. */
static bool is_form(lua_State *L, const struct operation *operation, int body) {
  if (!operation->multipart || !lua_istable(L, body)) return false;
  for (const char *const *name = operation->multipart; *name; name++) {
    lua_pushstring(L, *name);
    bool given = lua_rawget(L, body) != LUA_TNIL;
    lua_pop(L, 1);
    if (given) return true;
  }
  return false;
}

/* Puts the form's bytes in the body's slot, where they live as long as the call, and leaves its
 * content type on the stack. [-0, +1, e] */
static void set_form_body(lua_State *L, struct call *call, int body) {
  embedded_require(L, "anyreach.client.form");
  lua_getfield(L, -1, "encode");
  lua_remove(L, -2);
  lua_pushvalue(L, body);
  lua_newtable(L);
  for (const char *const *name = call->operation->multipart; *name; name++) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, *name);
  }
  lua_call(L, 2, 2);
  call->content_type = lua_tostring(L, -1);
  lua_insert(L, -2);
  call->request.transfer.body = lua_tolstring(L, -1, &call->request.transfer.body_length);
  lua_replace(L, body);
}

static void set_request_body(lua_State *L, struct call *call, int body, int empty_arrays) {
  if (lua_isnil(L, body)) return;
  if (is_form(L, call->operation, body)) {
    set_form_body(L, call, body);
    return;
  }
  struct json_options options = {.empty_arrays = empty_arrays, .secrets = JSON_SECRETS_REVEAL};
  if (!json_encode(L, body, &call->body, &options))
    raise_error(L, "usage", "%s: %s", call->operation->name, lua_tostring(L, -1));
  call->request.transfer.body = call->body.data;
  call->request.transfer.body_length = call->body.length;
  call->content_type = "application/json";
}

static void add_header(lua_State *L, struct call *call, const char *name, const char *value,
                       size_t length) {
  if (http_add_header(&call->request.transfer, name, value, length) != 0)
    raise_error(L, "usage", "the header %s holds a control character or is too long", name);
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

static void add_organization(lua_State *L, struct call *call, const struct client *client) {
  if (client->organization)
    add_header(L, call, "X-Anyreach-Org", client->organization, strlen(client->organization));
}

/* The extra headers of the client at `client`. */
static void add_client_headers(lua_State *L, struct call *call, int client) {
  push_client_headers(L, client);
  if (lua_istable(L, -1)) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
      size_t length;
      const char *value = to_wire_text(L, -1, &length);
      if (value) add_header(L, call, lua_tostring(L, -2), value, length);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

/* All but those that say who asks. */
static void add_other_headers(lua_State *L, struct call *call) {
  bool text = call->operation->answer_kind == ANSWER_TEXT;
  const char *accept = text ? "text/plain" : "application/json";
  add_header(L, call, "Accept", accept, strlen(accept));
  if (call->request.transfer.body)
    add_header(L, call, "Content-Type", call->content_type, strlen(call->content_type));
  add_client_headers(L, call, lua_upvalueindex(UP_CLIENT));
}

static void add_headers(lua_State *L, struct call *call, const struct client *client) {
  if (!call->operation->public_) {
    add_credential(L, call, client);
    add_organization(L, call, client);
  }
  add_other_headers(L, call);
}

/* Headers by which some servers take a request for one of another method. */
static bool names_method(const char *header) {
  static const char *const names[] = {"X-HTTP-Method-Override", "X-HTTP-Method",
                                      "X-Method-Override"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcasecmp(header, names[i]) == 0) return true;
  return false;
}

static bool overrides_method(lua_State *L, int client) {
  bool found = false;
  push_client_headers(L, client);
  int headers = lua_gettop(L);
  if (lua_istable(L, headers))
    for (lua_pushnil(L); !found && lua_next(L, headers); lua_settop(L, headers + 1))
      found = names_method(lua_tostring(L, headers + 1));
  lua_settop(L, headers - 1);
  return found;
}

/* Raises when the run, or the client alone, may not send the request. */
static void check_guard(lua_State *L, const struct client *client, struct call *call,
                        struct guard_request *request) {
  if (client->is_protected) request->protected_profile = client->profile;
  guard_check(L, request);
  call->row = request->row;
  call->writes = request->writes;
}

/* The same for a request to the client's API, whose URL is complete. */
static void check_api_guard(lua_State *L, int client_index, struct call *call, bool is_raw) {
  const struct client *client = check_client(L, client_index);
  const char *url = buf_text(&call->url);
  if (!url) luaL_error(L, "not enough memory");
  struct guard_request request = {.operation = call->operation,
                                  .url = url,
                                  .target = url + strlen(client->base_url),
                                  .is_raw = is_raw,
                                  .overrides_method = overrides_method(L, client_index)};
  check_guard(L, client, call, &request);
}

/* Pushes a call with its address and body, right above the arguments. [-0, +n, e] */
static struct call *push_prepared_call(lua_State *L, const struct client *client,
                                       const struct operation *operation,
                                       struct call_arguments *arguments) {
  bool try = lua_toboolean(L, lua_upvalueindex(UP_TRY));
  struct call *call = push_new_call(L, lua_upvalueindex(UP_CLIENT), operation, try);
  call->is_streamed = !lua_isnil(L, arguments->on_chunk);
  if (call->is_streamed) {
    lua_pushvalue(L, arguments->on_chunk);
    lua_setiuservalue(L, -2, CALL_ON_CHUNK);
  }
  append_path(L, call, client);
  append_query(L, call, arguments->fields);
  set_request_body(L, call, arguments->body, arguments->check.empty_arrays);
  return call;
}

/* A metamethod: the first argument is the called object, which is not needed. */
static int l_call(lua_State *L) {
  const struct operation *operation = lua_touserdata(L, lua_upvalueindex(UP_OPERATION));
  lua_remove(L, 1);
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  struct call_arguments arguments = check_arguments(L, operation);
  struct call *call = push_prepared_call(L, client, operation, &arguments);
  check_api_guard(L, lua_upvalueindex(UP_CLIENT), call, false);
  add_headers(L, call, client);
  call->by_client = true;
  return answer_call(L, arguments.body + 1);
}

/* True when the value at `index` is a bound operation, as in api.agents.get:curl(). */
static bool is_bound(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !luaL_getmetafield(L, index, "__name")) return false;
  const char *type = lua_tostring(L, -1);
  bool bound = type && strcmp(type, CALL_BOUND_TYPE) == 0;
  lua_pop(L, 1);
  return bound;
}

/* The equivalent curl command of the call that its arguments make, which is not sent: curl(path
 * values…[, fields]), with or without the operation itself before them. */
static int l_curl(lua_State *L) {
  const struct operation *operation = lua_touserdata(L, lua_upvalueindex(UP_OPERATION));
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  if (is_bound(L, 1)) lua_remove(L, 1);
  struct call_arguments arguments = check_arguments(L, operation);
  struct call *call = push_prepared_call(L, client, operation, &arguments);
  if (!operation->public_) {
    add_header(L, call, "Authorization", CREDENTIAL_MARK, strlen(CREDENTIAL_MARK));
    add_organization(L, call, client);
  }
  add_other_headers(L, call);
  call->request.transfer.method = operation->method;
  call->request.transfer.url = buf_text(&call->url);
  if (!call->request.transfer.url) return luaL_error(L, "not enough memory");
  embedded_require(L, "anyreach.text.curl");
  lua_getfield(L, -1, "command");
  push_shown_request(L, &call->request.transfer, false);
  lua_call(L, 1, 1);
  return 1;
}

/* raw(method, target[, body]): `target` is path and query, encoded; lua/anyreach/client/request.lua
 * has checked both. Everything but a POST may be repeated. */
static int l_raw_call(lua_State *L) {
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  const char *method = luaL_checkstring(L, 1), *target = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  struct call *call = push_new_call(L, lua_upvalueindex(UP_CLIENT), NULL,
                                    lua_toboolean(L, lua_upvalueindex(UP_TRY)));
  bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  bool creates = strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
  call->operation = &call->raw;
  call->raw = (struct operation){.name = "request",
                                 .method = method,
                                 .path = target,
                                 .retry = creates ? RETRY_NEVER : RETRY_IDEMPOTENT,
                                 .writes = !reads};
  check_buf(L, buf_append_text(&call->url, client->base_url), "path");
  check_buf(L, buf_append_text(&call->url, target), "path");
  check_api_guard(L, lua_upvalueindex(UP_CLIENT), call, true);
  set_request_body(L, call, 3, 0);
  add_headers(L, call, client);
  call->by_client = true;
  return answer_call(L, lua_gettop(L));
}

/* upload(client, url, bytes, content_type): puts bytes at a presigned address, without credential
 * and without the client's own headers. That the verb is PUT is inferred. */
int l_call_upload(lua_State *L) {
  const struct client *client = check_client(L, 1);
  const char *url = luaL_checkstring(L, 2), *type = luaL_checkstring(L, 4), *problem;
  if (!url_is_safe(url, &problem))
    return raise_error(L, "answer", "the server's upload address is refused: %s", problem);
  lua_settop(L, 4);
  struct call *call = push_new_call(L, 1, NULL, false);
  call->operation = &call->raw;
  call->presigned = true;
  call->raw = (struct operation){.name = "sources.upload",
                                 .method = "PUT",
                                 .path = "",
                                 .answer_kind = ANSWER_TEXT,
                                 .retry = RETRY_IDEMPOTENT,
                                 .writes = true,
                                 .public_ = true};
  struct guard_request guarded = {.operation = call->operation};
  check_guard(L, client, call, &guarded);
  check_buf(L, buf_append_text(&call->url, url), "address");
  call->request.transfer.body = luaL_checklstring(L, 3, &call->request.transfer.body_length);
  add_header(L, call, "Content-Type", type, strlen(type));
  return answer_call(L, lua_gettop(L));
}

/* fetch(client, url, with_credential): the text of a document. The credential goes along only to an
 * address below the client's base URL. */
int l_call_fetch(lua_State *L) {
  const struct client *client = check_client(L, 1);
  const char *url = luaL_checkstring(L, 2), *problem;
  bool with_credential = lua_toboolean(L, 3);
  size_t base_length = strlen(client->base_url);
  bool is_below = strncmp(url, client->base_url, base_length) == 0 && url[base_length] == '/';
  if (!url_is_safe(url, &problem)) return raise_error(L, "input", "'%s': %s", url, problem);
  if (with_credential && !is_below) return luaL_error(L, "the credential is not for that address");
  lua_settop(L, 2);
  struct call *call = push_new_call(L, 1, NULL, false);
  call->operation = &call->raw;
  call->raw = (struct operation){.name = "fetch",
                                 .method = "GET",
                                 .path = "",
                                 .answer_kind = ANSWER_TEXT,
                                 .retry = RETRY_SAFE,
                                 .public_ = !with_credential};
  check_buf(L, buf_append_text(&call->url, url), "address");
  if (with_credential) {
    add_credential(L, call, client);
    add_organization(L, call, client);
  }
  add_header(L, call, "Accept", "*/*", strlen("*/*"));
  if (with_credential) add_client_headers(L, call, 1);
  return answer_call(L, lua_gettop(L));
}

void push_raw_call(lua_State *L, int client, bool try) {
  embedded_require(L, "anyreach.client.request");
  lua_getfield(L, -1, "bind");
  lua_remove(L, -2);
  lua_pushvalue(L, client);
  lua_pushnil(L);
  lua_pushboolean(L, try);
  lua_pushcclosure(L, l_raw_call, 3);
  lua_call(L, 1, 1);
}

void push_curl(lua_State *L, int client, const struct operation *operation) {
  lua_pushvalue(L, client);
  lua_pushlightuserdata(L, (void *)operation);
  lua_pushcclosure(L, l_curl, 2);
}

void push_call(lua_State *L, int client, const struct operation *operation, bool try) {
  lua_pushvalue(L, client);
  lua_pushlightuserdata(L, (void *)operation);
  lua_pushboolean(L, try);
  lua_pushcclosure(L, l_call, 3);
}
