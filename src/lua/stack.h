/* Room on Lua stacks, against a defect of Lua 5.4.4 (Debian 12): when the stack moves while ".."
 * runs a __concat metamethod, the interpreter goes on with a pointer into the old one, and crashes.
 * A stack moves when it grows, and when the collector shrinks it. Secrets have such a metamethod,
 * so every thread that runs scripts gets room that it neither outgrows in common use nor loses. */
#ifndef ANYREACH_LUA_STACK_H
#define ANYREACH_LUA_STACK_H

#include <lua.h>
#include <stdbool.h>

enum { LUA_STACK_ROOM = 250 }; /* slots of 16 bytes */

/* To be called on a new state or thread before its first function runs: the room then belongs to
 * the thread, not to a call. Returns false when memory runs out. [-0, +0, -] */
static inline bool lua_keep_stack_room(lua_State *L) {
  return lua_checkstack(L, LUA_STACK_ROOM);
}

#endif
