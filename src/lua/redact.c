#include "lua/redact.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "api/redaction.h"
#include "lua/json.h"
#include "lua/secret.h"

enum { CREDENTIAL_ID_MAX = 64, CREDENTIAL_KIND_MAX = 3, REDACTED_MAX = 1024 * 1024 * 1024 };

/* {====== the redactor of a state ====== */

#define REDACTOR_NAME "anyreach.redactor" /* in the registry */

static int redactor_gc(lua_State *L) {
  redactor_free(lua_touserdata(L, 1));
  return 0;
}

static struct redactor *get_redactor(lua_State *L) {
  bool exists = lua_getfield(L, LUA_REGISTRYINDEX, REDACTOR_NAME) == LUA_TUSERDATA;
  struct redactor *r = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (exists) return r;
  r = lua_newuserdatauv(L, sizeof *r, 0);
  redactor_init(r);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, redactor_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, REDACTOR_NAME);
  return r;
}

static bool add_secret(void *redactor, const char *bytes, size_t length) {
  return redactor_add(redactor, bytes, length);
}

static void raise_no_memory(lua_State *L) {
  luaL_error(L, "not enough memory");
}

/* The redactor, which knows all secrets of this state. Those that were collected are forgotten. */
static struct redactor *update_redactor(lua_State *L) {
  struct redactor *r = get_redactor(L);
  enum secrets_change change = secrets_change(L);
  bool only_new = change == SECRETS_ADDED && r->known.count > 0;
  if (change == SECRETS_SAME && r->pairs) return r;
  if (!only_new) redactor_forget(r);
  if (secrets_take(L, only_new, add_secret, r) && redactor_prepare(r)) return r;
  redactor_forget(r);
  raise_no_memory(L);
  return NULL;
}

/* }====== */

/* {====== the module ====== */

/* Pushes the text at index 1 without its secrets. [-0, +1, m] */
static int push_redacted(lua_State *L, unsigned parts) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  struct redactor *r = update_redactor(L);
  if (redactor_find(r, text, length, parts) != BUF_OK) raise_no_memory(L);
  if (r->count == 0) {
    lua_pushvalue(L, 1);
    return 1;
  }
  struct buf *out = json_new_buffer(L, REDACTED_MAX);
  if (redactor_splice(r, text, length, out) != BUF_OK) raise_no_memory(L);
  lua_pushlstring(L, out->data, out->length);
  return 1;
}

static int l_known(lua_State *L) {
  return push_redacted(L, REDACT_KNOWN);
}

static int l_shapes(lua_State *L) {
  return push_redacted(L, REDACT_SHAPES);
}

static int l_text(lua_State *L) {
  return push_redacted(L, REDACT_KNOWN | REDACT_SHAPES);
}

static int l_body(lua_State *L) {
  return push_redacted(L, REDACT_KNOWN | REDACT_SHAPES | REDACT_FIELDS);
}

static int l_url(lua_State *L) {
  unsigned parts = REDACT_KNOWN | REDACT_SHAPES | REDACT_ADDRESS;
  return push_redacted(L, lua_toboolean(L, 2) ? parts | REDACT_QUERY : parts);
}

static int l_header(lua_State *L) {
  size_t name_length;
  const char *name = luaL_checklstring(L, 1, &name_length), *value = luaL_checkstring(L, 2);
  lua_remove(L, 1);
  bool is_secret = secret_name(name, name_length) && *value && strcmp(value, CREDENTIAL_MARK) != 0;
  if (!is_secret) return l_text(L);
  lua_pushliteral(L, REDACTION_MARK);
  return 1;
}

static int l_json(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  struct redaction_layout layout = {.indent = (unsigned)luaL_optinteger(L, 2, 0),
                                    .depth = (unsigned)luaL_optinteger(L, 3, 0)};
  struct buf *out = json_new_buffer(L, REDACTED_MAX);
  int status = redactor_json(update_redactor(L), text, length, &layout, out);
  if (status == REDACTION_NO_JSON) return 0;
  if (status != BUF_OK) raise_no_memory(L);
  lua_pushlstring(L, out->data, out->length);
  buf_wipe(out);
  return 1;
}

static int l_kind(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  const unsigned char *pairs = update_redactor(L)->pairs;
  struct secret_shape shape;
  for (size_t at = 0; at + 1 < length; at++) {
    if (!pairs[secret_pair(text + at)] || !secret_shape_at(text, length, at, false, &shape))
      continue;
    lua_pushstring(L, shape.kind);
    return 1;
  }
  return 0;
}

static int l_add_field(lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  luaL_argcheck(L, length > 0 && !memchr(path, '\r', length), 1, "a path");
  if (!redactor_add_field(get_redactor(L), path, length)) raise_no_memory(L);
  return 0;
}

static int l_is_secret_name(lua_State *L) {
  size_t length;
  const char *name = luaL_tolstring(L, 1, &length);
  lua_pushboolean(L, secret_name(name, length));
  return 1;
}

static int l_is_group_name(lua_State *L) {
  size_t length;
  const char *name = luaL_tolstring(L, 1, &length);
  lua_pushboolean(L, secret_group_name(name, length));
  return 1;
}

static const luaL_Reg functions[] = {{"known", l_known},
                                     {"shapes", l_shapes},
                                     {"text", l_text},
                                     {"body", l_body},
                                     {"url", l_url},
                                     {"header", l_header},
                                     {"json", l_json},
                                     {"kind", l_kind},
                                     {"add_field", l_add_field},
                                     {"is_secret_name", l_is_secret_name},
                                     {"is_group_name", l_is_group_name},
                                     {NULL, NULL}};

void push_shown_text(lua_State *L, const char *text) {
  lua_pushcfunction(L, l_text);
  lua_pushstring(L, text);
  lua_call(L, 1, 1);
}

int luaopen_anyreach_redact(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}

/* }====== */

/* {====== requests ====== */

static void push_value(lua_State *L, const char *name, size_t name_length, const char *value,
                       size_t length) {
  static const char credential[] = "Authorization";
  if (name_length == sizeof credential - 1 && strncasecmp(name, credential, name_length) == 0)
    lua_pushliteral(L, CREDENTIAL_MARK);
  else
    lua_pushlstring(L, value, length);
}

/* Appends {name=, value=} to the array on top of the stack. [-0, +0, m] */
static void add_header_line(lua_State *L, const char *line, size_t length) {
  while (length && (line[length - 1] == '\r' || line[length - 1] == '\n')) length--;
  const char *colon = memchr(line, ':', length), *value = colon ? colon + 1 : NULL;
  if (!colon || colon == line) return;
  while (value < line + length && *value == ' ') value++;
  lua_createtable(L, 0, 2);
  lua_pushlstring(L, line, (size_t)(colon - line));
  lua_setfield(L, -2, "name");
  push_value(L, line, (size_t)(colon - line), value, (size_t)(line + length - value));
  lua_setfield(L, -2, "value");
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

void push_header_lines(lua_State *L, const char *lines, size_t length) {
  lua_newtable(L);
  while (length > 0) {
    const char *end = memchr(lines, '\n', length);
    size_t line = end ? (size_t)(end - lines) + 1 : length;
    add_header_line(L, lines, line);
    lines += line;
    length -= line;
  }
}

void push_shown_request(lua_State *L, const struct http_transfer *transfer, bool presigned) {
  lua_createtable(L, 0, 5);
  lua_pushstring(L, transfer->method);
  lua_setfield(L, -2, "method");
  lua_pushlstring(L, transfer->url,
                  presigned ? strcspn(transfer->url, "?") : strlen(transfer->url));
  lua_setfield(L, -2, "url");
  lua_newtable(L);
  for (const struct curl_slist *item = transfer->headers; item; item = item->next) {
    size_t line = strlen(item->data);
    bool only_drops = item->data[line - 1] == ':'; /* a header that libcurl would add */
    if (!only_drops) add_header_line(L, item->data, line);
  }
  lua_setfield(L, -2, "headers");
  lua_pushboolean(L, presigned);
  lua_setfield(L, -2, "presigned");
  if (!transfer->body || presigned) return;
  lua_pushlstring(L, transfer->body, transfer->body_length);
  lua_setfield(L, -2, "body");
}

void push_credential_name(lua_State *L, const struct http_transfer *transfer) {
  static const char scheme[] = "Authorization: Bearer ";
  const struct curl_slist *item = transfer->headers;
  while (item && strncmp(item->data, scheme, sizeof scheme - 1) != 0) item = item->next;
  if (!item) {
    lua_pushnil(L);
    return;
  }
  const char *token = item->data + sizeof scheme - 1;
  size_t kind = strcspn(token, "_"), id = strcspn(token, ".");
  bool is_key = strncmp(token, "ak_", 3) == 0 && token[id] == '.' && id <= CREDENTIAL_ID_MAX;
  size_t shown = is_key ? id + 1 : kind <= CREDENTIAL_KIND_MAX && token[kind] ? kind + 1 : 0;
  if (shown == 0) {
    lua_pushnil(L);
    return;
  }
  lua_pushlstring(L, token, shown);
  lua_pushliteral(L, "…");
  lua_concat(L, 2);
}

/* }====== */
