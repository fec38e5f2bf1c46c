#include "lua/answerer.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/answer.h"
#include "lua/error.h"
#include "lua/modules.h"
#include "lua/observer.h"
#include "lua/redact.h"
#include "net/write_tally.h"

#define INSTALLED_TYPE "anyreach.answerer"

enum { MAX_REFUSALS = 30 /* "too many requests" in a row that one call bears */ };

/* {====== the life of a call ====== */

/* Stack: the call at index 1. Its path may hold a secret. */
static int note_path(lua_State *L) {
  const struct call *call = lua_touserdata(L, 1);
  const struct http_transfer *transfer = &call->request.transfer;
  const char *path = strstr(transfer->url, "://");
  path = path ? strchr(path + 3, '/') : NULL;
  push_shown_text(L, path && !call->presigned ? path : "(an upload)");
  write_tally_note_open(transfer->method, lua_tostring(L, -1));
  return 0;
}

static bool has_good_status(const struct call *call) {
  long status = call->request.transfer.status;
  return status >= 200 && status <= 299;
}

/* A write that somebody gives up may have been carried out. Raises nothing: the call is still to be
 * freed. */
static void note_given_up(lua_State *L, const struct call *call) {
  const struct request *request = &call->request;
  if (!call->operation->writes || call->is_returned || !call->is_sent) return;
  if (call->over && call->request.transfer.verdict == CURLE_OK && has_good_status(call))
    write_tally_note_applied();
  bool is_open = http_is_running(&request->transfer) || request->may_have_been_sent;
  if (call->over || !is_open) return;
  lua_pushcfunction(L, note_path);
  lua_pushlightuserdata(L, (void *)call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
  write_tally_note_open(request->transfer.method, "(there was no memory for the path)");
  lua_pop(L, 1);
}

/* Wakes an answerer that waits for it in another task than the caller's. */
static int call_close(lua_State *L) {
  struct call *call = lua_touserdata(L, 1);
  if (call->closed) return 0;
  note_given_up(L, call);
  call->closed = true;
  loop_timer_stop(task_loop(L), &call->turn);
  request_release(&call->request);
  buf_free(&call->url);
  buf_wipe(&call->body);
  task_wake(&call->wait);
  return 0;
}

struct call *push_new_call(lua_State *L, int client, const struct operation *operation, bool try) {
  client = lua_absindex(L, client);
  struct call *call = lua_newuserdatauv(L, sizeof *call, CALL_VALUES);
  *call = (struct call){.operation = operation, .try = try};
  buf_init(&call->url, CALL_MAX_URL);
  buf_init(&call->body, CALL_MAX_BODY);
  if (luaL_newmetatable(L, "anyreach.call")) {
    lua_pushcfunction(L, call_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, call_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushvalue(L, client);
  lua_setiuservalue(L, -2, CALL_CLIENT);
  lua_toclose(L, -1);
  return call;
}

/* }====== */

/* {====== waiting, and handing over pieces ====== */

/* Hands over what there is of a good text answer; the taker may wait itself. */
static void hand_over(lua_State *L, struct call *call, int index, lua_KFunction k) {
  struct buf *text = &call->request.transfer.response_body;
  while (call->is_streamed && text->length > 0 && has_good_status(call)) {
    lua_getiuservalue(L, index, CALL_ON_CHUNK);
    lua_pushlstring(L, text->data, text->length);
    text->length = 0;
    lua_callk(L, 1, 0, index, k);
  }
}

/* Returns when the call at `index` is over; continues in `k`, which calls this again. Where Lua
 * cannot yield it loops here: one call within the other for each piece would exhaust the C stack.
 */
static void wait_until_over(lua_State *L, int index, lua_KFunction k) {
  struct call *call = lua_touserdata(L, index);
  lua_settop(L, index);
  for (;;) {
    if (call->closed) raise_error(L, "cancelled", "the request was given up");
    if (!call->is_kept_whole) hand_over(L, call, index, k);
    if (call->over) return;
    call->wait.done = false;
    if (lua_isyieldable(L))
      task_await(L, &call->wait, index, k);
    else
      task_drive(L, &call->wait);
  }
}

static void on_received(void *context) {
  task_wake(&((struct call *)context)->wait);
}

static void on_over(void *context) {
  struct call *call = context;
  call->over = true;
  task_wake(&call->wait);
}

/* }====== */

/* {====== the end of a call ====== */

/* Raises or returns the error on top of the stack. */
static int fail(lua_State *L, const struct call *call) {
  if (!call->try) return lua_error(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* The error is right above the call. */
static int fail_explained(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_settop(L, (int)context + 1);
  return fail(L, lua_touserdata(L, (int)context));
}

/* Asks which scopes the credential does have, and adds them to the error on top of the stack. */
static int explain_forbidden(lua_State *L, int index) {
  embedded_require(L, "anyreach.client.client");
  lua_getfield(L, -1, "add_scopes");
  lua_remove(L, -2);
  lua_pushvalue(L, -2);
  lua_getiuservalue(L, index, CALL_CLIENT);
  lua_callk(L, 2, 0, index, fail_explained);
  return fail_explained(L, LUA_OK, index);
}

/* `index` is the call's, which is over; nothing is above it. */
static int return_answer(lua_State *L, int index) {
  struct call *call = lua_touserdata(L, index);
  const struct http_transfer *transfer = &call->request.transfer;
  call->is_returned = true;
  if (call->request.observer && !loop_cancelled()) lua_observer_flush(L);
  struct exchange exchange = {.operation = call->operation,
                              .transfer = transfer,
                              .attempts = call->request.attempts,
                              .may_have_been_sent = call->request.may_have_been_sent,
                              .raw = call->operation == &call->raw,
                              .presigned = call->presigned};
  if (push_answer(L, &exchange)) {
    if (call->operation->writes && call->is_sent) write_tally_note_applied();
    push_response(L, &exchange);
    return 2;
  }
  bool is_forbidden = transfer->verdict == CURLE_OK && transfer->status == 403;
  return is_forbidden && call->by_client ? explain_forbidden(L, index) : fail(L, call);
}

/* }====== */

/* {====== the wire ====== */

/* Pieces that were handed over cannot be taken back: such a request is not repeated after a
 * failure. */
static struct request_policy policy_of(const struct call *call, const struct client *client) {
  return (struct request_policy){.retries = call->is_streamed ? 0 : client->retries,
                                 .refusals = client->retries > 0 ? MAX_REFUSALS : 0,
                                 .patience = client->patience,
                                 .looks_first =
                                     client->looks_first && call->operation->retry == RETRY_NEVER};
}

static void set_up(lua_State *L, struct call *call, const struct client *client) {
  struct request *request = &call->request;
  request->transfer.method = call->operation->method;
  request->transfer.url = buf_text(&call->url);
  request->transfer.may_repeat = call->operation->retry != RETRY_NEVER;
  request->transfer.limits = client->limits;
  request->transfer.ca_file = client->ca_file;
  request->transfer.http2 = client->http2;
  request->throttle = call->presigned ? NULL : client->throttle;
  request->observer = client->observer;
  request->presigned = call->presigned;
  request->retry = call->operation->retry;
  request->policy = policy_of(call, client);
  request->done = on_over;
  request->context = call;
  if (!request->transfer.url) luaL_error(L, "not enough memory");
}

/* A recording must hold the whole text, so the taker gets it at the end. */
static bool is_handed_over_early(const struct call *call) {
  const struct observer *observer = call->request.observer;
  return call->is_streamed && !call->is_kept_whole && !(observer && observer->wants_contents);
}

static void start(lua_State *L, struct call *call) {
  call->request.received = is_handed_over_early(call) ? on_received : NULL;
  if (request_start(&call->request, task_loop(L)) != 0) luaL_error(L, "not enough memory");
  call->is_sent = true;
}

/* }====== */

/* {====== answers as tables ====== */

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, bool flag) {
  lua_pushboolean(L, flag);
  lua_setfield(L, -2, name);
}

/* Moves a buffer's bytes into the table on top of the stack. */
static void move_bytes(lua_State *L, const char *name, struct buf *bytes) {
  lua_pushlstring(L, bytes->data ? bytes->data : "", bytes->length);
  lua_setfield(L, -2, name);
  buf_free(bytes);
}

/* Pushes what came over the wire, which the call then no longer has. [-0, +1, m] */
static void push_wire_answer(lua_State *L, struct call *call) {
  struct http_transfer *transfer = &call->request.transfer;
  lua_createtable(L, 0, 6);
  if (transfer->verdict == CURLE_OK) {
    lua_pushinteger(L, transfer->status);
    lua_setfield(L, -2, "status");
    move_bytes(L, "headers", &transfer->response_headers);
    move_bytes(L, "body", &transfer->response_body);
  } else {
    set_text(L, "failure", verdict_kind(transfer->verdict, transfer->too_large));
    set_text(L, "message", verdict_message(transfer));
  }
  set_flag(L, "may_have_been_sent", call->request.may_have_been_sent);
  lua_pushinteger(L, call->request.attempts);
  lua_setfield(L, -2, "attempts");
  lua_pushnumber(L, transfer->elapsed);
  lua_setfield(L, -2, "elapsed");
}

/* A verdict of libcurl that stands for a kind of failure. */
static CURLcode verdict_of(const char *kind) {
  static const struct {
    const char *kind;
    CURLcode verdict;
  } rows[] = {{"timeout", CURLE_OPERATION_TIMEDOUT},
              {"tls", CURLE_PEER_FAILED_VERIFICATION},
              {"answer", CURLE_WEIRD_SERVER_REPLY},
              {"memory", CURLE_OUT_OF_MEMORY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].kind, kind) == 0) return rows[i].verdict;
  return CURLE_RECV_ERROR;
}

/* Sets the buffer to a field of the answer at `answer`; "" when there is none. */
static void take_bytes(lua_State *L, struct buf *buf, size_t maximum, int answer,
                       const char *name) {
  size_t length;
  lua_getfield(L, answer, name);
  const char *bytes = lua_tolstring(L, -1, &length);
  buf_free(buf);
  buf_init(buf, maximum);
  int status = bytes ? buf_append(buf, bytes, length) : BUF_OK;
  if (status == BUF_NO_MEMORY) luaL_error(L, "not enough memory");
  if (status == BUF_FULL) luaL_error(L, "the answer is too large");
  lua_pop(L, 1);
}

/* May have been sent, unless the answer says no: of a failure, that is, without an answer of the
 * server. */
static bool take_doubt(lua_State *L, int answer, bool is_failure) {
  bool doubt =
      lua_getfield(L, answer, "may_have_been_sent") == LUA_TNIL ? is_failure : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return doubt;
}

static void take_numbers(lua_State *L, struct call *call, int answer) {
  lua_getfield(L, answer, "attempts");
  call->request.attempts = (unsigned)luaL_optinteger(L, -1, 1);
  lua_getfield(L, answer, "elapsed");
  call->request.transfer.elapsed = luaL_optnumber(L, -1, 0);
  lua_pop(L, 2);
}

/* Gives the call the answer at index `answer`, in place of what it has. */
static void take_answer(lua_State *L, struct call *call, int answer) {
  struct http_transfer *transfer = &call->request.transfer;
  if (!lua_istable(L, answer))
    luaL_error(L, "an answerer must return an answer, got a %s", luaL_typename(L, answer));
  lua_getfield(L, answer, "failure");
  const char *kind = lua_tostring(L, -1);
  lua_getfield(L, answer, "message");
  const char *message = lua_tostring(L, -1);
  lua_getfield(L, answer, "status");
  if (!kind && !lua_isinteger(L, -1))
    luaL_error(L, "an answer must have a status, or else a failure and a message");
  transfer->verdict = kind ? verdict_of(kind) : CURLE_OK;
  snprintf(transfer->error, sizeof transfer->error, "%s", message ? message : "");
  transfer->status = kind ? 0 : (long)lua_tointeger(L, -1);
  lua_pop(L, 3);
  transfer->too_large = false;
  take_bytes(L, &transfer->response_headers, HTTP_MAX_HEADERS, answer, "headers");
  take_bytes(L, &transfer->response_body, HTTP_MAX_BODY, answer, "body");
  call->request.may_have_been_sent = take_doubt(L, answer, transfer->verdict != CURLE_OK);
  take_numbers(L, call, answer);
}

/* }====== */

/* {====== requests as tables ====== */

/* Sets url, path and query. */
static void set_address(lua_State *L, const struct call *call) {
  const char *url = call->request.transfer.url;
  size_t length = strcspn(url, "?");
  lua_pushlstring(L, url, call->presigned ? length : strlen(url));
  lua_setfield(L, -2, "url");
  const char *path = strstr(url, "://");
  path = path ? path + 3 + strcspn(path + 3, "/?") : url + length;
  lua_pushlstring(L, path, (size_t)(url + length - path));
  lua_setfield(L, -2, "path");
  if (url[length] && !call->presigned) set_text(L, "query", url + length + 1);
}

/* Pushes the request as answerers see it. [-0, +1, m] */
static void push_request(lua_State *L, const struct call *call, const struct client *client) {
  const struct http_transfer *transfer = &call->request.transfer;
  const struct operation *row = call->row ? call->row : call->operation;
  lua_createtable(L, 0, 16);
  set_text(L, "method", transfer->method);
  set_address(L, call);
  set_text(L, "operation", row->name);
  if (transfer->body) lua_pushlstring(L, transfer->body, transfer->body_length);
  if (transfer->body) lua_setfield(L, -2, "body");
  set_text(L, "content_type", call->content_type);
  if (!call->operation->public_) set_text(L, "organization", client->organization);
  place_push_text(L, task_place(L));
  lua_setfield(L, -2, "place");
  set_flag(L, "writes", call->writes);
  set_flag(L, "is_raw", call->operation == &call->raw);
  set_flag(L, "is_presigned", call->presigned);
  set_flag(L, "is_internal", client->is_internal);
  set_flag(L, "is_streamed", call->is_streamed);
}

/* }====== */

/* {====== asking answerers ====== */

/* Registry: the array of those that are installed, the first nearest to the wire; or nil. It is
 * replaced, never changed, so that a call keeps those it began with. */
static const char installed_key;

/* Upvalues of `send`. */
enum { SEND_CALL = 1, SEND_LEVEL, SEND_WAS_CALLED, SEND_UPVALUES = SEND_WAS_CALLED };

static int l_send(lua_State *L);

/* Pushes the answerer of that level of the call at `index`, and its arguments. [-0, +3, m] */
static void push_question(lua_State *L, int index, lua_Integer level) {
  lua_getiuservalue(L, index, CALL_ANSWERERS);
  lua_rawgeti(L, -1, level);
  lua_getiuservalue(L, -1, 1);
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_getiuservalue(L, index, CALL_REQUEST);
  lua_pushvalue(L, index);
  lua_pushinteger(L, level - 1);
  lua_pushboolean(L, 0);
  lua_pushcclosure(L, l_send, SEND_UPVALUES);
}

static int return_top(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)status, (void)context;
  return 1;
}

/* Stack: the call alone. */
static int return_wire_answer(lua_State *L, int status, lua_KContext context) {
  (void)status;
  wait_until_over(L, (int)context, return_wire_answer);
  push_wire_answer(L, lua_touserdata(L, (int)context));
  return 1;
}

/* send([options]) -> answer */
static int l_send(lua_State *L) {
  struct call *call = lua_touserdata(L, lua_upvalueindex(SEND_CALL));
  lua_Integer level = lua_tointeger(L, lua_upvalueindex(SEND_LEVEL));
  if (call->closed) return raise_error(L, "cancelled", "the request was given up");
  if (lua_toboolean(L, lua_upvalueindex(SEND_WAS_CALLED)))
    return luaL_error(L, "a request is sent once");
  lua_pushboolean(L, 1);
  lua_replace(L, lua_upvalueindex(SEND_WAS_CALLED));
  if (lua_istable(L, 1) && lua_getfield(L, 1, "whole") != LUA_TNIL)
    call->is_kept_whole = lua_toboolean(L, -1) || call->is_kept_whole;
  lua_settop(L, 0);
  if (level > 0) {
    push_question(L, lua_upvalueindex(SEND_CALL), level);
    lua_callk(L, 2, 1, 0, return_top);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(SEND_CALL));
  start(L, call);
  return return_wire_answer(L, LUA_OK, 1);
}

/* `context` is the index of the call, which the wire or its answerer has answered. */
static int finish(lua_State *L, int status, lua_KContext context) {
  (void)status;
  wait_until_over(L, (int)context, finish);
  return return_answer(L, (int)context);
}

/* The answer is right above the call. Nothing completes at once: what was not sent is over in the
 * next turn. */
static int answered(lua_State *L, int status, lua_KContext context) {
  (void)status;
  int index = (int)context;
  struct call *call = lua_touserdata(L, index);
  if (call->is_sent && !call->over)
    return luaL_error(L, "an answerer must wait for what it has sent");
  take_answer(L, call, index + 1);
  call->is_kept_whole = false;
  if (call->is_sent) return finish(L, LUA_OK, index);
  call->turn = (struct loop_timer){.fire = on_over, .context = call};
  if (loop_timer_start(task_loop(L), &call->turn, 0) != 0)
    return luaL_error(L, "not enough memory");
  return finish(L, LUA_OK, index);
}

/* Pushes the installed answerers and returns how many they are; pushes nothing for none. */
static lua_Integer push_installed(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &installed_key) == LUA_TTABLE)
    return (lua_Integer)lua_rawlen(L, -1);
  lua_pop(L, 1);
  return 0;
}

int answer_call(lua_State *L, int index) {
  struct call *call = lua_touserdata(L, index);
  lua_getiuservalue(L, index, CALL_CLIENT);
  const struct client *client = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the call keeps it alive */
  set_up(L, call, client);
  lua_Integer level = push_installed(L);
  if (level == 0) {
    start(L, call);
    return finish(L, LUA_OK, index);
  }
  lua_setiuservalue(L, index, CALL_ANSWERERS);
  push_request(L, call, client);
  lua_setiuservalue(L, index, CALL_REQUEST);
  lua_settop(L, index);
  push_question(L, index, level);
  lua_callk(L, 2, 1, index, answered);
  return answered(L, LUA_OK, index);
}

/* }====== */

/* {====== the module ====== */

/* Installs a copy of the present array that lacks the value at index 1, or has it at the end. */
static void change_installed(lua_State *L, bool has_it) {
  lua_Integer count = push_installed(L), kept = 0;
  lua_createtable(L, (int)count + 1, 0);
  int copy = lua_gettop(L);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, copy - 1, i);
    if (lua_rawequal(L, -1, 1))
      lua_pop(L, 1);
    else
      lua_rawseti(L, copy, ++kept);
  }
  if (has_it) lua_pushvalue(L, 1), lua_rawseti(L, copy, ++kept);
  if (kept == 0) lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &installed_key);
}

/* install(answerer) -> the value that stands for it */
static int l_answerer_install(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_newuserdatauv(L, 0, 1);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, 1);
  luaL_getmetatable(L, INSTALLED_TYPE);
  lua_setmetatable(L, 1);
  change_installed(L, true);
  lua_settop(L, 1);
  return 1;
}

static int l_answerer_remove(lua_State *L) {
  luaL_checkudata(L, 1, INSTALLED_TYPE);
  change_installed(L, false);
  return 0;
}

static const luaL_Reg installed_methods[] = {{"remove", l_answerer_remove}, {NULL, NULL}};

static const luaL_Reg answerer_functions[] = {{"install", l_answerer_install}, {NULL, NULL}};

int luaopen_anyreach_answerer(lua_State *L) {
  luaL_newmetatable(L, INSTALLED_TYPE);
  lua_pushcfunction(L, l_answerer_remove);
  lua_setfield(L, -2, "__close");
  luaL_newlib(L, installed_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, answerer_functions);
  return 1;
}

/* }====== */
