/* Hands an observer's notes to Lua: afterwards, when a call returns or the program ends, never
 * while libcurl or the loop is at work. */
#ifndef ANYREACH_LUA_OBSERVER_H
#define ANYREACH_LUA_OBSERVER_H

#include <lua.h>

#include "net/observer.h"

/* The observer of this state, or NULL when nobody observes. It lives as long as the state. */
struct observer *lua_observer(lua_State *L);

/* Hands over all notes. An error of the consumer is reported on stderr, and ends nothing. */
void lua_observer_flush(lua_State *L);

/* Pushes the module: start(consumer, wants_contents), flush(). */
int luaopen_anyreach_observer(lua_State *L);

#endif
