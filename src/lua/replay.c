#include "lua/replay.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "lua/modules.h"

/* A verdict of libcurl that stands for a kind of failure. */
static CURLcode verdict_of(const char *kind) {
  static const struct {
    const char *kind;
    CURLcode verdict;
  } rows[] = {{"timeout", CURLE_OPERATION_TIMEDOUT},
              {"tls", CURLE_PEER_FAILED_VERIFICATION},
              {"answer", CURLE_WEIRD_SERVER_REPLY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].kind, kind) == 0) return rows[i].verdict;
  return CURLE_RECV_ERROR;
}

static void set_failure(lua_State *L, struct http_transfer *transfer, int kind) {
  transfer->verdict = verdict_of(lua_tostring(L, kind));
  transfer->may_have_been_sent = true; /* whether it was is not recorded */
  const char *message = lua_tostring(L, kind + 1);
  snprintf(transfer->error, sizeof transfer->error, "%s", message ? message : "");
}

static void set_bytes(lua_State *L, struct buf *buf, size_t maximum, int index) {
  size_t length;
  const char *bytes = lua_tolstring(L, index, &length);
  buf_init(buf, maximum);
  if (bytes && buf_append(buf, bytes, length) != BUF_OK)
    luaL_error(L, "the recorded answer is too large");
}

static void set_response(lua_State *L, struct http_transfer *transfer, int status) {
  transfer->verdict = CURLE_OK;
  transfer->status = (long)lua_tointeger(L, status);
  set_bytes(L, &transfer->response_headers, HTTP_MAX_HEADERS, status + 1);
  set_bytes(L, &transfer->response_body, HTTP_MAX_BODY, status + 2);
}

void replay_answer(lua_State *L, struct http_transfer *transfer, const char *content_type,
                   bool presigned) {
  int top = lua_gettop(L);
  embedded_require(L, "anyreach.observe.replay");
  lua_getfield(L, -1, "answer");
  lua_pushstring(L, transfer->method);
  lua_pushstring(L, transfer->url);
  lua_pushlstring(L, transfer->body ? transfer->body : "", transfer->body_length);
  lua_pushstring(L, content_type);
  lua_pushboolean(L, presigned);
  lua_call(L, 5, 3);
  int answer = lua_gettop(L) - 2;
  if (lua_type(L, answer) == LUA_TSTRING)
    set_failure(L, transfer, answer);
  else
    set_response(L, transfer, answer);
  lua_settop(L, top);
}
