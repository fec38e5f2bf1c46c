/* How wide text stands on a terminal: wide characters of East Asia take two columns, combining
 * marks none. */
#ifndef ANYREACH_LUA_TEXT_WIDTH_H
#define ANYREACH_LUA_TEXT_WIDTH_H

#include <lua.h>

/* Pushes the module: of, cut. */
int luaopen_anyreach_text_width(lua_State *L);

#endif
