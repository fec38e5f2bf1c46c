#include "lua/guard.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api/buf.h"
#include "lua/answerer.h"
#include "lua/error.h"
#include "lua/json.h"
#include "lua/modules.h"
#include "net/url.h"

/* Names that one call of restrict_writes() allows, one after the other, each with its NUL. */
struct restriction {
  struct restriction *earlier;
  size_t length; /* of all names */
  char names[];
};

static struct {
  bool read_only, session_read_only, lifts_protection;
  struct restriction *latest;
  lua_Integer count; /* of restrictions */
} state;

void guard_set_read_only(void) {
  state.read_only = true;
}

void guard_lift_protection(void) {
  state.lifts_protection = true;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* True when the function that called the running C function is in a file that asks the user first.
 * None of them calls what a script has given it. */
static bool is_called_by_who_asks(lua_State *L) {
  static const char *const files[] = {"lua/anyreach/repl/session.lua", "scripts/promote.lua"};
  lua_Debug caller;
  if (!lua_getstack(L, 1, &caller) || !lua_getinfo(L, "S", &caller)) return false;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (embedded_is_own(caller.source) && ends_with(caller.source, files[i])) return true;
  return false;
}

int l_guard_lift_protection(lua_State *L) {
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  bool lifts = lua_toboolean(L, 1);
  if (lifts && !is_called_by_who_asks(L))
    return raise_error(L, "guard",
                       "a script cannot lift the protection of a profile; --write does");
  state.lifts_protection = lifts;
  return 0;
}

bool guard_protection_is_lifted(void) {
  return state.lifts_protection;
}

int l_guard_protection_is_lifted(lua_State *L) {
  lua_pushboolean(L, state.lifts_protection);
  return 1;
}

static void drop_restrictions(lua_Integer keep) {
  while (state.count > keep) {
    struct restriction *dropped = state.latest;
    state.latest = dropped->earlier;
    state.count--;
    free(dropped);
  }
}

void guard_forget(void) {
  drop_restrictions(0);
  state.read_only = state.session_read_only = state.lifts_protection = false;
}

int l_guard_set_read_only(lua_State *L) {
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  state.session_read_only = lua_toboolean(L, 1);
  return 0;
}

/* Appends the strings of the array at index 1. */
static void append_names(lua_State *L, struct buf *names) {
  for (lua_Integer i = 1; lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
    const char *name = luaL_checkstring(L, -1);
    if (buf_append(names, name, strlen(name) + 1) != BUF_OK) luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

int l_guard_restrict_writes(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  struct buf *names = json_new_buffer(L, (size_t)1 << 20);
  append_names(L, names);
  struct restriction *made = malloc(sizeof *made + names->length);
  if (!made) return luaL_error(L, "not enough memory");
  *made = (struct restriction){.earlier = state.latest, .length = names->length};
  if (names->length > 0) memcpy(made->names, names->data, names->length);
  state.latest = made;
  state.count++;
  return 0;
}

#define SCOPE_TYPE "anyreach.guard_scope"

static int scope_close(lua_State *L) {
  const lua_Integer *before = luaL_checkudata(L, 1, SCOPE_TYPE);
  drop_restrictions(*before);
  return 0;
}

int l_guard_scope(lua_State *L) {
  lua_Integer *before = lua_newuserdatauv(L, sizeof *before, 0);
  *before = state.count;
  if (luaL_newmetatable(L, SCOPE_TYPE)) {
    lua_pushcfunction(L, scope_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return 1;
}

static bool matches(const char *pattern, const struct operation *row) {
  size_t length = strlen(pattern);
  if (length >= 2 && strcmp(pattern + length - 2, ".*") == 0)
    return !row->foreign && strncmp(pattern, row->name, length - 1) == 0;
  return strcmp(pattern, row->name) == 0;
}

static bool is_among(const struct restriction *restriction, const struct operation *row) {
  const char *end = restriction->names + restriction->length;
  for (const char *name = restriction->names; name < end; name += strlen(name) + 1)
    if (matches(name, row)) return true;
  return false;
}

static bool is_declared(const struct operation *row) {
  for (const struct restriction *r = state.latest; r; r = r->earlier)
    if (!is_among(r, row)) return false;
  return true;
}

/* Raises unless the write is allowed. */
static void check_write(lua_State *L, const struct guard_request *request,
                        const struct operation *row) {
  const char *name = row->name, *method = row->method, *path = row->path;
  if (state.read_only)
    raise_error(L, "guard", "%s (%s %s) writes, and this run is read-only", name, method, path);
  if (state.session_read_only)
    raise_error(L, "guard", "%s (%s %s) writes, and this session is read-only", name, method, path);
  if (request->protected_profile)
    raise_error(L, "guard",
                "%s (%s %s) writes, and the profile '%s' is protected; --write lets it write", name,
                method, path, request->protected_profile);
  if (!is_declared(row))
    raise_error(L, "guard", "%s (%s %s) is not among the writes that are declared", name, method,
                path);
}

/* {====== what a server may take a request for ====== */

/* The path of a URL, without the host before it and the query behind it. */
static struct span path_of(const char *url) {
  const char *host = strstr(url, "://");
  const char *path = host ? host + 3 + strcspn(host + 3, "/?") : url;
  return (struct span){path, strcspn(path, "?")};
}

/* Appends a segment, decoded unless that would make several of it. */
static int append_decoded_segment(struct buf *out, const char *segment, size_t length) {
  size_t start = out->length;
  int status = url_append_decoded(out, segment, length);
  if (status != BUF_OK || !memchr(out->data + start, '/', out->length - start)) return status;
  out->length = start;
  return buf_append(out, segment, length);
}

/* Writes the segments of a path, each behind a '/', as servers resolve them: without empty ones,
 * "." and "..". Returns a buf status. */
static int append_segments(struct buf *out, const char *path, size_t length, bool is_decoded) {
  int status = BUF_OK;
  for (size_t at = 0, size; at < length && status == BUF_OK; at += size + 1) {
    const char *segment = path + at, *slash = memchr(segment, '/', length - at);
    size = slash ? (size_t)(slash - segment) : length - at;
    if (size == 0 || (size == 1 && *segment == '.')) continue;
    if (size == 2 && memcmp(segment, "..", 2) == 0) {
      while (out->length > 0 && out->data[--out->length] != '/') continue;
      continue;
    }
    status = buf_append_char(out, '/');
    if (status != BUF_OK) break;
    status =
        is_decoded ? buf_append(out, segment, size) : append_decoded_segment(out, segment, size);
  }
  return status;
}

/* A reading of ours of the request counts: keeps it, and raises when it writes and may not. */
static void judge(lua_State *L, struct guard_request *request, const struct operation *row,
                  const struct span *values) {
  const char *when = row->writes_when;
  const struct span *last = row->path_field_count ? &values[row->path_field_count - 1] : NULL;
  bool writes = row->writes || (when && last && last->length == strlen(when) &&
                                memcmp(last->start, when, last->length) == 0);
  if (!request->row || writes) request->row = row;
  if (!writes) return;
  request->writes = true;
  check_write(L, request, row);
}

/* Judges the request as each operation of ours that the path, or an end of it, belongs to: a base
 * URL may hold the beginning. */
static void judge_path(lua_State *L, struct guard_request *request, const char *path) {
  const char *method = request->operation->method;
  struct span values[OPERATION_MAX_PATH_FIELDS];
  if (strcmp(method, "HEAD") == 0) method = "GET";
  for (; path && *path; path = strchr(path + 1, '/')) {
    const struct operation *row = operation_of_ours(method, path, values);
    if (row) judge(L, request, row, values);
  }
}

/* As servers read the path that decode its segments, and as those do that decode the whole first.
 */
static void judge_url(lua_State *L, struct guard_request *request, struct span path) {
  int top = lua_gettop(L);
  struct buf *segments = json_new_buffer(L, CALL_MAX_URL),
             *decoded = json_new_buffer(L, CALL_MAX_URL);
  int status = append_segments(segments, path.start, path.length, false);
  if (status == BUF_OK) judge_path(L, request, buf_text(segments));
  segments->length = 0;
  if (status == BUF_OK) status = url_append_decoded(decoded, path.start, path.length);
  if (status == BUF_OK) status = append_segments(segments, decoded->data, decoded->length, true);
  if (status == BUF_OK) judge_path(L, request, buf_text(segments));
  if (status != BUF_OK) luaL_error(L, "not enough memory");
  lua_settop(L, top);
}

/* The common case costs nothing: an operation of ours whose values are single segments. */
static bool is_plainly_ours(const struct guard_request *request, struct span path) {
  const struct operation *row = request->operation;
  return !request->is_raw && !row->foreign && !row->writes_when && path.start == request->target &&
         !strstr(path.start, "%2F");
}

/* The row of what was called: a raw request to a path that a foreign document describes counts as
 * its operation, too. */
static const struct operation *row_of(lua_State *L, const struct guard_request *request) {
  struct span values[OPERATION_MAX_PATH_FIELDS];
  bool path_known;
  if (!request->is_raw) return request->operation;
  const char *path = lua_pushlstring(L, request->target, strcspn(request->target, "?"));
  const struct operation *row =
      operation_by_path(request->operation->method, path, values, &path_known);
  lua_pop(L, 1);
  return row ? row : request->operation;
}

/* }====== */

static bool is_restricted(const struct guard_request *request) {
  return state.read_only || state.session_read_only || request->protected_profile ||
         state.count > 0;
}

void guard_check(lua_State *L, struct guard_request *request) {
  const struct operation *row = row_of(L, request);
  request->row = NULL;
  request->writes = false;
  if (request->overrides_method && is_restricted(request))
    raise_error(L, "guard",
                "%s (%s %s) carries a header that makes it another method on some servers, and "
                "this run may not write everything",
                row->name, row->method, row->path);
  if (request->url) {
    struct span path = path_of(request->url);
    if (!is_plainly_ours(request, path)) judge_url(L, request, path);
  }
  if (request->row && (request->is_raw || !row->foreign)) return;
  if (!request->row) request->row = row;
  if (!row->writes) return;
  request->writes = true;
  check_write(L, request, row);
}
