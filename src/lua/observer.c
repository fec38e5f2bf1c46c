#include "lua/observer.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lua/answer.h"
#include "lua/redact.h"
#include "lua/secret.h"

#define OBSERVER_NAME "anyreach.observer" /* in the registry; the consumer is its user value */

struct observer *lua_observer(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, OBSERVER_NAME);
  struct observer *observer = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return observer;
}

/* {====== a note as a table ====== */

static void set_number(lua_State *L, const char *name, double number) {
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, uint64_t number) {
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, name);
}

static void set_bytes(lua_State *L, const char *name, const struct buf *bytes) {
  lua_pushlstring(L, bytes->data ? bytes->data : "", bytes->length);
  lua_setfield(L, -2, name);
}

/* Left out when it is empty. */
static void set_text(lua_State *L, const char *name, const char *text) {
  if (!*text) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_headers(lua_State *L, const struct buf *lines) {
  push_header_lines(L, lines->data, lines->length);
  lua_setfield(L, -2, "headers");
}

/* Why there is no answer. */
static void set_failure(lua_State *L, const struct observation *note) {
  if (note->verdict == CURLE_OK) return;
  bool given_up = note->end == OBSERVED_GIVEN_UP || note->end == OBSERVED_ABANDONED;
  lua_pushstring(L, given_up ? "cancelled" : verdict_kind(note->verdict, note->too_large));
  lua_setfield(L, -2, "failure");
  const char *message = *note->error ? note->error : curl_easy_strerror(note->verdict);
  lua_pushstring(L, given_up ? "given up" : message);
  lua_setfield(L, -2, "message");
}

static void set_facts(lua_State *L, const struct observation *note) {
  set_bytes(L, "method", &note->method);
  set_bytes(L, "url", &note->url);
  lua_pushboolean(L, note->presigned);
  lua_setfield(L, -2, "presigned");
  lua_pushboolean(L, note->end == OBSERVED_REPEATED);
  lua_setfield(L, -2, "is_repeated");
  lua_pushboolean(L, note->end == OBSERVED_ABANDONED);
  lua_setfield(L, -2, "is_abandoned");
  set_integer(L, "attempt", note->attempt);
  if (note->status) set_integer(L, "status", (uint64_t)note->status);
  set_failure(L, note);
}

static void set_measures(lua_State *L, const struct observation *note) {
  set_number(L, "started", note->started);
  set_number(L, "elapsed", note->elapsed);
  set_number(L, "total", note->total);
  set_integer(L, "bytes_out", note->probe.bytes_out);
  set_integer(L, "bytes_in", note->probe.bytes_in);
  set_integer(L, "connections", (uint64_t)note->probe.connections);
  set_number(L, "resolved", note->probe.resolved);
  set_number(L, "connected", note->probe.connected);
  set_number(L, "secured", note->probe.secured);
  set_number(L, "ready", note->probe.ready);
  set_number(L, "first_byte", note->probe.first_byte);
  set_text(L, "tls", note->probe.tls);
  set_text(L, "certificate_ends", note->probe.certificate_ends);
}

static void set_contents(lua_State *L, const struct observation *note) {
  lua_createtable(L, 0, 4);
  set_headers(L, &note->probe.sent_headers);
  set_integer(L, "headers_length", note->probe.sent_headers.length);
  set_integer(L, "length", note->request_length);
  set_bytes(L, "body", &note->request_body);
  lua_setfield(L, -2, "request");
  const struct buf *headers = &note->response_headers;
  const char *end = headers->length ? memchr(headers->data, '\r', headers->length) : NULL;
  lua_createtable(L, 0, 4);
  lua_pushlstring(L, end ? headers->data : "", end ? (size_t)(end - headers->data) : 0);
  lua_setfield(L, -2, "status_line");
  set_headers(L, headers);
  set_integer(L, "headers_length", headers->length);
  set_bytes(L, "body", &note->response_body);
  lua_setfield(L, -2, "response");
}

/* }====== */

/* Calls the consumer with every note. A note is dropped first when it has become a table. */
static int hand_over(lua_State *L) {
  struct observer *observer = lua_touserdata(L, 1);
  while (observer->first) {
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_createtable(L, 0, 20);
    set_facts(L, observer->first);
    set_measures(L, observer->first);
    if (observer->wants_contents) set_contents(L, observer->first);
    observer_drop_first(observer);
    lua_call(L, 1, 0);
  }
  return 0;
}

void lua_observer_flush(lua_State *L) {
  struct observer *observer = lua_observer(L);
  if (!observer || !observer->first) return;
  lua_pushcfunction(L, hand_over);
  lua_getfield(L, LUA_REGISTRYINDEX, OBSERVER_NAME);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
  const char *message = luaL_tolstring(L, -1, NULL);
  if (!loop_cancelled())
    fprintf(stderr, "anyreach: warning: a request could not be shown: %s\n", message);
  lua_pop(L, 2);
}

static int observer_gc(lua_State *L) {
  observer_free(lua_touserdata(L, 1));
  return 0;
}

/* Pushes the observer, which is made when it is first needed. Clients point to it as long as the
 * state lives.
 * [-0, +1, m] */
static struct observer *push_observer(lua_State *L) {
  if (lua_getfield(L, LUA_REGISTRYINDEX, OBSERVER_NAME) == LUA_TUSERDATA)
    return lua_touserdata(L, -1);
  lua_pop(L, 1);
  struct observer *observer = lua_newuserdatauv(L, sizeof *observer, 1);
  *observer = (struct observer){0};
  if (luaL_newmetatable(L, "anyreach.observer_type")) {
    lua_pushcfunction(L, observer_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, OBSERVER_NAME);
  return observer;
}

/* start(consumer, wants_contents): from now on, calls of new clients are observed, by this consumer
 * in place of an earlier one. */
static int l_observer_start(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  push_observer(L)->wants_contents = lua_toboolean(L, 2);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  secrets_keep(L);
  return 0;
}

static int l_observer_flush(lua_State *L) {
  lua_observer_flush(L);
  return 0;
}

static const luaL_Reg functions[] = {
    {"start", l_observer_start}, {"flush", l_observer_flush}, {NULL, NULL}};

int luaopen_anyreach_observer(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
