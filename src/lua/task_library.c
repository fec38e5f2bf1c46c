#include "lua/task_library.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"
#include "lua/task.h"

#define EVENT_TYPE  "anyreach.event"
#define BRANCH_TYPE "anyreach.branch"

/* A script that spawns without end is stopped before it has taken all memory: about 400 MB. */
enum { TASKS_MAX = 100000 };

/* An event: one task waits until somebody sets it. */
struct event {
  struct wait *waiting;
  bool set;
};

/* Somebody who sleeps, or waits for an event or a task's end. Its user value is the event or the
 * task: finalisers run in no useful order, so what this points to must not be collected before it.
 */
struct waiter {
  struct task_waiter of_task; /* linked into the task that is waited for, if one is */
  struct event *event;        /* whose `waiting` this is, or NULL */
  struct loop_timer timer;    /* runs while the wait has a time limit */
  struct loop *loop;
};

/* {====== spawning ====== */

static const char *const status_names[] = {"ready", "running", "waiting",
                                           "done",  "failed",  "cancelled"};

static struct task *check_task(lua_State *L, int index) {
  return luaL_checkudata(L, index, TASK_TYPE);
}

/* Stack: the function at `index`, then its arguments; see task_new() for `place`. */
static int spawn(lua_State *L, int index, bool in_background, int place) {
  bool is_callable = lua_isfunction(L, index) || luaL_getmetafield(L, index, "__call") != LUA_TNIL;
  luaL_argexpected(L, is_callable, index, "function");
  if (!lua_isfunction(L, index)) lua_pop(L, 1);
  if (task_count(L) >= TASKS_MAX)
    return raise_error(L, "usage",
                       "%d tasks are alive already, no more can be spawned; anyreach.map goes "
                       "through any number of things, some at a time",
                       TASKS_MAX);
  task_new(L, lua_gettop(L) - index, in_background, place);
  return 1;
}

static int l_task_spawn(lua_State *L) {
  return spawn(L, 1, false, 0);
}

/* background(f, ...) -> task: as spawn(), but the run ends without it. */
static int l_task_background(lua_State *L) {
  return spawn(L, 1, true, 0);
}

/* place() -> where the running task is in the tree of tasks, as text: see place.h. */
static int l_task_place(lua_State *L) {
  place_push_text(L, task_place(L));
  return 1;
}

/* branch() -> a place below the running task's, for several tasks that share work: what they do is
 * identified by the item they work on, not by which of them does it. */
static int l_task_branch(lua_State *L) {
  task_push_new_place(L);
  luaL_setmetatable(L, BRANCH_TYPE);
  return 1;
}

/* branch:spawn(f, ...) -> task: as spawn(); the task begins at the branch itself. */
static int l_branch_spawn(lua_State *L) {
  luaL_checkudata(L, 1, BRANCH_TYPE);
  return spawn(L, 2, false, 1);
}

/* branch:enter(index): what the running task does from now on is done for the item of that index.
 */
static int l_branch_enter(lua_State *L) {
  luaL_checkudata(L, 1, BRANCH_TYPE);
  lua_Integer index = luaL_checkinteger(L, 2);
  luaL_argcheck(L, index >= 1, 2, "expected an index from 1");
  lua_settop(L, 1);
  place_replace_by_child(L, index);
  task_move_to(L);
  return 0;
}

/* }====== */

/* {====== waiting ====== */

static void leave_task(struct task_waiter *waiter) {
  if (!waiter->target) return;
  struct task_waiter **link = &waiter->target->waiters;
  while (*link != waiter) link = &(*link)->next;
  *link = waiter->next;
  waiter->target = NULL;
}

/* Unlinks a waiter whose wait is over or was given up. */
static int waiter_close(lua_State *L) {
  struct waiter *waiter = lua_touserdata(L, 1);
  loop_timer_stop(waiter->loop, &waiter->timer);
  if (waiter->event) waiter->event->waiting = NULL;
  waiter->event = NULL;
  leave_task(&waiter->of_task);
  return 0;
}

static void waiter_expire(void *context) {
  task_wake(&((struct waiter *)context)->of_task.wait);
}

/* Pushes a waiter for the value at index 1, to be closed with its stack slot. [-0, +1, m] */
static struct waiter *push_waiter(lua_State *L) {
  struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 1);
  *waiter = (struct waiter){.loop = task_loop(L)};
  waiter->timer.fire = waiter_expire;
  waiter->timer.context = waiter;
  if (luaL_newmetatable(L, "anyreach.waiter")) {
    lua_pushcfunction(L, waiter_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, waiter_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_toclose(L, -1);
  return waiter;
}

static void start_timer(lua_State *L, struct waiter *waiter, double seconds) {
  if (loop_timer_start(waiter->loop, &waiter->timer, seconds) != 0)
    luaL_error(L, "not enough memory");
}

static int no_result(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)status, (void)context;
  return 0;
}

static int l_task_sleep(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "expected seconds, not negative");
  struct waiter *waiter = push_waiter(L);
  start_timer(L, waiter, seconds);
  return task_await(L, &waiter->of_task.wait, 0, no_result);
}

static int push_outcome(lua_State *L, struct task *task) {
  task->noticed = true;
  if (task->status != TASK_DONE) {
    lua_pushvalue(task->thread, -1);
    lua_xmove(task->thread, L, 1);
    return lua_error(L);
  }
  int count = lua_gettop(task->thread);
  luaL_checkstack(L, count, "too many results");
  luaL_checkstack(task->thread, count, "too many results");
  for (int i = 1; i <= count; i++) lua_pushvalue(task->thread, i);
  lua_xmove(task->thread, L, count);
  return count;
}

static int waited(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  struct task *task = check_task(L, 1);
  if (task->status < TASK_DONE)
    return raise_error(L, "timeout", "the task did not end within %s seconds",
                       luaL_tolstring(L, 2, NULL));
  return push_outcome(L, task);
}

/* task:wait([seconds]) -> the task's results; raises its error, or one of kind "timeout". */
static int l_task_wait(lua_State *L) {
  struct task *task = check_task(L, 1);
  lua_Number seconds = luaL_optnumber(L, 2, -1);
  lua_settop(L, 2);
  if (task == task_current(L)) return luaL_error(L, "a task cannot wait for itself");
  task->noticed = true;
  if (task->status >= TASK_DONE) return push_outcome(L, task);
  struct waiter *waiter = push_waiter(L);
  waiter->of_task.wait.by_tasks = true;
  waiter->of_task.target = task;
  waiter->of_task.next = task->waiters;
  task->waiters = &waiter->of_task;
  if (seconds >= 0) start_timer(L, waiter, seconds);
  return task_await(L, &waiter->of_task.wait, 0, waited);
}

/* task:cancel() -> true when it was still alive: closes its pending values, its request included.
 */
static int l_task_cancel(lua_State *L) {
  struct task *task = check_task(L, 1);
  task->noticed = true;
  if (task->status == TASK_RUNNING) return luaL_error(L, "a running task cannot be cancelled");
  bool alive = task->status < TASK_DONE;
  if (alive) task_cancel(task);
  lua_pushboolean(L, alive);
  return 1;
}

static int l_task_close(lua_State *L) {
  struct task *task = check_task(L, 1);
  if (task->status == TASK_READY || task->status == TASK_WAITING) {
    task->noticed = true;
    task_cancel(task);
  }
  return 0;
}

static int l_task_status(lua_State *L) {
  lua_pushstring(L, status_names[check_task(L, 1)->status]);
  return 1;
}

static int l_task_tostring(lua_State *L) {
  struct task *task = check_task(L, 1);
  lua_pushfstring(L, "task: %p (%s)", (void *)task, status_names[task->status]);
  return 1;
}

static int l_event_set(lua_State *L) {
  struct event *event = luaL_checkudata(L, 1, EVENT_TYPE);
  event->set = true;
  if (event->waiting) task_wake(event->waiting);
  event->waiting = NULL;
  return 0;
}

static int l_event_wait(lua_State *L) {
  struct event *event = luaL_checkudata(L, 1, EVENT_TYPE);
  if (event->set) return 0;
  if (event->waiting) return luaL_error(L, "somebody waits for this event already");
  lua_settop(L, 1);
  struct waiter *waiter = push_waiter(L);
  waiter->of_task.wait.by_tasks = true;
  waiter->event = event;
  event->waiting = &waiter->of_task.wait;
  return task_await(L, &waiter->of_task.wait, 0, no_result);
}

static int l_task_event(lua_State *L) {
  struct event *event = lua_newuserdatauv(L, sizeof *event, 0);
  *event = (struct event){0};
  luaL_setmetatable(L, EVENT_TYPE);
  return 1;
}

static const luaL_Reg task_methods[] = {
    {"wait", l_task_wait}, {"cancel", l_task_cancel}, {"status", l_task_status}, {NULL, NULL}};

static const luaL_Reg task_metamethods[] = {
    {"__close", l_task_close}, {"__tostring", l_task_tostring}, {NULL, NULL}};

static const luaL_Reg event_methods[] = {
    {"set", l_event_set}, {"wait", l_event_wait}, {NULL, NULL}};

static const luaL_Reg branch_methods[] = {
    {"spawn", l_branch_spawn}, {"enter", l_branch_enter}, {NULL, NULL}};

static const luaL_Reg task_functions[] = {{"spawn", l_task_spawn},
                                          {"background", l_task_background},
                                          {"sleep", l_task_sleep},
                                          {"event", l_task_event},
                                          {"place", l_task_place},
                                          {"branch", l_task_branch},
                                          {NULL, NULL}};

void task_register(lua_State *L) {
  luaL_newmetatable(L, TASK_TYPE);
  luaL_setfuncs(L, task_metamethods, 0);
  luaL_newlib(L, task_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, EVENT_TYPE);
  luaL_newlib(L, event_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, BRANCH_TYPE);
  luaL_newlib(L, branch_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 3);
  luaL_setfuncs(L, task_functions, 0);
}

/* }====== */
