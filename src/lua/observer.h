/* Hands what an observer has noted to Lua: after the fact, when a call is delivered or the program
 * ends, never while libcurl or the loop is at work. */
#ifndef ANYREACH_LUA_OBSERVER_H
#define ANYREACH_LUA_OBSERVER_H

#include <lua.h>

#include "net/observer.h"

/* The observer of this state, or NULL when nobody looks on. It lives as long as the state. */
struct observer *lua_observer(lua_State *L);

/* Hands over all notes. What goes wrong in the observer is said on stderr, and ends nothing. */
void lua_observer_flush(lua_State *L);

/* Pushes the module: start(consumer, wants_contents), flush(). */
int luaopen_anyreach_observer(lua_State *L);

#endif
