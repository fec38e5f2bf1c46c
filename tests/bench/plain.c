/* The limit that `make bench` measures against: the same requests over libcurl's multi interface
 * with no script and no JSON. Bodies are made beforehand, answers are counted and thrown away, the
 * agent's id is known; each place in flight keeps its easy handle. Driven by curl_multi_poll and
 * curl_multi_perform.
 *
 * Compiled with -DWITH_JSON it is the bound of what a scripted client can reach: each answer is
 * decoded into Lua values, and each body encoded from them, with the program's own JSON and
 * allocator; nothing else.
 *
 * Usage: plain URL ITEMS CONCURRENCY CONFIG WARM
 * Does WARM items first. Prints the seconds that the others took, the processor seconds, and the
 * median and the 99th percentile of a request's seconds. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#ifdef WITH_JSON
#include <lauxlib.h>

#include "api/buf.h"
#include "lua/json.h"
#endif

#define AGENT "86d3f7ad-e739-4210-b83b-043ae6fb9bed"

enum { STEP_COUNT = 4, URL_MAX_LENGTH = 256, TIMES_MAX = 20000, BODY_MAX = 1 << 20 };

/* A place in flight: one item after the other goes through all steps here. */
struct place {
  CURL *easy;
  int step;
  unsigned item;
  double start;
#ifdef WITH_JSON
  struct buf answer, body;
#endif
};

struct work {
  CURLM *multi;
  const char *base_url;
  const char *bodies[STEP_COUNT]; /* NULL: a GET */
  struct curl_slist *get_headers, *post_headers;
  unsigned item_count, next_item, running;
  double times[TIMES_MAX]; /* of the latest requests */
  size_t time_count;
#ifdef WITH_JSON
  lua_State *L; /* the body of each step at its place on the stack, from 1 */
#endif
};

static void die(const char *message) {
  fprintf(stderr, "plain: %s\n", message);
  exit(1);
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* {====== requests ====== */

#ifdef WITH_JSON

static size_t take(char *bytes, size_t size, size_t count, void *context) {
  struct place *place = context;
  return buf_append(&place->answer, bytes, size * count) == BUF_OK ? size * count : 0;
}

static void open_json(struct work *work) {
  work->L = luaL_newstate();
  if (!work->L) die("no memory");
  luaL_requiref(work->L, "anyreach.json", luaopen_anyreach_json, 0);
  lua_settop(work->L, 0);
  for (int i = 0; i < STEP_COUNT; i++)
    if (!work->bodies[i])
      lua_pushnil(work->L);
    else if (!json_decode(work->L, work->bodies[i], strlen(work->bodies[i])))
      die("the body is no JSON");
}

static void set_body(struct work *work, struct place *place) {
  const struct json_options options = {.indent = 0};
  place->body.length = 0;
  if (!json_encode(work->L, place->step + 1, &place->body, &options))
    die("the body has no JSON form");
  curl_easy_setopt(place->easy, CURLOPT_POSTFIELDSIZE, (long)place->body.length);
  curl_easy_setopt(place->easy, CURLOPT_POSTFIELDS, place->body.data);
}

static void use_answer(struct work *work, struct place *place) {
  if (!json_decode_keeping_bytes(work->L, place->answer.data, place->answer.length)) die("no JSON");
  lua_settop(work->L, STEP_COUNT);
  place->answer.length = 0;
}

#else

static size_t take(char *bytes, size_t size, size_t count, void *context) {
  (void)bytes;
  (void)context;
  return size * count;
}

static void set_body(struct work *work, struct place *place) {
  const char *body = work->bodies[place->step];
  curl_easy_setopt(place->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
  curl_easy_setopt(place->easy, CURLOPT_POSTFIELDS, body);
}

#endif

static CURL *new_easy(struct place *place) {
  CURL *easy = curl_easy_init();
  if (!easy) die("no memory");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, place);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, place);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "plain");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  return easy;
}

static void set_url(const struct work *work, const struct place *place) {
  static const char *const formats[STEP_COUNT] = {
      "%s/core/agents?name=Agent%%20%06u", "%s/core/agents", "%s/core/agents/" AGENT "/versions",
      "%s/core/agents/" AGENT "/versions/1/publish"};
  char url[URL_MAX_LENGTH];
  snprintf(url, sizeof url, formats[place->step], work->base_url, place->item);
  curl_easy_setopt(place->easy, CURLOPT_URL, url);
}

static void start_step(struct work *work, struct place *place) {
  place->start = now(CLOCK_MONOTONIC);
  set_url(work, place);
  if (work->bodies[place->step]) {
    set_body(work, place);
    curl_easy_setopt(place->easy, CURLOPT_HTTPHEADER, work->post_headers);
  } else {
    curl_easy_setopt(place->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(place->easy, CURLOPT_HTTPHEADER, work->get_headers);
  }
  curl_multi_add_handle(work->multi, place->easy);
}

static void start_next_item(struct work *work, struct place *place) {
  if (work->next_item == work->item_count) {
    work->running--;
    return;
  }
  place->step = 0;
  place->item = ++work->next_item;
  start_step(work, place);
}

static void finish_step(struct work *work, CURL *easy, CURLcode verdict) {
  struct place *place = NULL;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&place);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (verdict != CURLE_OK) die(curl_easy_strerror(verdict));
  if (status < 200 || status > 299) die("a request was refused");
  curl_multi_remove_handle(work->multi, easy);
#ifdef WITH_JSON
  use_answer(work, place);
#endif
  work->times[work->time_count++ % TIMES_MAX] = now(CLOCK_MONOTONIC) - place->start;
  if (++place->step < STEP_COUNT)
    start_step(work, place);
  else
    start_next_item(work, place);
}

static void run(struct work *work) {
  int running, left;
  while (work->running > 0) {
    CURLMsg *message;
    curl_multi_perform(work->multi, &running);
    while ((message = curl_multi_info_read(work->multi, &left)))
      finish_step(work, message->easy_handle, message->data.result);
    if (work->running > 0) curl_multi_poll(work->multi, NULL, 0, 1000, NULL);
  }
}

/* }====== */

/* {'config': the file's text}, to be freed. */
static char *version_body(const char *file_name) {
  static const char before[] = "{\"config\":";
  FILE *file = fopen(file_name, "r");
  char *body = malloc(BODY_MAX);
  if (!file || !body) die("cannot read the configuration");
  memcpy(body, before, sizeof before - 1);
  size_t length = sizeof before - 1;
  length += fread(body + length, 1, BODY_MAX - length - 2, file);
  fclose(file);
  body[length++] = '}';
  body[length] = '\0';
  return body;
}

static struct curl_slist *common_headers(void) {
  struct curl_slist *list = curl_slist_append(NULL, "Authorization: Bearer ak_bench");
  return curl_slist_append(list, "Accept: application/json");
}

static void run_items(struct work *work, struct place *places, unsigned place_count,
                      unsigned items) {
  work->running = place_count;
  work->next_item = 0;
  work->item_count = items;
  work->time_count = 0;
  for (unsigned i = 0; i < place_count; i++) start_next_item(work, &places[i]);
  run(work);
}

static int compare_times(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void print_percentiles(struct work *work) {
  size_t count = work->time_count < TIMES_MAX ? work->time_count : TIMES_MAX;
  qsort(work->times, count, sizeof *work->times, compare_times);
  printf("%.9f %.9f\n", work->times[count / 2], work->times[count * 99 / 100]);
}

static void measure(struct work *work, struct place *places, unsigned count, unsigned items,
                    unsigned warm) {
  for (unsigned i = 0; i < count; i++) {
    places[i].easy = new_easy(&places[i]);
#ifdef WITH_JSON
    buf_init(&places[i].answer, BODY_MAX);
    buf_init(&places[i].body, BODY_MAX);
#endif
  }
  run_items(work, places, count, warm);
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  run_items(work, places, count, items);
  printf("%.6f %.6f ", now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  print_percentiles(work);
  for (unsigned i = 0; i < count; i++) curl_easy_cleanup(places[i].easy);
}

int main(int count, char **arguments) {
  if (count != 6) die("usage: plain URL ITEMS CONCURRENCY CONFIG WARM");
  unsigned place_count = (unsigned)strtoul(arguments[3], NULL, 10);
  struct place *places = calloc(place_count ? place_count : 1, sizeof *places);
  char *version = version_body(arguments[4]);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  static struct work work;
  work = (struct work){.multi = curl_multi_init(),
                       .base_url = arguments[1],
                       .bodies = {NULL, "{\"name\":\"Riverside Dental\",\"active\":true}", version,
                                  "{\"phone_numbers\":[\"+15551234567\"],\"direction\":\"both\"}"},
                       .get_headers = common_headers(),
                       .post_headers =
                           curl_slist_append(common_headers(), "Content-Type: application/json")};
  if (!places || !work.multi) die("no memory");
  work.post_headers = curl_slist_append(work.post_headers, "Expect:");
#ifdef WITH_JSON
  open_json(&work);
#endif
  measure(&work, places, place_count, (unsigned)strtoul(arguments[2], NULL, 10),
          (unsigned)strtoul(arguments[5], NULL, 10));
  curl_multi_cleanup(work.multi);
  curl_slist_free_all(work.get_headers);
  curl_slist_free_all(work.post_headers);
  free(version);
  free(places);
  curl_global_cleanup();
  return 0;
}
