#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The longest wait of one turn, so that a clock or descriptor mishap cannot hang the program. */
enum { LOOP_MAX_WAIT_MS = 60 * 1000, LOOP_MAX_SOURCES = 8, LOOP_MAX_IDLE = 256 };

struct loop {
  CURLM *multi;
  CURLSH *http2_pool;       /* or NULL: not needed yet */
  struct loop_timer **heap; /* binary heap by `due`; heap[0] fires next */
  size_t timer_count, timer_capacity;
  struct loop_source *sources;
  size_t transfer_count;
  bool has_new_transfers;    /* attached since the last turn: they have something to do at once */
  CURL *idle[LOOP_MAX_IDLE]; /* easy handles to use again */
  size_t idle_count;
};

/* {====== the cancel flag ====== */

static_assert(ATOMIC_INT_LOCK_FREE == 2, "signal handlers use atomic integers");

static atomic_uint reasons;

/* An eventfd on which every wait of a loop listens: so a signal between the look at the flag and
 * the wait is not noticed only at the end of that wait. It exists while a loop does. */
static atomic_int wake_up = -1;
static unsigned loop_count;

void loop_wake(void) {
  int error = errno, descriptor = wake_up;
  ssize_t written = descriptor < 0 ? 0 : write(descriptor, &(uint64_t){1}, sizeof(uint64_t));
  (void)written; /* fails only when it is readable already */
  errno = error;
}

/* Reasons are set before the wake-up is written, and looked at after it is read: none is lost. */
static void take_wake_up(void) {
  uint64_t count;
  ssize_t taken = read(wake_up, &count, sizeof count);
  (void)taken;
}

void loop_cancel(enum loop_reason reason) {
  atomic_fetch_or(&reasons, reason);
  loop_wake();
}

unsigned loop_cancelled(void) {
  return reasons;
}

bool loop_forget_interrupt(void) {
  return (atomic_fetch_and(&reasons, ~(unsigned)LOOP_INTERRUPTED) & ~LOOP_INTERRUPTED) == 0;
}

void loop_forget_cancel(void) {
  reasons = 0;
}

static bool open_wake_up(void) {
  if (loop_count == 0) wake_up = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_up < 0) return false;
  loop_count++;
  return true;
}

static void close_wake_up(void) {
  if (--loop_count > 0) return;
  close(atomic_exchange(&wake_up, -1));
}

/* }====== */

struct loop *loop_new(void) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (!loop) return NULL;
  loop->multi = open_wake_up() ? curl_multi_init() : NULL;
  if (!loop->multi) {
    if (wake_up >= 0) close_wake_up();
    free(loop);
    return NULL;
  }
  curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  /* By default libcurl closes idle connections as soon as they are more than four times the
   * transfers that still run: at the end of a burst, those that the next burst would use. */
  curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)LOOP_MAX_IDLE);
  return loop;
}

void loop_free(struct loop *loop) {
  if (!loop) return;
  while (loop->idle_count) curl_easy_cleanup(loop->idle[--loop->idle_count]);
  curl_multi_cleanup(loop->multi);
  curl_share_cleanup(loop->http2_pool);
  close_wake_up();
  free(loop->heap);
  free(loop);
}

double loop_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* {====== timers ====== */

static void place(struct loop *loop, struct loop_timer *timer, size_t index) {
  loop->heap[index] = timer;
  timer->position = index + 1;
}

static void sift_up(struct loop *loop, struct loop_timer *timer, size_t index) {
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (loop->heap[parent]->due <= timer->due) break;
    place(loop, loop->heap[parent], index);
    index = parent;
  }
  place(loop, timer, index);
}

static void sift_down(struct loop *loop, struct loop_timer *timer, size_t index) {
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= loop->timer_count) break;
    if (child + 1 < loop->timer_count && loop->heap[child + 1]->due < loop->heap[child]->due)
      child++;
    if (timer->due <= loop->heap[child]->due) break;
    place(loop, loop->heap[child], index);
    index = child;
  }
  place(loop, timer, index);
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, double seconds) {
  loop_timer_stop(loop, timer);
  if (loop->timer_count == loop->timer_capacity) {
    size_t capacity = loop->timer_capacity ? 2 * loop->timer_capacity : 16;
    struct loop_timer **heap = realloc(loop->heap, capacity * sizeof *heap);
    if (!heap) return -1;
    loop->heap = heap;
    loop->timer_capacity = capacity;
  }
  timer->due = loop_now() + (seconds > 0 ? seconds : 0);
  sift_up(loop, timer, loop->timer_count++);
  return 0;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer) {
  if (!timer->position) return;
  size_t index = timer->position - 1;
  struct loop_timer *last = loop->heap[--loop->timer_count];
  timer->position = 0;
  if (last == timer) return;
  if (index > 0 && last->due < loop->heap[(index - 1) / 2]->due)
    sift_up(loop, last, index);
  else
    sift_down(loop, last, index);
}

/* Fires what was due when the turn began; a timer restarted by its own callback waits a turn. */
static void fire_timers(struct loop *loop) {
  double now = loop_now();
  while (loop->timer_count && loop->heap[0]->due <= now) {
    struct loop_timer *timer = loop->heap[0];
    loop_timer_stop(loop, timer);
    timer->fire(timer->context);
  }
}

/* }====== */

/* {====== sources and transfers ====== */

void loop_add_source(struct loop *loop, struct loop_source *source) {
  source->next = loop->sources;
  loop->sources = source;
}

void loop_remove_source(struct loop *loop, struct loop_source *source) {
  struct loop_source **link = &loop->sources;
  while (*link && *link != source) link = &(*link)->next;
  if (*link) *link = source->next;
}

static void run_sources(struct loop *loop) {
  for (struct loop_source *source = loop->sources, *next; source; source = next) {
    next = source->next;
    source->run(source->context);
  }
}

CURL *loop_take_easy(struct loop *loop) {
  return loop->idle_count ? loop->idle[--loop->idle_count] : curl_easy_init();
}

void loop_give_back_easy(struct loop *loop, CURL *easy) {
  if (loop->idle_count == LOOP_MAX_IDLE) {
    curl_easy_cleanup(easy);
    return;
  }
  curl_easy_reset(easy);
  curl_easy_setopt(easy, CURLOPT_SHARE, NULL); /* which the reset keeps */
  loop->idle[loop->idle_count++] = easy;
}

CURLSH *loop_http2_pool(struct loop *loop) {
  if (loop->http2_pool) return loop->http2_pool;
  CURLSH *pool = curl_share_init();
  if (pool && curl_share_setopt(pool, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK)
    return loop->http2_pool = pool;
  curl_share_cleanup(pool);
  return NULL;
}

int loop_attach(struct loop *loop, CURL *easy, struct loop_transfer *transfer) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  if (curl_multi_add_handle(loop->multi, easy) != CURLM_OK) return -1;
  loop->transfer_count++;
  loop->has_new_transfers = true;
  return 0;
}

void loop_detach(struct loop *loop, CURL *easy) {
  curl_multi_remove_handle(loop->multi, easy);
  loop->transfer_count--;
}

static void run_transfers(struct loop *loop) {
  int running, left;
  loop->has_new_transfers = false;
  curl_multi_perform(loop->multi, &running);
  CURLMsg *message;
  while ((message = curl_multi_info_read(loop->multi, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL *easy = message->easy_handle;
    CURLcode verdict = message->data.result;
    struct loop_transfer *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    loop_detach(loop, easy);
    transfer->done(transfer->context, verdict);
  }
}

/* }====== */

static long wait_limit(const struct loop *loop) {
  long limit = LOOP_MAX_WAIT_MS;
  if (loop->timer_count) {
    double left = (loop->heap[0]->due - loop_now()) * 1000;
    if (left < (double)limit) limit = left > 0 ? (long)left + 1 : 0;
  }
  for (const struct loop_source *source = loop->sources; source; source = source->next) {
    long own = source->timeout_ms ? source->timeout_ms(source->context) : -1;
    if (own >= 0 && own < limit) limit = own;
  }
  return limit;
}

static void wait_for_something(struct loop *loop) {
  struct curl_waitfd descriptors[1 + LOOP_MAX_SOURCES] = {
      {.fd = wake_up, .events = CURL_WAIT_POLLIN}};
  unsigned count = 1;
  for (struct loop_source *source = loop->sources; source && count <= LOOP_MAX_SOURCES;
       source = source->next)
    descriptors[count++] =
        (struct curl_waitfd){.fd = source->descriptor, .events = CURL_WAIT_POLLIN};
  curl_multi_poll(loop->multi, descriptors, count, (int)wait_limit(loop), NULL);
  if (descriptors[0].revents) take_wake_up();
}

void loop_turn(struct loop *loop, bool wait) {
  if (loop_cancelled()) return;
  if (wait && !loop->has_new_transfers) wait_for_something(loop);
  if (loop_cancelled()) return;
  fire_timers(loop);
  run_transfers(loop);
  run_sources(loop);
}

bool loop_is_busy(const struct loop *loop) {
  return loop->timer_count > 0 || loop->transfer_count > 0;
}
