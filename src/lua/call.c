#include "lua/call.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/answerer.h"
#include "lua/arguments.h"
#include "lua/client.h"
#include "lua/error.h"
#include "lua/guard.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "lua/parameter.h"
#include "lua/redact.h"
#include "lua/request_headers.h"
#include "lua/secret.h"
#include "net/request.h"
#include "net/url.h"

enum { UP_CLIENT = 1, UP_OPERATION, UP_TRY };

static void check_buf(lua_State *L, int status, const char *what) {
  if (status == BUF_FULL) raise_error(L, "usage", "the request's %s is too large", what);
  if (status == BUF_NO_MEMORY) luaL_error(L, "not enough memory");
}

/* Sets what stands in the path for the argument at `index`; what must be kept alive is pushed. */
static void set_path_value(lua_State *L, struct url_value *value, const struct field *field,
                           int index) {
  value->is_encoded = lua_istable(L, index) || field->style != STYLE_DEFAULT;
  if (!value->is_encoded) {
    value->bytes = parameter_push_text(L, index, &value->length);
    return;
  }
  struct buf *text = json_new_buffer(L, CALL_MAX_URL);
  check_buf(L, parameter_append_path(L, text, field, index), "path");
  if (!url_is_segment(text->data, text->length))
    raise_error(L, "usage", "%s: cannot be part of a path", field->name);
  value->bytes = text->data;
  value->length = text->length;
}

static void append_path(lua_State *L, struct call *call, const struct client *client) {
  const struct operation *operation = call->operation;
  struct url_value values[OPERATION_MAX_PATH_FIELDS];
  int top = lua_gettop(L);
  for (int i = 0; i < (int)operation->path_field_count; i++)
    set_path_value(L, &values[i], &operation->path_fields[i], i + 1);
  int status = buf_append_text(&call->url, client->base_url);
  if (status == BUF_OK) status = url_append_path(&call->url, operation->path, values);
  check_buf(L, status, "path");
  lua_settop(L, top);
}

static void append_query(lua_State *L, struct call *call, int fields) {
  bool first = true;
  if (!lua_istable(L, fields)) return;
  for (unsigned i = 0; i < call->operation->parameter_count; i++) {
    const struct field *field = &call->operation->parameters[i];
    if (field->place != PLACE_QUERY) continue;
    lua_pushstring(L, field->name);
    if (lua_rawget(L, fields) != LUA_TNIL)
      check_buf(L, parameter_append_query(L, &call->url, &first, field, lua_gettop(L)), "query");
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

/* Has the body written by a function of anyreach.client.form, which gets it with what `push_hints`
 * says of its fields. Puts the bytes in the body's slot, where they live as long as the call, and
 * leaves their content type on the stack. [-0, +1, e] */
static void set_form_body(lua_State *L, struct call *call, int body, const char *function,
                          void (*push_hints)(lua_State *L, const struct operation *operation)) {
  embedded_require(L, "anyreach.client.form");
  lua_getfield(L, -1, function);
  lua_remove(L, -2);
  lua_pushvalue(L, body);
  push_hints(L, call->operation);
  lua_call(L, 2, 2);
  call->content_type = lua_tostring(L, -1);
  lua_insert(L, -2);
  call->request.transfer.body = lua_tolstring(L, -1, &call->request.transfer.body_length);
  lua_replace(L, body);
}

/* Pushes {name = true} of the fields that hold files. */
static void push_file_fields(lua_State *L, const struct operation *operation) {
  lua_newtable(L);
  for (const char *const *name = operation->multipart; name && *name; name++) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, *name);
  }
}

/* Pushes {name = true} of the fields whose parts have names in brackets. */
static void push_deep_fields(lua_State *L, const struct operation *operation) {
  lua_newtable(L);
  for (unsigned i = 0; i < operation->body->field_count; i++) {
    if (operation->body->fields[i].style != STYLE_DEEP_OBJECT) continue;
    lua_pushboolean(L, true);
    lua_setfield(L, -2, operation->body->fields[i].name);
  }
}

static void set_json_body(lua_State *L, struct call *call, int body, int empty_arrays) {
  struct json_options options = {.empty_arrays = empty_arrays, .secrets = JSON_SECRETS_REVEAL};
  if (!json_encode(L, body, &call->body, &options))
    raise_error(L, "usage", "%s: %s", call->operation->name, lua_tostring(L, -1));
  call->request.transfer.body = call->body.data;
  call->request.transfer.body_length = call->body.length;
  const char *type = call->operation->content_type;
  call->content_type = type ? type : "application/json";
}

static void set_raw_body(lua_State *L, struct call *call, int body) {
  call->request.transfer.body = to_wire_text(L, body, &call->request.transfer.body_length);
  call->content_type = call->operation->content_type;
}

static void set_request_body(lua_State *L, struct call *call, int body, int empty_arrays) {
  enum body_kind kind = call->operation->body_kind;
  if (lua_isnil(L, body)) return;
  if (kind == BODY_MULTIPART || is_form(L, call->operation, body))
    set_form_body(L, call, body, "encode", push_file_fields);
  else if (kind == BODY_URLENCODED)
    set_form_body(L, call, body, "urlencode", push_deep_fields);
  else if (kind == BODY_RAW)
    set_raw_body(L, call, body);
  else
    set_json_body(L, call, body, empty_arrays);
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
static void check_api_guard(lua_State *L, int client_index, struct call *call, bool is_raw,
                            const struct header_sources *headers) {
  const struct client *client = check_client(L, client_index);
  const char *url = buf_text(&call->url);
  if (!url) luaL_error(L, "not enough memory");
  struct guard_request request = {.operation = call->operation,
                                  .url = url,
                                  .target = url + strlen(client->base_url),
                                  .is_raw = is_raw,
                                  .overrides_method =
                                      headers_override_method(L, call->operation, headers)};
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

static struct header_sources sources_of(const struct call_arguments *arguments) {
  return (struct header_sources){.client = lua_upvalueindex(UP_CLIENT),
                                 .fields = arguments->fields,
                                 .own = arguments->headers};
}

/* A metamethod: the first argument is the called object, which is not needed. */
static int l_call(lua_State *L) {
  const struct operation *operation = lua_touserdata(L, lua_upvalueindex(UP_OPERATION));
  lua_remove(L, 1);
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  struct call_arguments arguments = check_arguments(L, operation);
  struct call *call = push_prepared_call(L, client, operation, &arguments);
  struct header_sources headers = sources_of(&arguments);
  check_api_guard(L, lua_upvalueindex(UP_CLIENT), call, false, &headers);
  headers_add(L, call, &headers);
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
  struct header_sources headers = sources_of(&arguments);
  headers_add_shown(L, call, &headers);
  call->request.transfer.method = operation->method;
  call->request.transfer.url = buf_text(&call->url);
  if (!call->request.transfer.url) return luaL_error(L, "not enough memory");
  embedded_require(L, "anyreach.text.curl");
  lua_getfield(L, -1, "command");
  push_shown_request(L, &call->request.transfer, false);
  lua_call(L, 1, 1);
  return 1;
}

/* raw(method, target[, body[, headers]]): `target` is path and query, encoded;
 * lua/anyreach/client/request.lua has checked both. Everything but a POST may be repeated. */
static int l_raw_call(lua_State *L) {
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  const char *method = luaL_checkstring(L, 1), *target = luaL_checkstring(L, 2);
  lua_settop(L, 4);
  headers_check(L, 4, "request");
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
  struct header_sources headers = {.client = lua_upvalueindex(UP_CLIENT), .own = 4};
  check_api_guard(L, lua_upvalueindex(UP_CLIENT), call, true, &headers);
  set_request_body(L, call, 3, 0);
  headers_add(L, call, &headers);
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
  headers_add_one(L, call, "Content-Type", type, strlen(type));
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
  struct header_sources headers = {.client = with_credential ? 1 : 0, .accept = "*/*"};
  headers_add(L, call, &headers);
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
