/* The event loop: curl's multi handle, timers and other event sources, on one thread. No Lua here.
 * Nothing completes synchronously: callbacks run from loop_turn() only, never from the function
 * that started the work, and never inside a libcurl callback. */
#ifndef ANYREACH_LOOP_H
#define ANYREACH_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

struct loop;

/* {====== the cancel flag ====== */

/* One for the process, because signals are: the set of reasons for which whatever runs is to stop.
 * While it is not empty, loop_turn() returns at once. */
enum loop_reason {
  LOOP_INTERRUPTED = 1,  /* Ctrl-C: a session may go on afterwards */
  LOOP_TERMINATED = 2,   /* SIGTERM */
  LOOP_DEADLINE_OVER = 4 /* the run has taken as long as it may */
};

/* Adds a reason, and wakes the loop. Safe in a signal handler and in another thread. */
void loop_cancel(enum loop_reason reason);

/* The set of reasons; 0: go on. Safe in a signal handler. */
unsigned loop_cancelled(void);

/* Removes LOOP_INTERRUPTED. Returns true when no other reason is left, so that a session goes on.
 */
bool loop_forget_interrupt(void);

/* Removes all reasons, for what the program still does at its end. */
void loop_forget_cancel(void);

/* Ends the wait of loop_turn(), or the next one when none is under way. Safe in a signal handler
 * and in another thread. */
void loop_wake(void);

/* }====== */

/* A timer is embedded in its owner, who stops it before freeing it. Zero-initialise. */
struct loop_timer {
  double due;      /* by loop_now() */
  size_t position; /* 1-based place in the heap; 0: not running */
  void (*fire)(void *context);
  void *context;
};

/* An event source: something with a descriptor that wants to run when the descriptor is readable or
 * its own time has come. Embedded in its owner, who removes it before freeing it. */
struct loop_source {
  int descriptor;
  long (*timeout_ms)(void *context); /* longest wait it allows, -1: no limit; may be NULL */
  void (*run)(void *context);        /* called once a turn */
  void *context;
  struct loop_source *next; /* the loop's own */
};

/* NULL when libcurl fails, or memory or descriptors run out. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Seconds on a clock that never jumps. */
double loop_now(void);

/* Starts or restarts a timer; fires once. Returns 0, or -1 when memory runs out. */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, double seconds);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

void loop_add_source(struct loop *loop, struct loop_source *source);
void loop_remove_source(struct loop *loop, struct loop_source *source);

/* An easy handle with default settings, perhaps one that was used before; NULL when memory runs
 * out. It must be detached when it is given back. */
CURL *loop_take_easy(struct loop *loop);
void loop_give_back_easy(struct loop *loop, CURL *easy);

/* The connections of transfers that may use HTTP/2, for CURLOPT_SHARE: apart from all others,
 * because libcurl 7.88 sends a request of theirs over an HTTP/1.1 connection on which another one
 * waits for its answer, and mixes the answers up. NULL when memory runs out. */
CURLSH *loop_http2_pool(struct loop *loop);

/* Attaches an easy handle. `done` runs in a later turn with curl's verdict, after the handle was
 * detached. Returns 0 or -1. loop_detach() ends a transfer early; `done` is then not called. */
struct loop_transfer {
  void (*done)(void *context, CURLcode verdict);
  void *context;
};
int loop_attach(struct loop *loop, CURL *easy, struct loop_transfer *transfer);
void loop_detach(struct loop *loop, CURL *easy);

/* One turn: due timers, transfers, sources; waits for something to happen first when `wait`. */
void loop_turn(struct loop *loop, bool wait);

/* True when a timer or a transfer is pending: something that will end a wait. */
bool loop_is_busy(const struct loop *loop);

#endif
