#include "net/loop.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

/* The longest wait of one turn, so that a clock or descriptor mishap cannot hang the program. */
enum { LOOP_MAX_WAIT_MS = 60 * 1000, LOOP_MAX_SOURCES = 8, LOOP_MAX_IDLE = 256 };

struct loop {
  CURLM *multi;
  struct loop_timer **heap; /* binary heap by `due`; heap[0] fires next */
  size_t timer_count, timer_capacity;
  struct loop_source *sources;
  size_t transfer_count;
  bool has_new_transfers;    /* attached since the last turn: they have something to do at once */
  CURL *idle[LOOP_MAX_IDLE]; /* easy handles to use again */
  size_t idle_count;
};

volatile sig_atomic_t loop_interrupted;

struct loop *loop_new(void) {
  struct loop *loop = calloc(1, sizeof *loop);
  if (!loop) return NULL;
  loop->multi = curl_multi_init();
  if (!loop->multi) {
    free(loop);
    return NULL;
  }
  curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  return loop;
}

void loop_free(struct loop *loop) {
  if (!loop) return;
  while (loop->idle_count) curl_easy_cleanup(loop->idle[--loop->idle_count]);
  curl_multi_cleanup(loop->multi);
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
  loop->idle[loop->idle_count++] = easy;
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
  struct curl_waitfd descriptors[LOOP_MAX_SOURCES];
  unsigned count = 0;
  for (struct loop_source *source = loop->sources; source && count < LOOP_MAX_SOURCES;
       source = source->next)
    descriptors[count++] =
        (struct curl_waitfd){.fd = source->descriptor, .events = CURL_WAIT_POLLIN};
  curl_multi_poll(loop->multi, descriptors, count, (int)wait_limit(loop), NULL);
}

void loop_turn(struct loop *loop, bool wait) {
  if (loop_interrupted) return;
  if (wait && !loop->has_new_transfers) wait_for_something(loop);
  if (loop_interrupted) return;
  fire_timers(loop);
  run_transfers(loop);
  run_sources(loop);
}

bool loop_is_busy(const struct loop *loop) {
  return loop->timer_count > 0 || loop->transfer_count > 0;
}
