#include "sandbox/rules.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/json.h"
#include "lua/modules.h"
#include "net/loop.h"
#include "sandbox/answer.h"

/* Its address is the registry key of the sandbox object. */
static const char sandbox_key;

/* {====== opening and closing ====== */

static void set_option(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static int l_clock(lua_State *L) {
  lua_pushnumber(L, loop_now());
  return 1;
}

/* Protected: makes the sandbox and keeps it in the registry. */
static int open_sandbox(lua_State *L) {
  const struct server_options *options = lua_touserdata(L, 1);
  luaL_openlibs(L);
  modules_open(L);
  embedded_require(L, "anyreach.sandbox");
  lua_getfield(L, -1, "new");
  lua_newtable(L);
  set_option(L, "file", options->file);
  set_option(L, "faults", options->faults);
  set_option(L, "seed", options->seed);
  lua_pushcfunction(L, l_clock);
  lua_setfield(L, -2, "clock");
  lua_call(L, 1, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  return 0;
}

struct description {
  const char *base_url;
  struct buf *text;
};

/* Protected: sandbox:describe(base_url) as one line of JSON. */
static int describe_sandbox(lua_State *L) {
  const struct description *description = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  lua_getfield(L, -1, "describe");
  lua_insert(L, -2);
  lua_pushstring(L, description->base_url);
  lua_call(L, 2, 1);
  struct json_options plain = {0};
  if (!json_encode(L, -1, description->text, &plain)) return lua_error(L);
  if (!buf_text(description->text)) return luaL_error(L, "not enough memory");
  return 0;
}

/* Protected: closes the store while the state is whole, so that a file is left tidy. */
static int close_sandbox(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key) == LUA_TNIL) return 0;
  lua_getfield(L, -1, "close");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 0;
}

/* Calls a protected function with one pointer. On failure puts its message into `error`. */
static bool run_protected(lua_State *L, lua_CFunction function, const void *argument,
                          char error[SERVER_ERROR_MAX]) {
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, (void *)argument);
  bool done = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (!done && error) {
    const char *message = lua_tostring(L, -1);
    snprintf(error, SERVER_ERROR_MAX, "%s", message ? message : "sandbox: unknown error");
  }
  lua_settop(L, 0);
  return done;
}

lua_State *rules_open(const struct server_options *options, char error[SERVER_ERROR_MAX]) {
  lua_State *L = luaL_newstate();
  if (L && run_protected(L, open_sandbox, options, error)) return L;
  rules_close(L);
  return NULL;
}

bool rules_describe(lua_State *L, const char *base_url, struct buf *text,
                    char error[SERVER_ERROR_MAX]) {
  struct description description = {base_url, text};
  return run_protected(L, describe_sandbox, &description, error);
}

void rules_close(lua_State *L) {
  if (!L) return;
  run_protected(L, close_sandbox, NULL, NULL);
  lua_close(L);
}

/* }====== */

/* {====== asking ====== */

struct header {
  const char *name, *value;
};

struct headers {
  struct header *list;
  size_t count, capacity;
};

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
  struct headers *headers = context;
  (void)kind;
  if (headers->count == headers->capacity) return MHD_NO;
  headers->list[headers->count++] = (struct header){name, value ? value : ""};
  return MHD_YES;
}

/* What call_rules() works on; `headers` is freed by its caller, whatever happens. */
struct call {
  struct request *request;
  struct headers headers;
};

static void push_lower_case(lua_State *L, const char *name) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (; *name; name++) luaL_addchar(&buffer, *name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
  luaL_pushresult(&buffer);
}

static void push_headers(lua_State *L, const struct headers *headers) {
  lua_createtable(L, 0, (int)headers->count);
  for (size_t i = 0; i < headers->count; i++) {
    push_lower_case(L, headers->list[i].name);
    lua_pushstring(L, headers->list[i].value);
    lua_rawset(L, -3);
  }
}

static bool field_is(lua_State *L, int answer, const char *name, const char *text) {
  lua_getfield(L, answer, name);
  const char *value = lua_tostring(L, -1);
  bool same = value && strcmp(value, text) == 0;
  lua_pop(L, 1);
  return same;
}

static bool field_is_true(lua_State *L, int answer, const char *name) {
  lua_getfield(L, answer, name);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static double field_number(lua_State *L, int answer, const char *name) {
  lua_getfield(L, answer, name);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static void add_headers(lua_State *L, int answer, struct MHD_Response *response) {
  if (lua_getfield(L, answer, "headers") == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      lua_pushvalue(L, -2); /* lua_tostring would change the key that lua_next needs */
      MHD_add_response_header(response, lua_tostring(L, -1), luaL_checkstring(L, -2));
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

/* Takes over what the rules answered; the request owns the response at once. */
static void take_answer(lua_State *L, int answer, struct request *request) {
  luaL_checktype(L, answer, LUA_TTABLE);
  request->delay = field_number(L, answer, "delay");
  request->drop = field_is(L, answer, "fault", "drop");
  if (request->drop) return;
  bool truncate = field_is(L, answer, "fault", "truncate");
  bool in_pieces = truncate || field_is_true(L, answer, "stream");
  size_t length = 0;
  lua_getfield(L, answer, "body");
  const char *body = luaL_optlstring(L, -1, "", &length);
  request->response =
      in_pieces ? answer_in_pieces(body, length, truncate) : answer_whole(body, length);
  if (!request->response) luaL_error(L, "not enough memory");
  request->status = (unsigned)field_number(L, answer, "status");
  add_headers(L, answer, request->response);
}

/* Protected: asks sandbox:handle(method, path, query, headers, body). */
static int call_rules(lua_State *L) {
  const struct call *call = lua_touserdata(L, 1);
  struct request *request = call->request;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sandbox_key);
  lua_getfield(L, -1, "handle");
  lua_insert(L, -2);
  lua_pushstring(L, request->method);
  lua_pushstring(L, request->path);
  lua_pushstring(L, request->query);
  push_headers(L, &call->headers);
  lua_pushlstring(L, request->body.data ? request->body.data : "", request->body.length);
  lua_call(L, 6, 1);
  take_answer(L, lua_gettop(L), request);
  return 0;
}

/* Protected: answers {"detail": "sandbox: …"} for the message at index 2. */
static int answer_defect(lua_State *L) {
  struct request *request = lua_touserdata(L, 1);
  lua_newtable(L);
  lua_pushfstring(L, "sandbox: %s", luaL_tolstring(L, 2, NULL));
  lua_setfield(L, 3, "detail");
  struct buf *text = json_new_buffer(L, REQUEST_BODY_MAX);
  struct json_options plain = {0};
  bool written = json_encode(L, 3, text, &plain);
  static const char fallback[] = "{\"detail\":\"sandbox: internal error\"}";
  request->status = 500;
  request->response = written ? answer_whole(text->data, text->length)
                              : answer_whole(fallback, sizeof fallback - 1);
  if (request->response)
    MHD_add_response_header(request->response, "Content-Type", "application/json");
  return 0;
}

/* Message handler: writes the traceback to standard error and keeps the message. */
static int report_defect(lua_State *L) {
  const char *message = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, message, 1);
  fprintf(stderr, "anyreach: sandbox: %s\n", lua_tostring(L, -1));
  lua_pop(L, 1);
  return 1;
}

void rules_answer(lua_State *L, struct request *request) {
  int total = MHD_get_connection_values(request->connection, MHD_HEADER_KIND, NULL, NULL);
  struct call call = {.request = request};
  call.headers.capacity = total > 0 ? (size_t)total : 0;
  call.headers.list = calloc(call.headers.capacity + 1, sizeof *call.headers.list);
  if (!call.headers.list) return;
  MHD_get_connection_values(request->connection, MHD_HEADER_KIND, collect_header, &call.headers);

  lua_pushcfunction(L, report_defect);
  lua_pushcfunction(L, call_rules);
  lua_pushlightuserdata(L, &call);
  if (lua_pcall(L, 1, 0, -3) != LUA_OK) {
    if (request->response) MHD_destroy_response(request->response);
    request->response = NULL;
    request->drop = false;
    lua_pushcfunction(L, answer_defect);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, request);
    lua_insert(L, -2);
    lua_pcall(L, 2, 0, 0);
  }
  lua_settop(L, 0);
  free(call.headers.list);
}

/* }====== */
