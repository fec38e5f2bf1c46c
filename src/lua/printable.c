/* The module "anyreach.printable"; see printable.h. */
#include "lua/printable.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The length of what a terminal would obey at `at`, or 0: control characters, and those that turn
 * the direction of text. */
static size_t obeyed_length(const char *at, const char *end) {
  unsigned char first = (unsigned char)at[0];
  if (first < 0x20 || first == 0x7F) return 1;
  if (end - at >= 2 && first == 0xC2 && (at[1] & 0xE0) == 0x80) return 2;
  if (end - at < 3 || first != 0xE2) return 0;
  unsigned char second = (unsigned char)at[1], third = (unsigned char)at[2];
  bool turns = (second == 0x80 && third >= 0xAA && third <= 0xAE) ||
               (second == 0x81 && third >= 0xA6 && third <= 0xA9);
  return turns ? 3 : 0;
}

/* \xNN, or \u{NNNN} */
static void add_escaped(luaL_Buffer *b, const char *at, size_t length) {
  char text[16];
  unsigned code = (unsigned char)at[0];
  if (length == 2) code = (unsigned char)at[1];
  if (length == 3) code = 0x2000u | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
  snprintf(text, sizeof text, code < 0x100 ? "\\x%02X" : "\\u{%X}", code);
  luaL_addstring(b, text);
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c != 0x7F && c != 0xC2 && c != 0xE2;
}

/* Adds what must not be obeyed escaped, new lines and tabs only with `is_line`. */
static void add_printable(luaL_Buffer *b, const char *text, size_t length, bool is_line) {
  const char *from = text, *end = text + length;
  for (const char *at = text; at < end;) {
    size_t obeyed = is_plain((unsigned char)*at) ? 0 : obeyed_length(at, end);
    if (obeyed == 0 || (!is_line && (*at == '\n' || *at == '\t'))) {
      at++;
      continue;
    }
    luaL_addlstring(b, from, (size_t)(at - from));
    add_escaped(b, at, obeyed);
    from = at += obeyed;
  }
  luaL_addlstring(b, from, (size_t)(end - from));
}

static int l_text(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  bool is_line = lua_toboolean(L, 2);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  add_printable(&b, text, length, is_line);
  luaL_pushresult(&b);
  return 1;
}

static int l_lines(lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length), *mark = luaL_checkstring(L, 2);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (const char *at = text, *end = text + length;;) {
    const char *next = memchr(at, '\n', (size_t)(end - at));
    size_t line = (size_t)((next ? next : end) - at);
    if (line > 0 && at[line - 1] == '\r') line--;
    luaL_addstring(&b, mark);
    if (line > 0) luaL_addchar(&b, ' ');
    add_printable(&b, at, line, false);
    if (!next) break;
    luaL_addchar(&b, '\n');
    at = next + 1;
  }
  luaL_pushresult(&b);
  return 1;
}

static const luaL_Reg functions[] = {{"text", l_text}, {"lines", l_lines}, {NULL, NULL}};

int luaopen_anyreach_printable(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
