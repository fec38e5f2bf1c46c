#include "lua/call.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/answer.h"
#include "lua/arguments.h"
#include "lua/client.h"
#include "lua/error.h"
#include "lua/guard.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "lua/observer.h"
#include "lua/redact.h"
#include "lua/replay.h"
#include "lua/secret.h"
#include "lua/task.h"
#include "net/request.h"
#include "net/url.h"
#include "net/write_tally.h"

enum { UP_CLIENT = 1, UP_OPERATION, UP_TRY };
enum {
  CALL_MAX_URL = 64 * 1024,
  CALL_MAX_BODY = 64 * 1024 * 1024,
  CALL_MAX_REFUSALS = 30 /* "too many requests" in a row that one call bears */
};

/* Lives in a userdata on the caller's stack, closed with its slot: so that whoever gives up the
 * wait gives up the request. */
struct call {
  struct request request;
  struct wait wait;
  const struct operation *operation;
  struct operation raw; /* the row of a raw request */
  struct buf url, body;
  const char *content_type; /* of the body */
  int on_chunk; /* stack index of the function that takes a text answer piece by piece, or 0 */
  bool over;
  bool by_client; /* made by a method of a client, which is in the upvalue UP_CLIENT */
  bool presigned; /* goes to an address that is its own credential */
  bool try;
};

/* Stack: the call at index 1. Its path may hold a secret. */
static int note_path(lua_State *L) {
  const struct call *call = lua_touserdata(L, 1);
  const struct http_transfer *transfer = &call->request.transfer;
  const char *path = strstr(transfer->url, "://");
  path = path ? strchr(path + 3, '/') : NULL;
  luaopen_anyreach_redact(L);
  lua_pushstring(L, path && !call->presigned ? path : "(an upload)");
  lua_call(L, 1, 1);
  write_tally_note_open(transfer->method, lua_tostring(L, -1));
  return 0;
}

/* A write that somebody gives up may have been carried out. Raises nothing: the call is still to be
 * freed. */
static void note_given_up(lua_State *L, struct call *call) {
  const struct request *request = &call->request;
  bool is_open = http_is_running(&request->transfer) || request->may_have_been_sent;
  if (call->over || !is_open || !call->operation->writes) return;
  lua_pushcfunction(L, note_path);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
  write_tally_note_open(request->transfer.method, "(there was no memory for the path)");
  lua_pop(L, 1);
}

static int call_close(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  note_given_up(L, call);
  call->over = true;
  request_release(&call->request);
  buf_free(&call->url);
  buf_wipe(&call->body);
  return 0;
}

static void on_received(void *context) {
  task_wake(&((struct call *)context)->wait);
}

static void on_done(void *context) {
  struct call *call = context;
  call->over = true;
  task_wake(&call->wait);
}

/* Pushes a call, to be closed with its slot. [-0, +1, m] */
static struct call *push_new_call(lua_State *L, const struct operation *operation) {
  struct call *call = lua_newuserdatauv(L, sizeof *call, 0);
  *call = (struct call){.operation = operation, .try = lua_toboolean(L, lua_upvalueindex(UP_TRY))};
  buf_init(&call->url, CALL_MAX_URL);
  buf_init(&call->body, CALL_MAX_BODY);
  if (luaL_newmetatable(L, "anyreach.call")) {
    lua_pushcfunction(L, call_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, call_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
  return call;
}

static void check_buf(lua_State *L, int status, const char *what) {
  if (status == BUF_FULL) raise_error(L, "usage", "the request's %s is too large", what);
  if (status == BUF_NO_MEMORY) luaL_error(L, "not enough memory");
}

/* Pushes a scalar as it stands in a URL, and returns its bytes. [-0, +1, m] */
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

static bool is_success(const struct http_transfer *transfer) {
  return transfer->status >= 200 && transfer->status <= 299;
}

/* A recording is to hold the whole text, so the taker gets it at the end. */
static bool is_handed_over_early(const struct call *call) {
  return call->on_chunk && !(call->request.observer && call->request.observer->wants_contents);
}

/* Raises or returns the error on top of the stack. */
static int fail(lua_State *L, const struct call *call) {
  if (!call->try) return lua_error(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* The error stands right above the call. */
static int fail_explained(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_settop(L, (int)context + 1);
  return fail(L, lua_touserdata(L, (int)context));
}

/* Asks which scopes the credential does have, and adds them to the error on top of the stack. */
static int explain_forbidden(lua_State *L, int index) {
  embedded_require(L, "anyreach.client.scopes");
  lua_getfield(L, -1, "explain");
  lua_remove(L, -2);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, lua_upvalueindex(UP_CLIENT));
  lua_callk(L, 2, 0, index, fail_explained);
  return fail_explained(L, LUA_OK, index);
}

/* `index` is the call's; nothing is above it. */
static int deliver(lua_State *L, struct call *call, int index) {
  if (call->request.observer && !loop_cancelled()) lua_observer_flush(L);
  struct exchange exchange = {.operation = call->operation,
                              .transfer = &call->request.transfer,
                              .attempts = call->request.attempts,
                              .may_have_been_sent = call->request.may_have_been_sent,
                              .raw = call->operation == &call->raw,
                              .presigned = call->presigned};
  if (push_answer(L, &exchange)) {
    if (call->operation->writes) write_tally_note_applied();
    push_response(L, &exchange);
    return 2;
  }
  bool is_forbidden =
      call->request.transfer.verdict == CURLE_OK && call->request.transfer.status == 403;
  return is_forbidden && call->by_client ? explain_forbidden(L, index) : fail(L, call);
}

static int go_on(lua_State *L, int status, lua_KContext context);

/* Hands over what there is of a good text answer; the taker may wait itself. */
static void hand_over(lua_State *L, struct call *call, int index) {
  struct buf *text = &call->request.transfer.response_body;
  while (call->on_chunk && text->length > 0 && is_success(&call->request.transfer)) {
    lua_pushvalue(L, call->on_chunk);
    lua_pushlstring(L, text->data, text->length);
    text->length = 0;
    lua_callk(L, 1, 0, index, go_on);
  }
}

/* Continues when something has arrived, until the request is over. Where Lua cannot yield it loops
 * here: one call within the other for each piece would exhaust the C stack. `context` is the stack
 * index of the call. */
static int go_on(lua_State *L, int status, lua_KContext context) {
  (void)status;
  int index = (int)context;
  struct call *call = lua_touserdata(L, index);
  lua_settop(L, index);
  for (;;) {
    hand_over(L, call, index);
    if (call->over) return deliver(L, call, index);
    call->wait.done = false;
    if (lua_isyieldable(L)) return task_await(L, &call->wait, context, go_on);
    task_drive(L, &call->wait);
  }
}

/* Pieces that were handed over cannot be taken back: such a request is not repeated after a
 * failure. */
static struct request_policy policy_of(const struct call *call, const struct client *client) {
  return (struct request_policy){.retries = call->on_chunk ? 0 : client->retries,
                                 .refusals = client->retries > 0 ? CALL_MAX_REFUSALS : 0};
}

/* Gives the call its recorded answer; it is over in the next turn, as nothing completes at once. */
static void start_replay(lua_State *L, struct call *call) {
  struct request *request = &call->request;
  replay_answer(L, &request->transfer, call->content_type, call->presigned);
  request->attempts = 1;
  request->may_have_been_sent = request->transfer.may_have_been_sent;
  request->loop = task_loop(L);
  request->timer = (struct loop_timer){.fire = on_done, .context = call};
  if (loop_timer_start(request->loop, &request->timer, 0) != 0) luaL_error(L, "not enough memory");
}

/* Sends the call, whose userdata is at `index`; its headers are set. */
static int send_call(lua_State *L, int index, const struct client *client) {
  struct call *call = lua_touserdata(L, index);
  struct request *request = &call->request;
  request->transfer.method = call->operation->method;
  request->transfer.url = buf_text(&call->url);
  request->transfer.may_repeat = call->operation->retry != RETRY_NEVER;
  request->transfer.limits = client->limits;
  request->transfer.ca_file = client->ca_file;
  request->throttle = call->presigned ? NULL : client->throttle;
  request->observer = client->observer;
  request->presigned = call->presigned;
  request->retry = call->operation->retry;
  request->policy = policy_of(call, client);
  request->received = is_handed_over_early(call) ? on_received : NULL;
  request->done = on_done;
  request->context = call;
  if (!request->transfer.url) return luaL_error(L, "not enough memory");
  if (client->replays)
    start_replay(L, call);
  else if (request_start(request, task_loop(L)) != 0)
    return luaL_error(L, "not enough memory");
  return task_await(L, &call->wait, index, go_on);
}

/* The last path value if it is text, for the guard; else NULL. */
static const char *last_path_text(lua_State *L, const struct operation *operation) {
  int index = (int)operation->path_field_count;
  return index > 0 && lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
}

/* Raises when the run, or the client alone, may not send the request. */
static void check_guard(lua_State *L, const struct client *client, struct guard_request *request) {
  if (client->is_protected) request->protected_profile = client->profile;
  guard_check(L, request);
}

/* Pushes a call with its address and body, right above the arguments. [-0, +n, e] */
static struct call *push_prepared_call(lua_State *L, const struct client *client,
                                       const struct operation *operation,
                                       struct call_arguments *arguments) {
  struct call *call = push_new_call(L, operation);
  call->on_chunk = lua_isnil(L, arguments->on_chunk) ? 0 : arguments->on_chunk;
  append_path(L, call, client);
  append_query(L, call, arguments->fields);
  set_request_body(L, call, arguments->body, arguments->check.empty_arrays);
  return call;
}

/* A metamethod: the called object comes first, and is of no use here. */
static int l_call(lua_State *L) {
  const struct operation *operation = lua_touserdata(L, lua_upvalueindex(UP_OPERATION));
  lua_remove(L, 1);
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  struct call_arguments arguments = check_arguments(L, operation);
  check_guard(
      L, client,
      &(struct guard_request){.operation = operation, .argument = last_path_text(L, operation)});
  struct call *call = push_prepared_call(L, client, operation, &arguments);
  add_headers(L, call, client);
  call->by_client = true;
  return send_call(L, arguments.body + 1, client);
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

/* The guard wants the path alone, and its last value decoded, as the server reads it. */
static void guard_raw(lua_State *L, const struct client *client, const struct operation *operation,
                      const char *target) {
  const char *path = lua_pushlstring(L, target, strcspn(target, "?"));
  const char *last = strrchr(path, '/');
  struct buf *value = json_new_buffer(L, CALL_MAX_URL);
  if (last) check_buf(L, url_append_decoded(value, last + 1, strlen(last + 1)), "path");
  struct guard_request request = {
      .operation = operation, .path = path, .argument = buf_text(value)};
  check_guard(L, client, &request);
  lua_pop(L, 2);
}

/* raw(method, target[, body]): `target` is path and query, encoded; lua/anyreach/client/request.lua
 * has checked both. Everything but a POST may be repeated. */
static int l_raw_call(lua_State *L) {
  const struct client *client = check_client(L, lua_upvalueindex(UP_CLIENT));
  const char *method = luaL_checkstring(L, 1), *target = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  struct call *call = push_new_call(L, NULL);
  bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
  bool creates = strcmp(method, "POST") == 0 || strcmp(method, "PATCH") == 0;
  call->operation = &call->raw;
  call->raw = (struct operation){.name = "request",
                                 .method = method,
                                 .path = target,
                                 .retry = creates ? RETRY_NEVER : RETRY_IDEMPOTENT,
                                 .writes = !reads};
  guard_raw(L, client, call->operation, target);
  check_buf(L, buf_append_text(&call->url, client->base_url), "path");
  check_buf(L, buf_append_text(&call->url, target), "path");
  set_request_body(L, call, 3, 0);
  add_headers(L, call, client);
  call->by_client = true;
  return send_call(L, lua_gettop(L), client);
}

/* upload(client, url, bytes, content_type): puts bytes at a presigned address, without credential
 * and without the client's own headers. That the verb is PUT is inferred. */
int l_call_upload(lua_State *L) {
  const struct client *client = check_client(L, 1);
  const char *url = luaL_checkstring(L, 2), *type = luaL_checkstring(L, 4), *problem;
  if (!url_is_safe(url, &problem))
    return raise_error(L, "answer", "the server's upload address is refused: %s", problem);
  lua_settop(L, 4);
  struct call *call = push_new_call(L, NULL);
  call->operation = &call->raw;
  call->presigned = true;
  call->raw = (struct operation){.name = "sources.upload",
                                 .method = "PUT",
                                 .path = "",
                                 .answer_kind = ANSWER_TEXT,
                                 .retry = RETRY_IDEMPOTENT,
                                 .writes = true,
                                 .public_ = true};
  check_guard(L, client, &(struct guard_request){.operation = call->operation});
  check_buf(L, buf_append_text(&call->url, url), "address");
  call->request.transfer.body = luaL_checklstring(L, 3, &call->request.transfer.body_length);
  add_header(L, call, "Content-Type", type, strlen(type));
  return send_call(L, lua_gettop(L), client);
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
  struct call *call = push_new_call(L, NULL);
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
  return send_call(L, lua_gettop(L), client);
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
