/* The event loop: curl's multi handle, timers and other event sources, on one thread. No Lua here.
 * Nothing completes synchronously: callbacks run from loop_turn() only, never from the function
 * that started the work, and never inside a libcurl callback. */
#ifndef ANYREACH_LOOP_H
#define ANYREACH_LOOP_H

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct loop;

/* Set by SIGINT: loop_turn() returns at once while it is not zero. */
extern volatile sig_atomic_t loop_interrupted;

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
  long (*timeout_ms)(void *context); /* longest wait it allows, -1 for no limit; may be NULL */
  void (*run)(void *context);        /* called once a turn */
  void *context;
  struct loop_source *next; /* the loop's own */
};

/* NULL when libcurl or memory fails. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Seconds on a clock that never jumps. */
double loop_now(void);

/* Starts or restarts a timer; fires once. Returns 0, or -1 when memory runs out. */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, double seconds);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

void loop_add_source(struct loop *loop, struct loop_source *source);
void loop_remove_source(struct loop *loop, struct loop_source *source);

/* An easy handle with default settings, perhaps one that has served before; NULL when memory runs
 * out. What is given back is detached. */
CURL *loop_take_easy(struct loop *loop);
void loop_give_back_easy(struct loop *loop, CURL *easy);

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

/* True when a timer or a transfer is pending: something that can end a wait. */
bool loop_is_busy(const struct loop *loop);

#endif
