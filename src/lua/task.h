/* Tasks: Lua coroutines that the scheduler owns. A script runs as a task, so that every wait in it
 * (a request, a sleep, another task) is a yield to the event loop. Waiting also works where Lua
 * cannot yield and inside users' own coroutines: see task_await(). */
#ifndef ANYREACH_TASK_H
#define ANYREACH_TASK_H

#include <lua.h>
#include <stdbool.h>

#include "lua/place.h"
#include "net/loop.h"

struct task;

/* Something that will happen once: embedded in a userdata that is anchored on the waiting stack and
 * whose __close takes it back. Zero-initialise. */
struct wait {
  struct task *task; /* who sleeps on it; NULL while nobody does */
  bool done;
  bool by_tasks; /* happens only when other tasks run */
};

enum task_status { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DONE, TASK_FAILED, TASK_CANCELLED };

/* Somebody who waits for a task's end; linked into that task, and unlinked by whoever frees it. */
struct task_waiter {
  struct wait wait;
  struct task *target; /* NULL once it has ended */
  struct task_waiter *next;
};

#define TASK_TYPE "anyreach.task"

/* User values of a task. Results, or the error, stay on the stack of its thread. */
enum { TASK_THREAD = 1, TASK_TRACEBACK /* of its error */, TASK_PLACE, TASK_VALUES = TASK_PLACE };

/* Lives in a userdata, which the registry anchors until the task has ended. */
struct task {
  struct scheduler *scheduler;
  lua_State *thread;
  struct place *place; /* the user value */
  enum task_status status;
  int argument_count;
  struct task *next_ready, *previous_ready;
  struct task_waiter *waiters;
  bool noticed;       /* somebody waits, or has asked for the result */
  bool in_background; /* the run ends without it */
};

/* Creates the scheduler of a Lua state; every thread of the state finds it in its extra space. */
void task_open(lua_State *L, struct loop *loop);
struct loop *task_loop(lua_State *L);

/* It has happened: whoever waits becomes ready, and runs in a later turn of the loop. */
void task_wake(struct wait *wait);

/* Ends a C function with `return task_await(...)`: continues in `k` once `wait` is done. In a task
 * it yields; inside a user's coroutine the wait passes outward to the task; where Lua cannot yield
 * it drives the loop until this one thing is done. Raises when interrupted. */
int task_await(lua_State *L, struct wait *wait, lua_KContext context, lua_KFunction k);

/* The same, in place: turns the loop until `wait` is done. Raises when interrupted. */
void task_drive(lua_State *L, struct wait *wait);

/* One turn of the loop in place, other tasks included, for a C function that waits for something
 * other than a task. */
void task_turn(lua_State *L);

/* Makes a task of the function and its arguments on top of the stack, ready to run, and pushes it.
 * Its place is the value at the index `place`, or, when that is 0, a new child of the running
 * task's. [-(argument_count+1), +1, m] */
struct task *task_new(lua_State *L, int argument_count, bool in_background, int place);

/* Ends a task that is alive and not running: closes its pending values, innermost first. */
void task_cancel(struct task *task);

/* The task that runs, or NULL. */
struct task *task_current(lua_State *L);

/* The number of those that are alive. */
size_t task_count(lua_State *L);

/* Where the running task is in the tree of tasks; its parent is known from that. NULL, which is the
 * root, when none runs. */
const struct place *task_place(lua_State *L);

/* Pushes a new child of the running task's place; the root when none runs. [-0, +1, m] */
struct place *task_push_new_place(lua_State *L);

/* The running task goes on at the place on top of the stack. [-1, +0, -] */
void task_move_to(lua_State *L);

/* True when L is the thread of the running task itself, not a coroutine inside it. */
bool task_is_base(lua_State *L);

/* Runs the function and its `nargs` arguments on the stack as a task, and all tasks it spawns, to
 * their end. Pushes the results, or one error value. Returns a Lua status, or TASK_INTERRUPTED (and
 * pushes nothing) after Ctrl-C. [-(nargs+1), +(n|1|0), -] */
enum { TASK_INTERRUPTED = -1 };
int task_run(lua_State *L, int nargs);

/* The same, from within a task, of the one task alone: the others go on, and are left alive. After
 * Ctrl-C, which stays to be forgotten, the task has been cancelled. [-(nargs+1), +(n|1|0), -] */
int task_run_interruptible(lua_State *L, int nargs);

/* After task_run(): pushes the first error of a task that nobody waited for and returns true, or
 * pushes nothing. [-0, +(0|1), -] */
bool task_push_unnoticed_error(lua_State *L);

/* After task_run(): the stack trace of the main task's error, a string of the state, or NULL. */
const char *task_traceback(lua_State *L);

#endif
