/* The module "anyreach.text_width". The C library knows the widths; it is asked in the locale
 * C.UTF-8, whatever the program's own locale is, so that the answer is the same everywhere. */
#include "lua/text_width.h"

#include <lauxlib.h>
#include <locale.h>
#include <wchar.h>

#define LOCALE_TYPE "anyreach.text_width.locale"

/* Reads one character and returns how many bytes it has, with its width. What is no character, or
 * a control character, is one byte of one column: it is for the caller to have replaced it. */
static size_t next_character(const char *text, size_t length, int *columns) {
  wchar_t character;
  mbstate_t state = {0};
  size_t size = mbrtowc(&character, text, length, &state);
  *columns = 1;
  if (size == (size_t)-1 || size == (size_t)-2 || size == 0) return 1;
  int width = wcwidth(character);
  if (width >= 0) *columns = width;
  return size;
}

/* Walks over the text while it fits into `limit` columns. Returns how many bytes do. */
static size_t measure(const char *text, size_t length, lua_Integer limit, lua_Integer *columns) {
  size_t at = 0;
  *columns = 0;
  while (at < length) {
    int width;
    size_t size = next_character(text + at, length - at, &width);
    if (*columns + width > limit) break;
    *columns += width;
    at += size;
  }
  return at;
}

static size_t measure_in_locale(lua_State *L, lua_Integer limit, lua_Integer *columns) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  const locale_t *characters = lua_touserdata(L, lua_upvalueindex(1));
  locale_t before = uselocale(*characters);
  size_t bytes = measure(text, length, limit, columns);
  uselocale(before);
  return bytes;
}

/* of(text) -> columns. The text is one line, without control characters. */
static int l_text_width_of(lua_State *L) {
  lua_Integer columns;
  measure_in_locale(L, LUA_MAXINTEGER, &columns);
  lua_pushinteger(L, columns);
  return 1;
}

/* cut(text, columns) -> as much of the text's beginning as fits into so many columns. */
static int l_text_width_cut(lua_State *L) {
  lua_Integer columns, limit = luaL_checkinteger(L, 2);
  size_t bytes = measure_in_locale(L, limit, &columns);
  lua_pushlstring(L, lua_tostring(L, 1), bytes);
  return 1;
}

static int locale_gc(lua_State *L) {
  locale_t *characters = lua_touserdata(L, 1);
  if (*characters) freelocale(*characters);
  *characters = (locale_t)0;
  return 0;
}

/* Without the locale, uselocale(0) changes nothing, and the program's own locale counts. */
static void push_locale(lua_State *L) {
  locale_t *characters = lua_newuserdatauv(L, sizeof *characters, 0);
  *characters = (locale_t)0;
  if (luaL_newmetatable(L, LOCALE_TYPE)) {
    lua_pushcfunction(L, locale_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *characters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static const luaL_Reg functions[] = {
    {"of", l_text_width_of}, {"cut", l_text_width_cut}, {NULL, NULL}};

int luaopen_anyreach_text_width(lua_State *L) {
  luaL_newlibtable(L, functions);
  push_locale(L);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
