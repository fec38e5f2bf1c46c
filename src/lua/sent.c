#include "lua/sent.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

enum { CREDENTIAL_ID_MAX = 64, CREDENTIAL_KIND_MAX = 3 };

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

void push_sent(lua_State *L, const struct http_transfer *transfer, bool presigned) {
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
