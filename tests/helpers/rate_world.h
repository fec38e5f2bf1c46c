/* Servers with limits, in virtual time: the real request.c, retry.c and throttle.c over a loop and
 * a wire that are simulated here, so that a run of minutes takes milliseconds and is the same every
 * time. Include it in one file of a program, which links everything else. */
#ifndef RATE_WORLD_H
#define RATE_WORLD_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../../src/net/request.h"

enum { WORLD_WORKERS = 256, WORLD_EVENTS = 4096 };

/* {====== servers ====== */

enum server_kind { UNLIMITED, BUCKET, LEAKY_MS, FIXED_WINDOW, AT_ONCE, QUEUEING };

struct server {
  enum server_kind kind;
  double rate;        /* requests a second; of AT_ONCE how many at once */
  double burst;       /* of a BUCKET; of a FIXED_WINDOW the length of the window in seconds */
  double retry_after; /* seconds, whole; -1: not named. A FIXED_WINDOW: 1 means its true end */
  double latency;     /* seconds of work; the way there and back is `way` each */
  double way;
  double jitter;      /* of each way, seconds */
  double slow;        /* latency of one request in three, unless 0 */
  double slows_above; /* in flight: above it the latency grows with the square; 0: never */

  double level, at; /* state */
  unsigned in_service, served;
};

static bool bucket_admits(struct server *server, double now) {
  if (server->at == 0) server->level = server->burst;
  server->level = fmin(server->burst, server->level + (now - server->at) * server->rate);
  server->at = now;
  if (server->level < 1 - 1e-9) return false;
  server->level -= 1;
  return true;
}

/* nginx's limit_req without burst: whole milliseconds, and what is above one request a slot is
 * refused. */
static bool leaky_admits(struct server *server, double now) {
  double ms = floor(now * 1000), passed = server->at == 0 ? 1e9 : ms - server->at;
  double excess = fmax(0, server->level - floor(server->rate * 1000) * passed / 1000 + 1000);
  if (server->at == 0) excess = 0;
  if (excess > 0) return false;
  server->level = excess;
  server->at = ms;
  return true;
}

static bool window_admits(struct server *server, double now) {
  double window = floor(now / server->burst);
  if (window != server->at) {
    server->at = window;
    server->level = 0;
  }
  return server->level++ < server->rate * server->burst;
}

static bool server_admits(struct server *server, double now) {
  switch (server->kind) {
  case BUCKET: return bucket_admits(server, now);
  case LEAKY_MS: return leaky_admits(server, now);
  case FIXED_WINDOW: return window_admits(server, now);
  case AT_ONCE: return server->in_service < server->rate;
  default: return true;
  }
}

static double world_now(void);

static double latency_of(struct server *server) {
  if (server->kind == QUEUEING) {
    server->at = fmax(server->at, world_now()) + 1 / server->rate;
    return server->at - world_now();
  }
  if (server->slow > 0 && ++server->served % 3 == 0) return server->slow;
  double load = server->slows_above > 0 ? server->in_service / server->slows_above : 0;
  return server->latency * fmax(1, load * load);
}

/* }====== */

/* {====== the world ====== */

enum event_kind { TIMER, ARRIVAL, ANSWER };

struct event {
  double at;
  unsigned long number; /* equal times: in the order in which they were planned */
  enum event_kind kind;
  void *subject;
};

struct world_sum {
  unsigned succeeded, failed, attempts, refused;
  double first_at, last_at;                      /* of the successes */
  unsigned early, early_attempts, early_refused; /* until `warm` */
  double longest_wait;
};

static struct world {
  double now, lateness, warm;
  unsigned random;
  unsigned long planned;
  struct event events[WORLD_EVENTS];
  size_t event_count;
  struct server *server;
  struct world_sum sum;
} world;

static double world_now(void) {
  return world.now;
}

static double chance(void) {
  world.random = world.random * 1103515245 + 12345;
  return (world.random >> 8 & 0xffff) / 65536.0;
}

static bool is_before(const struct event *a, const struct event *b) {
  return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void plan(double at, enum event_kind kind, void *subject) {
  struct event event = {at, ++world.planned, kind, subject};
  size_t index = world.event_count++;
  if (index == WORLD_EVENTS) abort();
  while (index > 0 && is_before(&event, &world.events[(index - 1) / 2])) {
    world.events[index] = world.events[(index - 1) / 2];
    index = (index - 1) / 2;
  }
  world.events[index] = event;
}

static struct event next_event(void) {
  struct event first = world.events[0], last = world.events[--world.event_count];
  size_t index = 0;
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= world.event_count) break;
    if (child + 1 < world.event_count && is_before(&world.events[child + 1], &world.events[child]))
      child++;
    if (!is_before(&world.events[child], &last)) break;
    world.events[index] = world.events[child];
    index = child;
  }
  world.events[index] = last;
  return first;
}

/* A loop that lives in this world. The timer's position counts as "running". */
double loop_now(void) {
  return world.now;
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, double seconds) {
  (void)loop;
  timer->due = world.now + fmax(seconds, 0) + world.lateness * chance();
  timer->position = (size_t)world.planned + 1;
  plan(timer->due, TIMER, timer);
  return 0;
}

/* Its event stays, and is seen to be none of the timer's. */
void loop_timer_stop(struct loop *loop, struct loop_timer *timer) {
  (void)loop;
  timer->position = 0;
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
  (void)flags;
  for (size_t i = 0; i < length; i++) ((unsigned char *)bytes)[i] = (unsigned char)(chance() * 256);
  return (ssize_t)length;
}

static double way(const struct server *server) {
  return server->way + server->jitter * chance();
}

int http_start(struct http_transfer *transfer, struct loop *loop) {
  (void)loop;
  world.sum.attempts++;
  if (world.now < world.warm) world.sum.early_attempts++;
  transfer->started = world.now;
  transfer->easy = (CURL *)transfer; /* it runs */
  plan(world.now + way(world.server), ARRIVAL, transfer);
  return 0;
}

/* Seconds that a refusal asks to wait. They travel in the transfer's `elapsed`. */
static double retry_after(const struct server *server, double now) {
  if (server->kind != FIXED_WINDOW || server->retry_after < 0) return server->retry_after;
  return ceil(server->burst - fmod(now, server->burst));
}

static void arrive(struct http_transfer *transfer) {
  struct server *server = world.server;
  double now = world.now - 999; /* the server's clock */
  bool admitted = server_admits(server, now);
  transfer->verdict = CURLE_OK;
  transfer->status = admitted ? 200 : 429;
  transfer->may_have_been_sent = true;
  transfer->elapsed = retry_after(server, now);
  if (admitted) server->in_service++;
  plan(world.now + (admitted ? latency_of(server) : 0) + way(server), ANSWER, transfer);
}

static void answer(struct http_transfer *transfer) {
  if (transfer->status == 200) world.server->in_service--;
  if (transfer->status == 429) {
    world.sum.refused++;
    if (world.now < world.warm) world.sum.early_refused++;
  }
  transfer->easy = NULL;
  transfer->done(transfer->context);
}

void http_cancel(struct http_transfer *transfer) {
  transfer->easy = NULL;
}

void http_release(struct http_transfer *transfer) {
  (void)transfer;
}

void http_probe_free(struct http_probe *probe) {
  (void)probe;
}

void observer_note(struct observer *observer, const struct observed *observed) {
  (void)observer, (void)observed;
}

const char *http_response_header(const struct http_transfer *transfer, const char *name,
                                 size_t *length) {
  static char text[32];
  if (transfer->status != 429 || transfer->elapsed < 0 || strcmp(name, "Retry-After") != 0)
    return NULL;
  *length = (size_t)snprintf(text, sizeof text, "%.0f", transfer->elapsed);
  return text;
}

static bool turn(void) {
  if (world.event_count == 0) return false;
  struct event event = next_event();
  world.now = event.at;
  if (event.kind == ARRIVAL) arrive(event.subject);
  if (event.kind == ANSWER) answer(event.subject);
  if (event.kind == TIMER) {
    struct loop_timer *timer = event.subject;
    if (timer->position != event.number) return true;
    timer->position = 0;
    timer->fire(timer->context);
  }
  return true;
}

/* }====== */

/* {====== clients ====== */

/* Workers that take one request after another until so many were made. */
struct work {
  struct throttle throttle;
  unsigned left;
};

struct worker {
  struct request request;
  struct work *work;
  struct throttle *throttle;
  double began;
};

static struct worker workers[WORLD_WORKERS];
static unsigned worker_count;

static void next_request(struct worker *worker);

static void on_done(void *context) {
  struct worker *worker = context;
  struct world_sum *sum = &world.sum;
  if (worker->request.transfer.status == 200) {
    if (sum->succeeded++ == 0) sum->first_at = world.now;
    if (world.now < world.warm) sum->early++;
    sum->last_at = world.now;
  } else {
    sum->failed++;
  }
  sum->longest_wait = fmax(sum->longest_wait, world.now - worker->began);
  next_request(worker);
}

static void next_request(struct worker *worker) {
  if (worker->work->left == 0) return;
  worker->work->left--;
  worker->began = world.now;
  worker->request = (struct request){.throttle = worker->throttle,
                                     .retry = RETRY_SAFE,
                                     .policy = {4, 200, 300, false},
                                     .done = on_done,
                                     .context = worker};
  if (request_start(&worker->request, NULL) != 0) abort();
}

static void world_begin(struct server *server, double warm) {
  world = (struct world){
      .now = 1000, .random = 1, .server = server, .warm = 1000 + warm, .lateness = 0.0005};
  worker_count = 0;
}

static void work_begin(struct work *work, unsigned requests, unsigned count, double rate) {
  throttle_init(&work->throttle, NULL, 256);
  if (rate > 0) throttle_set_rate(&work->throttle, rate);
  work->left = requests;
  for (unsigned i = 0; i < count; i++) {
    workers[worker_count] = (struct worker){.work = work, .throttle = &work->throttle};
    next_request(&workers[worker_count++]);
  }
}

static void world_run(double longest) {
  while (world.now < 1000 + longest && turn()) continue;
}

/* }====== */

#endif
