/* Coroutines through which waits pass: an API call inside a user's own coroutine waits like any
 * other, because our coroutine.resume and wrap hand its wait outward to the task, and go back in
 * when it is done. They also record which thread runs, so that Ctrl-C can stop it. Used by task.c.
 */
#ifndef ANYREACH_LUA_COROUTINE_H
#define ANYREACH_LUA_COROUTINE_H

#include <lua.h>

#include "lua/task.h"

/* Room on Lua stacks, against a defect of Lua 5.4.4 (Debian 12): when the stack moves while ".."
 * runs a __concat metamethod, the interpreter goes on with a pointer into the old one, and crashes.
 * A stack moves when it grows, and when the collector shrinks it. Secrets have such a metamethod,
 * so every thread that runs scripts gets room that it neither outgrows in common use nor loses. */
enum { LUA_STACK_ROOM = 250 }; /* slots of 16 bytes */

/* Call it on a new state or thread before its first function runs: the room then belongs to the
 * thread, not to a call. Returns false when memory runs out. [-0, +0, -] */
static inline bool lua_keep_stack_room(lua_State *L) {
  return lua_checkstack(L, LUA_STACK_ROOM);
}

/* Yields `wait` outward, marked as ours; continues in `k`. */
int coroutine_yield_wait(lua_State *L, struct wait *wait, lua_KContext context, lua_KFunction k);

/* The wait that the thread has yielded and that has not been resumed since, or NULL. */
struct wait *coroutine_pending_wait(lua_State *thread);

/* Resumes a thread, as lua_resume() does; one that waits takes no arguments. Returns its status. */
int coroutine_resume(lua_State *thread, lua_State *from, int arguments, int *count);

/* Closes a thread's pending to-be-closed values, inner values first, as lua_resetthread() does;
 * also after an interrupt, which does not stop what they do. Returns its status. */
int coroutine_close(lua_State *thread);

/* Cancels the loop for that reason, and stops the Lua code that runs now, in whatever coroutine,
 * until the loop forgets it: for a signal handler. pcall cannot swallow it. */
void coroutine_cancel(enum loop_reason reason);

/* Replaces the functions of the library that must know of waits and of tasks. [-0, +0, m] */
void coroutine_wrap_library(lua_State *L);

#endif
