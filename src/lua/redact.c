#include "lua/redact.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lua/json.h"
#include "lua/secret.h"
#include "net/url.h"

enum { REDACT_MAX_SECRET = 1024 * 1024, CREDENTIAL_ID_MAX = 64, CREDENTIAL_KIND_MAX = 3 };

/* {====== texts ====== */

struct needle {
  const char *bytes;
  size_t length;
  lua_Integer position; /* in the list of secrets */
};

/* Replaces the string at index 1. [-0, +0, m] */
static void replace_all(lua_State *L, const char *bytes, size_t length) {
  size_t text_length;
  const char *text = lua_tolstring(L, 1, &text_length), *end = text + text_length;
  const char *found = length ? memmem(text, text_length, bytes, length) : NULL;
  if (!found) return;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  do {
    luaL_addlstring(&b, text, (size_t)(found - text));
    luaL_addstring(&b, "[secret]");
    text = found + length;
  } while ((found = memmem(text, (size_t)(end - text), bytes, length)));
  luaL_addlstring(&b, text, (size_t)(end - text));
  luaL_pushresult(&b);
  lua_replace(L, 1);
}

static void replace_encoded(lua_State *L, const struct needle *needle) {
  struct buf *encoded = json_new_buffer(L, 3 * REDACT_MAX_SECRET);
  if (url_append_encoded(encoded, needle->bytes, needle->length) == BUF_OK)
    replace_all(L, encoded->data, encoded->length);
  lua_pop(L, 1);
}

/* Stack: the list of secrets at index 2. */
static void replace_in_json(lua_State *L, const struct needle *needle) {
  struct json_options options = {.secrets = JSON_SECRETS_REVEAL};
  int top = lua_gettop(L);
  lua_rawgeti(L, 2, needle->position);
  struct buf *quoted = json_new_buffer(L, 6 * REDACT_MAX_SECRET);
  if (json_encode(L, top + 1, quoted, &options))
    replace_all(L, quoted->data + 1, quoted->length - 2);
  lua_settop(L, top);
}

/* The longest first, so that a secret which begins another one leaves nothing of it. */
static int compare_needles(const void *a, const void *b) {
  size_t left = ((const struct needle *)a)->length, right = ((const struct needle *)b)->length;
  return left < right ? 1 : left > right ? -1 : 0;
}

/* Pushes the needles, sorted; their bytes live as long as the list at index 2. [-0, +1, m] */
static struct needle *push_needles(lua_State *L, size_t count) {
  struct needle *needles = lua_newuserdatauv(L, (count + 1) * sizeof *needles, 0);
  for (size_t i = 0; i < count; i++) {
    needles[i].position = (lua_Integer)i + 1;
    lua_rawgeti(L, 2, needles[i].position);
    needles[i].bytes = to_secret(L, -1, &needles[i].length);
    lua_pop(L, 1);
  }
  qsort(needles, count, sizeof *needles, compare_needles);
  return needles;
}

static int l_redact(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  push_secret_list(L);
  size_t count = lua_rawlen(L, 2);
  const struct needle *needles = push_needles(L, count);
  for (size_t i = 0; i < count; i++) {
    if (!secret_is_sought(needles[i].length, lua_rawlen(L, 1))) continue;
    replace_all(L, needles[i].bytes, needles[i].length);
    replace_encoded(L, &needles[i]);
    replace_in_json(L, &needles[i]);
  }
  lua_pushvalue(L, 1);
  return 1;
}

int luaopen_anyreach_redact(lua_State *L) {
  lua_pushcfunction(L, l_redact);
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
