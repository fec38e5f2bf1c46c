/* Error objects (metatable "anyreach.error", lua/anyreach/errors.lua) made from C. */
#ifndef ANYREACH_LUA_ERROR_H
#define ANYREACH_LUA_ERROR_H

#include <lua.h>

/* Turns the table of fields on top of the stack into an error object, and adds `where`: the script
 * line that called. [-1, +1, m] */
void make_error(lua_State *L);

/* Pushes an error object with `kind` and `message`. [-0, +1, m] */
void push_error(lua_State *L, const char *kind, const char *message);

/* Raises one; the message is formatted like lua_pushfstring. Never returns. */
int raise_error(lua_State *L, const char *kind, const char *format, ...);

/* Replaces the function on top of the stack by one that returns nil and the error where that one
 * raises what the world did; misuse still raises. [-1, +1, m] */
void push_trying(lua_State *L);

#endif
