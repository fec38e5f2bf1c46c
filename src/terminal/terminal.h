/* The terminal for the REPL, and for asking for a secret: module "anyreach.terminal". */
#ifndef ANYREACH_LUA_TERMINAL_H
#define ANYREACH_LUA_TERMINAL_H

#include <lua.h>

/* Pushes the module: editor, read_hidden. */
int luaopen_anyreach_terminal(lua_State *L);

#endif
