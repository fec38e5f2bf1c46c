#include "lua/task.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#include "lua/coroutine.h"
#include "lua/error.h"

#define DEADLOCK "this wait can never end: every task waits for another"

/* How many tasks may wait for others where Lua cannot yield. Each runs the others within its own
 * wait, on the C stack, of which Lua allows 200 calls: three for a level, and more in layers of
 * pcall. */
enum { NESTED_WAITS_MAX = 24 };

struct scheduler {
  lua_State *main;
  lua_State *driver; /* the thread that turns the loop now */
  struct loop *loop;
  unsigned nested_waits;
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
    struct task_waiter *waiter = task->waiters;
    task->waiters = waiter->next;
    waiter->target = NULL;
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
  lua_setiuservalue(L, -2, TASK_TRACEBACK);
  close_thread(task);
  note_if_unnoticed(L, task);
  lua_settop(L, top);
  end(task, TASK_FAILED);
}

void task_cancel(struct task *task) {
  if (task->status == TASK_READY) leave_ready_queue(task);
  struct wait *wait = coroutine_pending_wait(task->thread);
  if (wait) wait->task = NULL; /* it may outlive the task */
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
  s->nested_waits++;
  if (by_tasks) resume_ready(s);
  s->nested_waits--;
  s->driver = driver;
}

void task_turn(lua_State *L) {
  drive_turn(L, scheduler_of(L), true);
}

static void check_nesting(lua_State *L, const struct scheduler *s) {
  if (s->nested_waits < NESTED_WAITS_MAX) return;
  raise_error(
      L, "usage",
      "%d tasks wait for others where Lua cannot yield, as in a comparison of table.sort, in "
      "the function of string.gsub or in __tostring, and one more would overflow the C "
      "stack; wait before such a call, or let fewer tasks run at once",
      NESTED_WAITS_MAX);
}

void task_drive(lua_State *L, struct wait *wait) {
  struct scheduler *s = scheduler_of(L);
  check_interrupted(L);
  if (wait->by_tasks && !wait->done) check_nesting(L, s);
  while (!wait->done) {
    if (wait->by_tasks && !s->first_ready && !loop_is_busy(s->loop)) luaL_error(L, DEADLOCK);
    drive_turn(L, s, wait->by_tasks);
    check_interrupted(L);
  }
}

struct task *task_current(lua_State *L) {
  return scheduler_of(L)->current;
}

size_t task_count(lua_State *L) {
  return scheduler_of(L)->task_count;
}

const struct place *task_place(lua_State *L) {
  const struct task *task = task_current(L);
  return task ? task->place : NULL;
}

void task_move_to(lua_State *L) {
  struct task *task = task_current(L);
  task->place = lua_touserdata(L, -1);
  push_live_task(L, task);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, TASK_PLACE);
  lua_pop(L, 1);
}

bool task_is_base(lua_State *L) {
  const struct task *current = scheduler_of(L)->current;
  return current && current->thread == L;
}

/* Turns the loop until no task is alive, or `task` has ended when one is given, or nothing can
 * happen any more. */
static void run(struct scheduler *s, const struct task *task) {
  unsigned nested_waits = s->nested_waits;
  while (!loop_cancelled() && (task ? task->status < TASK_DONE : s->live_count > 0)) {
    if (!s->first_ready && !loop_is_busy(s->loop)) return;
    loop_turn(s->loop, s->first_ready == NULL);
    s->nested_waits = nested_waits; /* whatever an error has left */
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
      if (task->status < TASK_DONE) task_cancel(task); /* another's end may have been its own */
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

struct place *task_push_new_place(lua_State *L) {
  const struct task *parent = scheduler_of(L)->current;
  if (!parent) return place_push_root(L);
  push_live_task(L, parent);
  lua_getiuservalue(L, -1, TASK_PLACE);
  lua_remove(L, -2);
  return place_replace_by_child(L, 0);
}

struct task *task_new(lua_State *L, int argument_count, bool in_background, int place) {
  struct task *task = lua_newuserdatauv(L, sizeof *task, TASK_VALUES);
  *task = (struct task){.scheduler = scheduler_of(L),
                        .argument_count = argument_count,
                        .in_background = in_background};
  luaL_setmetatable(L, TASK_TYPE);
  task->thread = lua_newthread(L);
  lua_setiuservalue(L, -2, TASK_THREAD);
  if (place) lua_pushvalue(L, place);
  task->place = place ? lua_touserdata(L, -1) : task_push_new_place(L);
  lua_setiuservalue(L, -2, TASK_PLACE);
  lua_insert(L, -(argument_count + 2));
  luaL_checkstack(task->thread, argument_count + LUA_STACK_ROOM, "too many arguments");
  lua_xmove(L, task->thread, argument_count + 1);
  anchor(L, task, -1);
  make_ready(task);
  return task;
}

static void keep_traceback(lua_State *L, int task_index) {
  lua_getiuservalue(L, task_index, TASK_TRACEBACK);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
}

/* Runs a task until it has ended, or Ctrl-C comes; one that can never end is cancelled. */
static void run_to_end(struct scheduler *s, struct task *task) {
  task->noticed = true;
  run(s, task);
  if (task->status >= TASK_DONE || loop_cancelled()) return;
  task_cancel(task);
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
  struct task *task = task_new(L, nargs, false, 0);
  run_to_end(s, task);
  if (task->status == TASK_DONE) run(s, NULL);
  cancel_all(L);
  if (!loop_cancelled()) return replace_by_outcome(L, task);
  lua_pop(L, 1);
  return TASK_INTERRUPTED;
}

int task_run_interruptible(lua_State *L, int nargs) {
  struct scheduler *s = scheduler_of(L);
  struct task *task = task_new(L, nargs, false, 0);
  lua_State *driver = s->driver;
  s->driver = L;
  run_to_end(s, task);
  if (task->status < TASK_DONE) task_cancel(task);
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

void task_open(lua_State *L, struct loop *loop) {
  struct scheduler *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (struct scheduler){.main = L, .driver = L, .loop = loop};
  lua_rawsetp(L, LUA_REGISTRYINDEX, s);
  *(struct scheduler **)lua_getextraspace(L) = s;
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &live_tasks_key);
}
