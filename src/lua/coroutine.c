#include "lua/coroutine.h"

#include <lauxlib.h>
#include <lualib.h>

/* The thread that runs Lua code now; the signal handler's way to it. One process has one. */
static lua_State *volatile running;

static const char wait_mark; /* its address marks a yielded wait */

/* {====== interrupts ====== */

/* Stays armed, so that a pcall on the way out meets it again at its next instruction; but not in a
 * thread that waited when it was armed, and goes on when the interrupt is forgotten. */
static void stop_hook(lua_State *L, lua_Debug *activation) {
  (void)activation;
  if (loop_cancelled())
    luaL_error(L, "interrupted");
  else
    lua_sethook(L, NULL, 0, 0);
}

void coroutine_cancel(enum loop_reason reason) {
  lua_State *L = running;
  loop_cancel(reason);
  if (L) lua_sethook(L, stop_hook, LUA_MASKCOUNT, 1);
}

/* Threads that are being closed, one within the other: what they do in their end is not stopped. */
static int closing_count;

/* enter and leave bracket all that runs another thread: enter returns the thread that ran until
 * now, which leave restores and, after an interrupt, stops too. */
static lua_State *enter(lua_State *thread) {
  lua_State *outer = running;
  running = thread;
  return outer;
}

static void leave(lua_State *outer) {
  running = outer;
  if (loop_cancelled() && outer && closing_count == 0)
    lua_sethook(outer, stop_hook, LUA_MASKCOUNT, 1);
}

int coroutine_close(lua_State *thread) {
  lua_sethook(thread, NULL, 0, 0);
  lua_State *outer = enter(thread);
  closing_count++;
  int status = lua_resetthread(thread);
  closing_count--;
  leave(outer);
  lua_sethook(thread, NULL, 0, 0); /* a signal may have armed it meanwhile */
  return status;
}

/* }====== */

int coroutine_yield_wait(lua_State *L, struct wait *wait, lua_KContext context, lua_KFunction k) {
  lua_pushlightuserdata(L, (void *)&wait_mark);
  lua_pushlightuserdata(L, wait);
  return lua_yieldk(L, 2, context, k);
}

/* Mark and wait stay on the thread's stack until it goes on, so that nobody but whoever waits in
 * its place can take it for a suspended coroutine. */
struct wait *coroutine_pending_wait(lua_State *thread) {
  if (lua_status(thread) != LUA_YIELD || lua_gettop(thread) < 2) return NULL;
  return lua_touserdata(thread, -2) == &wait_mark ? lua_touserdata(thread, -1) : NULL;
}

int coroutine_resume(lua_State *thread, lua_State *from, int arguments, int *count) {
  if (coroutine_pending_wait(thread)) lua_pop(thread, 2);
  lua_State *outer = enter(thread);
  int status = lua_resume(thread, from, arguments, count);
  leave(outer);
  return status;
}

/* {====== resume and wrap ====== */

/* Whoever waits in a coroutine's place, because its wait has passed outward, closes it when that
 * wait is given up. */
struct relay {
  lua_State *thread;
};

static int relay_close(lua_State *L) {
  struct relay *relay = lua_touserdata(L, 1);
  if (!relay->thread) return 0;
  coroutine_close(relay->thread);
  relay->thread = NULL;
  return 0;
}

/* Pushes a relay for the thread at index 1, to be closed with its slot. [-0, +1, m] */
static void push_relay(lua_State *L, lua_State *thread) {
  struct relay *relay = lua_newuserdatauv(L, sizeof *relay, 1);
  relay->thread = thread;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  if (luaL_newmetatable(L, "anyreach.relay")) {
    lua_pushcfunction(L, relay_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  lua_toclose(L, -1);
}

/* What a resumed thread came to. */
enum outcome { OUTCOME_VALUES, OUTCOME_ERROR, OUTCOME_WAIT };

static enum outcome resume_once(lua_State *L, lua_State *thread, int arguments, int *count,
                                struct wait **wait) {
  int status = coroutine_resume(thread, L, arguments, count);
  if (status != LUA_OK && status != LUA_YIELD) return OUTCOME_ERROR;
  *wait = coroutine_pending_wait(thread);
  return *wait ? OUTCOME_WAIT : OUTCOME_VALUES;
}

/* Which function resumes. */
enum resumer { BY_RESUME, BY_WRAP };

/* Raises, from wrap, the error on top of the stack; closes the thread first, as coroutine.wrap
 * does. */
static int raise_through_wrap(lua_State *L, lua_State *thread) {
  int status = lua_status(thread);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_resetthread(thread);
    lua_pop(L, 1);
    lua_xmove(thread, L, 1);
  }
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* Returns the error on top of the stack, or raises it, as the resumer does. */
static int return_error(lua_State *L, lua_State *thread, enum resumer resumer) {
  if (resumer == BY_WRAP) return raise_through_wrap(L, thread);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

/* Returns what a resumption gave, as the resumer does. */
static int return_results(lua_State *L, lua_State *thread, enum outcome outcome, int count,
                          enum resumer resumer) {
  if (outcome == OUTCOME_ERROR) {
    lua_xmove(thread, L, 1);
    return return_error(L, thread, resumer);
  }
  luaL_checkstack(L, count + 1, "too many results to resume");
  if (resumer == BY_RESUME) lua_pushboolean(L, 1);
  lua_xmove(thread, L, count);
  return resumer == BY_RESUME ? count + 1 : count;
}

static int coroutine_continue(lua_State *L, int status, lua_KContext context);

/* Stack: the thread at index 1, then a relay once a wait has passed outward. Goes on until the
 * thread yields or returns something of its own. */
static int go_on(lua_State *L, enum resumer resumer, int arguments) {
  lua_State *thread = lua_tothread(L, 1);
  struct wait *wait;
  int count;
  for (;;) {
    enum outcome outcome = resume_once(L, thread, arguments, &count, &wait);
    struct relay *relay = lua_touserdata(L, 2);
    if (outcome != OUTCOME_WAIT) {
      if (relay) relay->thread = NULL;
      return return_results(L, thread, outcome, count, resumer);
    }
    if (!relay) push_relay(L, thread);
    arguments = 0;
    if (lua_isyieldable(L)) return coroutine_yield_wait(L, wait, resumer, coroutine_continue);
    task_drive(L, wait);
  }
}

static int coroutine_continue(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_settop(L, 2);
  return go_on(L, (enum resumer)context, 0);
}

/* Stack: the thread at index 1, then its arguments. */
static int start(lua_State *L, enum resumer resumer) {
  lua_State *thread = lua_tothread(L, 1);
  int arguments = lua_gettop(L) - 1;
  if (coroutine_pending_wait(thread)) {
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return return_error(L, thread, resumer);
  }
  if (!lua_checkstack(thread, arguments)) return luaL_error(L, "too many arguments to resume");
  lua_xmove(L, thread, arguments);
  return go_on(L, resumer, arguments);
}

static int l_coroutine_resume(lua_State *L) {
  luaL_argexpected(L, lua_isthread(L, 1), 1, "coroutine");
  return start(L, BY_RESUME);
}

static int wrapped(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  return start(L, BY_WRAP);
}

static int l_coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *thread = lua_newthread(L);
  if (!lua_keep_stack_room(thread)) return luaL_error(L, "not enough memory");
  lua_pushvalue(L, 1);
  lua_xmove(L, thread, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

/* }====== */

/* {====== the rest of the library ====== */

static int l_coroutine_yield(lua_State *L) {
  if (task_is_base(L)) {
    lua_pushliteral(L, "attempt to yield from outside a coroutine");
    return lua_error(L);
  }
  return lua_yield(L, lua_gettop(L));
}

/* A task's own thread is what the main thread is in a plain Lua program. */
static int l_coroutine_running(lua_State *L) {
  lua_pushthread(L);
  lua_pushboolean(L, task_is_base(L));
  return 2;
}

static int l_coroutine_isyieldable(lua_State *L) {
  lua_State *thread = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
  lua_pushboolean(L, lua_isyieldable(thread) && !task_is_base(thread));
  return 1;
}

/* Calls the library's own function of that name, which is upvalue 1. */
static int call_original(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int l_coroutine_create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  call_original(L);
  if (!lua_keep_stack_room(lua_tothread(L, -1))) return luaL_error(L, "not enough memory");
  return 1;
}

static bool is_waiting(lua_State *L, int index) {
  return lua_isthread(L, index) && coroutine_pending_wait(lua_tothread(L, index));
}

/* To its resumer, a coroutine that waits is one that runs. */
static int l_coroutine_status(lua_State *L) {
  if (!is_waiting(L, 1)) return call_original(L);
  lua_pushliteral(L, "normal");
  return 1;
}

static int l_coroutine_close(lua_State *L) {
  if (is_waiting(L, 1)) return luaL_error(L, "cannot close a normal coroutine");
  return call_original(L);
}

static const luaL_Reg coroutine_functions[] = {{"create", l_coroutine_create},
                                               {"resume", l_coroutine_resume},
                                               {"wrap", l_coroutine_wrap},
                                               {"yield", l_coroutine_yield},
                                               {"running", l_coroutine_running},
                                               {"isyieldable", l_coroutine_isyieldable},
                                               {"status", l_coroutine_status},
                                               {"close", l_coroutine_close},
                                               {NULL, NULL}};

/* }====== */

void coroutine_wrap_library(lua_State *L) {
  lua_getglobal(L, LUA_COLIBNAME);
  for (const luaL_Reg *row = coroutine_functions; row->name; row++) {
    lua_getfield(L, -1, row->name);
    lua_pushcclosure(L, row->func, 1);
    lua_setfield(L, -2, row->name);
  }
  lua_pop(L, 1);
}
