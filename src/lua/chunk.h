/* Lua code from outside the program: text only. A compiled ("binary") chunk that somebody has
 * altered can make Lua write anywhere, and so it is refused unless a script asks for it by the mode
 * "b" of load or loadfile. */
#ifndef ANYREACH_CHUNK_H
#define ANYREACH_CHUNK_H

#include <lua.h>

/* Replaces load, loadfile, dofile and the searcher of Lua files by those that take text. Once,
 * right after the standard libraries. */
void chunk_wrap_library(lua_State *L);

/* Pushes the file as a function, or standard input when it is NULL. Returns a Lua status; a message
 * is pushed when it is not LUA_OK. [-0, +1, m] */
int chunk_load_file(lua_State *L, const char *file);

/* The same of a text; its name begins with '=', as lua_load() wants it. */
int chunk_load_text(lua_State *L, const char *text, const char *name);

#endif
