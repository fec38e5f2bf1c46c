/* Tasks as Lua code has them: spawning, waiting, cancelling, sleeping, events. */
#ifndef ANYREACH_LUA_TASK_LIBRARY_H
#define ANYREACH_LUA_TASK_LIBRARY_H

#include <lua.h>

/* Adds the functions spawn, background, sleep, event, place and branch to the table on top of the
 * stack. [-0, +0, m] */
void task_register(lua_State *L);

#endif
