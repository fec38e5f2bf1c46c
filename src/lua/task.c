#include "lua/task.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "lua/coroutine.h"
#include "lua/error.h"

#define TASK_TYPE  "anyreach.task"
#define EVENT_TYPE "anyreach.event"
#define DEADLOCK   "this wait can never end: every task waits for another"

/* A script that spawns without end is stopped before it has taken all memory: about 400 MB. */
enum { TASKS_MAX = 100000 };

enum task_status { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DONE, TASK_FAILED, TASK_CANCELLED };

static const char *const status_names[] = {"ready", "running", "waiting",
                                           "done",  "failed",  "cancelled"};

/* An event: one task waits until somebody sets it. */
struct event {
  struct wait *waiting;
  bool set;
};

/* Somebody who sleeps, or waits for an event or a task's end; linked into that task. */
struct waiter {
  struct wait wait;
  struct loop_timer timer; /* runs when the wait has a time limit */
  struct loop *loop;
  struct event *event; /* whose `waiting` this is, or NULL */
  struct task *target;
  struct waiter *next;
  bool expired;
};

/* Lives in a userdata. User value 1: its thread, on whose stack the results or the error stay;
 * user value 2: the stack trace of its error. The scheduler's registry table anchors live ones. */
struct task {
  struct scheduler *scheduler;
  lua_State *thread;
  enum task_status status;
  int argument_count;
  struct task *next_ready, *previous_ready;
  struct waiter *waiters;
  bool noticed;       /* somebody waits, or has asked for the result */
  bool in_background; /* the run ends without it */
};

struct scheduler {
  lua_State *main;
  lua_State *driver; /* the thread that turns the loop now */
  struct loop *loop;
  struct task *current;
  struct task *first_ready, *last_ready;
  size_t live_count; /* of those that the run waits for */
  size_t task_count; /* of all that are alive */
};

static const char live_tasks_key, unnoticed_key, traceback_key;

static struct scheduler *scheduler_of(lua_State *L) {
  return *(struct scheduler **)lua_getextraspace(L);
}

struct loop *task_loop(lua_State *L) {
  return scheduler_of(L)->loop;
}

/* {====== the ready queue ====== */

static void make_ready(struct task *task) {
  struct scheduler *s = task->scheduler;
  task->status = TASK_READY;
  task->next_ready = NULL;
  task->previous_ready = s->last_ready;
  if (s->last_ready)
    s->last_ready->next_ready = task;
  else
    s->first_ready = task;
  s->last_ready = task;
}

static void leave_ready_queue(struct task *task) {
  struct scheduler *s = task->scheduler;
  struct task *previous = task->previous_ready, *next = task->next_ready;
  *(previous ? &previous->next_ready : &s->first_ready) = next;
  *(next ? &next->previous_ready : &s->last_ready) = previous;
}

void task_wake(struct wait *wait) {
  struct task *task = wait->task;
  wait->done = true;
  wait->task = NULL;
  if (task && task->status == TASK_WAITING) make_ready(task);
}

/* }====== */

/* {====== the end of a task ====== */

static void anchor(lua_State *L, struct task *task, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
  lua_pushvalue(L, index);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
  task->scheduler->task_count++;
  if (!task->in_background) task->scheduler->live_count++;
}

/* Pushes the userdata of a live task. [-0, +1, -] */
static void push_live_task(lua_State *L, const struct task *task) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
  lua_rawgetp(L, -1, task);
  lua_remove(L, -2);
}

static void wake_waiters(struct task *task) {
  while (task->waiters) {
    struct waiter *waiter = task->waiters;
    task->waiters = waiter->next;
    waiter->target = NULL;
    loop_timer_stop(waiter->loop, &waiter->timer);
    task_wake(&waiter->wait);
  }
}

/* The task may be collected from here on. */
static void release(struct task *task) {
  lua_State *L = task->scheduler->main;
  task->scheduler->task_count--;
  if (!task->in_background) task->scheduler->live_count--;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
  lua_pushnil(L);
  lua_rawsetp(L, -2, task);
  lua_pop(L, 1);
}

static void end(struct task *task, enum task_status status) {
  task->status = status;
  wake_waiters(task);
  release(task);
}

/* Closes a thread's pending to-be-closed values, inner values first, as the task that owns them.
 * The error value is then on top of the thread's stack, if there is one. */
static int close_thread(struct task *task) {
  struct scheduler *s = task->scheduler;
  struct task *previous = s->current;
  s->current = task;
  int status = coroutine_close(task->thread);
  s->current = previous;
  return status;
}

/* Keeps the first error that nobody waits for, to be reported at the end of the run. */
static void note_if_unnoticed(lua_State *L, struct task *task) {
  if (task->noticed || lua_rawgetp(L, LUA_REGISTRYINDEX, &unnoticed_key) != LUA_TNIL) return;
  lua_pushvalue(task->thread, -1);
  lua_xmove(task->thread, L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &unnoticed_key);
}

static void fail(struct task *task) {
  lua_State *L = task->scheduler->main;
  int top = lua_gettop(L);
  push_live_task(L, task);
  luaL_traceback(L, task->thread, NULL, 0);
  lua_setiuservalue(L, -2, 2);
  close_thread(task);
  note_if_unnoticed(L, task);
  lua_settop(L, top);
  end(task, TASK_FAILED);
}

static void cancel(struct task *task) {
  if (task->status == TASK_READY) leave_ready_queue(task);
  task->status = TASK_RUNNING; /* while its values are closed nothing may wake it */
  close_thread(task);
  lua_settop(task->thread, 0);
  push_error(task->thread, "cancelled", "the task was cancelled");
  end(task, TASK_CANCELLED);
}

/* }====== */

/* {====== running ====== */

static void park(struct task *task, struct wait *wait) {
  if (!wait) { /* foreign C code yielded: our own coroutine.yield refuses here */
    lua_pushliteral(task->thread, "attempt to yield from outside a coroutine");
    fail(task);
    return;
  }
  task->status = TASK_WAITING;
  wait->task = task;
  if (wait->done) task_wake(wait);
}

static void resume(struct task *task) {
  struct scheduler *s = task->scheduler;
  struct task *previous = s->current;
  s->current = task;
  task->status = TASK_RUNNING;
  int result_count, arguments = task->argument_count;
  task->argument_count = 0;
  int status = coroutine_resume(task->thread, s->driver, arguments, &result_count);
  s->current = previous;
  if (status == LUA_YIELD)
    park(task, coroutine_pending_wait(task->thread));
  else if (status == LUA_OK)
    end(task, TASK_DONE);
  else
    fail(task);
}

/* Resumes the tasks that are ready now; those that become ready meanwhile wait for the next turn.
 */
static void resume_ready(struct scheduler *s) {
  struct task *last = s->last_ready;
  while (s->first_ready && !loop_cancelled()) {
    struct task *task = s->first_ready;
    leave_ready_queue(task);
    resume(task);
    if (task == last) break;
  }
}

static void check_interrupted(lua_State *L) {
  if (loop_cancelled()) luaL_error(L, "interrupted");
}

/* One turn of the loop, and of the ready tasks when the wait depends on them. */
static void drive_turn(lua_State *L, struct scheduler *s, bool by_tasks) {
  lua_State *driver = s->driver;
  s->driver = L;
  loop_turn(s->loop, !(by_tasks && s->first_ready));
  if (by_tasks) resume_ready(s);
  s->driver = driver;
}

void task_turn(lua_State *L) {
  drive_turn(L, scheduler_of(L), true);
}

void task_drive(lua_State *L, struct wait *wait) {
  struct scheduler *s = scheduler_of(L);
  check_interrupted(L);
  while (!wait->done) {
    if (wait->by_tasks && !s->first_ready && !loop_is_busy(s->loop)) luaL_error(L, DEADLOCK);
    drive_turn(L, s, wait->by_tasks);
    check_interrupted(L);
  }
}

bool task_is_base(lua_State *L) {
  const struct task *current = scheduler_of(L)->current;
  return current && current->thread == L;
}

/* Turns the loop until no task is alive, or `task` has ended when one is given, or nothing can
 * happen any more. */
static void run(struct scheduler *s, const struct task *task) {
  while (!loop_cancelled() && (task ? task->status < TASK_DONE : s->live_count > 0)) {
    if (!s->first_ready && !loop_is_busy(s->loop)) return;
    loop_turn(s->loop, s->first_ready == NULL);
    resume_ready(s);
  }
}

/* Pushes an array of the tasks that are alive, and returns their number. [-0, +1, m] */
static lua_Integer push_live_tasks(lua_State *L) {
  lua_Integer count = 0;
  lua_newtable(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
  for (lua_pushnil(L); lua_next(L, -2);) lua_rawseti(L, -4, ++count);
  lua_pop(L, 1);
  return count;
}

/* What a task does when it is closed may start others, which are cancelled in the next round. */
static void cancel_all(lua_State *L) {
  for (lua_Integer count; (count = push_live_tasks(L)) > 0; lua_pop(L, 1)) {
    for (lua_Integer i = 1; i <= count; i++) {
      lua_rawgeti(L, -1, i);
      struct task *task = lua_touserdata(L, -1);
      if (task->status < TASK_DONE) cancel(task); /* another's end may have been its own */
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

static struct task *new_task(lua_State *L, int argument_count, bool in_background) {
  struct task *task = lua_newuserdatauv(L, sizeof *task, 2);
  *task = (struct task){.scheduler = scheduler_of(L),
                        .argument_count = argument_count,
                        .in_background = in_background};
  luaL_setmetatable(L, TASK_TYPE);
  task->thread = lua_newthread(L);
  lua_setiuservalue(L, -2, 1);
  lua_insert(L, -(argument_count + 2));
  luaL_checkstack(task->thread, argument_count + LUA_STACK_ROOM, "too many arguments");
  lua_xmove(L, task->thread, argument_count + 1);
  anchor(L, task, -1);
  make_ready(task);
  return task;
}

static void keep_traceback(lua_State *L, int task_index) {
  lua_getiuservalue(L, task_index, 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
}

/* Runs a task until it has ended, or Ctrl-C comes; one that can never end is cancelled. */
static void run_to_end(struct scheduler *s, struct task *task) {
  task->noticed = true;
  run(s, task);
  if (task->status >= TASK_DONE || loop_cancelled()) return;
  cancel(task);
  lua_pop(task->thread, 1);
  push_error(task->thread, "deadlock", DEADLOCK);
}

/* Puts what a task that has ended came to in its place at the top of the stack. */
static int replace_by_outcome(lua_State *L, struct task *task) {
  int index = lua_gettop(L);
  keep_traceback(L, index);
  int count = task->status == TASK_DONE ? lua_gettop(task->thread) : 1;
  luaL_checkstack(L, count, "too many results");
  lua_xmove(task->thread, L, count);
  lua_remove(L, index);
  return task->status == TASK_DONE ? LUA_OK : LUA_ERRRUN;
}

int task_run(lua_State *L, int nargs) {
  struct scheduler *s = scheduler_of(L);
  struct task *task = new_task(L, nargs, false);
  run_to_end(s, task);
  if (task->status == TASK_DONE) run(s, NULL);
  cancel_all(L);
  if (!loop_cancelled()) return replace_by_outcome(L, task);
  lua_pop(L, 1);
  return TASK_INTERRUPTED;
}

int task_run_interruptible(lua_State *L, int nargs) {
  struct scheduler *s = scheduler_of(L);
  struct task *task = new_task(L, nargs, false);
  lua_State *driver = s->driver;
  s->driver = L;
  run_to_end(s, task);
  if (task->status < TASK_DONE) cancel(task);
  s->driver = driver;
  if (!loop_cancelled() || task->status == TASK_DONE) return replace_by_outcome(L, task);
  lua_pop(L, 1);
  return TASK_INTERRUPTED;
}

bool task_push_unnoticed_error(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &unnoticed_key) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

const char *task_traceback(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1);
  return text;
}

int task_await(lua_State *L, struct wait *wait, lua_KContext context, lua_KFunction k) {
  if (lua_isyieldable(L)) return coroutine_yield_wait(L, wait, context, k);
  task_drive(L, wait);
  return k(L, LUA_OK, context);
}

/* }====== */

/* {====== Lua: spawn, sleep, and the methods of a task ====== */

static struct task *check_task(lua_State *L, int index) {
  return luaL_checkudata(L, index, TASK_TYPE);
}

static int spawn(lua_State *L, bool in_background) {
  bool is_callable = lua_isfunction(L, 1) || luaL_getmetafield(L, 1, "__call") != LUA_TNIL;
  luaL_argexpected(L, is_callable, 1, "function");
  if (!lua_isfunction(L, 1)) lua_pop(L, 1);
  if (scheduler_of(L)->task_count >= TASKS_MAX)
    return raise_error(L, "usage",
                       "%d tasks are alive already, no more can be spawned; anyreach.map goes "
                       "through any number of things, some at a time",
                       TASKS_MAX);
  new_task(L, lua_gettop(L) - 1, in_background);
  return 1;
}

static int l_task_spawn(lua_State *L) {
  return spawn(L, false);
}

/* background(f, ...) -> task: as spawn(), but the run ends without it. */
static int l_task_background(lua_State *L) {
  return spawn(L, true);
}

/* Unlinks a waiter whose wait was given up. */
static int waiter_close(lua_State *L) {
  struct waiter *waiter = lua_touserdata(L, 1);
  loop_timer_stop(waiter->loop, &waiter->timer);
  if (waiter->event) waiter->event->waiting = NULL;
  waiter->event = NULL;
  if (!waiter->target) return 0;
  struct waiter **link = &waiter->target->waiters;
  while (*link != waiter) link = &(*link)->next;
  *link = waiter->next;
  waiter->target = NULL;
  return 0;
}

static void waiter_expire(void *context) {
  struct waiter *waiter = context;
  waiter->expired = true;
  task_wake(&waiter->wait);
}

/* Pushes a waiter, to be closed with its stack slot. [-0, +1, m] */
static struct waiter *push_waiter(lua_State *L) {
  struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 0);
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
  return task_await(L, &waiter->wait, 0, no_result);
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
  struct waiter *waiter = lua_touserdata(L, (int)context);
  if (waiter->expired)
    return raise_error(L, "timeout", "the task did not end within %s seconds",
                       luaL_tolstring(L, 2, NULL));
  return push_outcome(L, check_task(L, 1));
}

/* task:wait([seconds]) -> the task's results; raises its error, or one of kind "timeout". */
static int l_task_wait(lua_State *L) {
  struct task *task = check_task(L, 1);
  lua_Number seconds = luaL_optnumber(L, 2, -1);
  lua_settop(L, 2);
  if (task == task->scheduler->current) return luaL_error(L, "a task cannot wait for itself");
  task->noticed = true;
  if (task->status >= TASK_DONE) return push_outcome(L, task);
  struct waiter *waiter = push_waiter(L);
  waiter->wait.by_tasks = true;
  waiter->target = task;
  waiter->next = task->waiters;
  task->waiters = waiter;
  if (seconds >= 0) start_timer(L, waiter, seconds);
  return task_await(L, &waiter->wait, lua_gettop(L), waited);
}

/* task:cancel() -> true when it was still alive: closes its pending values, its request included.
 */
static int l_task_cancel(lua_State *L) {
  struct task *task = check_task(L, 1);
  task->noticed = true;
  if (task->status == TASK_RUNNING) return luaL_error(L, "a running task cannot be cancelled");
  bool alive = task->status < TASK_DONE;
  if (alive) cancel(task);
  lua_pushboolean(L, alive);
  return 1;
}

static int l_task_close(lua_State *L) {
  struct task *task = check_task(L, 1);
  if (task->status == TASK_READY || task->status == TASK_WAITING) {
    task->noticed = true;
    cancel(task);
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
  waiter->wait.by_tasks = true;
  waiter->event = event;
  event->waiting = &waiter->wait;
  return task_await(L, &waiter->wait, 0, no_result);
}

static int l_task_event(lua_State *L) {
  struct event *event = lua_newuserdatauv(L, sizeof *event, 0);
  *event = (struct event){0};
  luaL_setmetatable(L, EVENT_TYPE);
  return 1;
}

void task_open(lua_State *L, struct loop *loop) {
  struct scheduler *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (struct scheduler){.main = L, .driver = L, .loop = loop};
  lua_rawsetp(L, LUA_REGISTRYINDEX, s);
  *(struct scheduler **)lua_getextraspace(L) = s;
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
}

static const luaL_Reg task_methods[] = {
    {"wait", l_task_wait}, {"cancel", l_task_cancel}, {"status", l_task_status}, {NULL, NULL}};

static const luaL_Reg task_metamethods[] = {
    {"__close", l_task_close}, {"__tostring", l_task_tostring}, {NULL, NULL}};

static const luaL_Reg event_methods[] = {
    {"set", l_event_set}, {"wait", l_event_wait}, {NULL, NULL}};

static const luaL_Reg task_functions[] = {{"spawn", l_task_spawn},
                                          {"background", l_task_background},
                                          {"sleep", l_task_sleep},
                                          {"event", l_task_event},
                                          {NULL, NULL}};

void task_register(lua_State *L) {
  luaL_newmetatable(L, TASK_TYPE);
  luaL_setfuncs(L, task_metamethods, 0);
  luaL_newlib(L, task_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, EVENT_TYPE);
  luaL_newlib(L, event_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
  luaL_setfuncs(L, task_functions, 0);
}

/* }====== */
