/* Requests, retries and throttle together, against servers with limits of many kinds, in virtual
 * time: how much of a limit is used after the first seconds, and how much is refused for it. The
 * time is simulated, so these are no timed tests; `test_rate_limits sweep` prints all as a table.
 */
#include "../helpers/rate_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_sweep;
static struct work works[4];

struct outcome {
  double used;    /* of the limit, after the first seconds */
  double refused; /* of the requests that were sent */
  double refused_late;
};

static struct outcome outcome_of(double rate) {
  const struct world_sum *sum = &world.sum;
  double late = sum->attempts - sum->early_attempts;
  return (struct outcome){(sum->succeeded - sum->early) / (sum->last_at - world.warm) / rate,
                          (double)sum->refused / sum->attempts,
                          (sum->refused - sum->early_refused) / fmax(late, 1)};
}

static void check(const char *what, double rate, double least_used, double most_refused) {
  struct outcome outcome = outcome_of(rate);
  if (is_sweep)
    printf("%-52s %3.0f %% used, %4.1f %% refused, later %3.1f %%\n", what, 100 * outcome.used,
           100 * outcome.refused, 100 * outcome.refused_late);
  else if (outcome.used < least_used || outcome.refused > most_refused || world.sum.failed > 0)
    fail_msg("%s: %.2f used, %.3f refused, %u failed", what, outcome.used, outcome.refused,
             world.sum.failed);
}

/* So many seconds of work at the limit. */
static void run(struct server *server, double rate, unsigned at_once, double users_rate,
                double seconds, double warm) {
  world_begin(server, warm);
  work_begin(&works[0], (unsigned)(rate * seconds), at_once, users_rate);
  world_run(100 * seconds);
}

/* Long enough for the first burst to be one of many requests, and several pauses. */
static double long_enough(double rate) {
  return rate < 100 ? 300 : 120;
}

static struct server bucket(double rate, double burst, double retry_after) {
  return (struct server){.kind = BUCKET,
                         .rate = rate,
                         .burst = burst,
                         .retry_after = retry_after,
                         .latency = 0.02,
                         .way = 0.01,
                         .jitter = 0.0002};
}

/* {====== one client ====== */

/* The limit is used up to 15 %, at most one request in twenty is refused: of all that are sent in
 * five minutes, the first burst included. */
static void uses_a_bucket_of_any_rate_burst_and_retry_after(void **state) {
  (void)state;
  static const double rates[] = {10, 100}, retry_afters[] = {-1, 1, 5};
  static const unsigned at_once[] = {24, 64};
  for (int i = 0; i < 24 * 2; i++) {
    double rate = rates[i / 12 % 2], retry_after = retry_afters[i / 4 % 3];
    double bursts[] = {1, 2, 5, rate}, burst = bursts[i % 4];
    struct server server = bucket(rate, burst, retry_after);
    char what[100];
    snprintf(what, sizeof what, "%g/s, burst %g, Retry-After %g, %u at once", rate, burst,
             retry_after, at_once[i / 24]);
    run(&server, rate, at_once[i / 24], 0, long_enough(rate), 20);
    check(what, rate, 0.87, 0.05);
  }
}

static void uses_a_limit_without_burst_in_milliseconds(void **state) {
  (void)state;
  static const double rates[] = {10, 50, 100};
  for (int i = 0; i < 3; i++) {
    struct server server = bucket(rates[i], 1, -1);
    server.kind = LEAKY_MS;
    char what[100];
    snprintf(what, sizeof what, "nginx, %g/s, no burst", rates[i]);
    run(&server, rates[i], 24, 0, long_enough(rates[i]), 20);
    check(what, rates[i], 0.87, 0.05);
  }
}

/* Whether the server says when its window ends, or not. */
static void uses_fixed_windows(void **state) {
  (void)state;
  static const double lengths[] = {1, 10, 60};
  for (int i = 0; i < 12; i++) {
    double rate = i / 6 ? 100 : 10;
    struct server server = bucket(rate, lengths[i % 3], i / 3 % 2 ? 1 : -1);
    server.kind = FIXED_WINDOW;
    char what[100];
    snprintf(what, sizeof what, "%g in windows of %g s%s", rate * server.burst, server.burst,
             i / 3 % 2 ? ", Retry-After" : "");
    run(&server, rate, 24, 0, rate < 100 ? 600 : 240, 60);
    check(what, rate, 0.87, 0.05);
  }
}

/* --rate exactly at the limit, above it and below it. */
static void uses_the_users_rate(void **state) {
  (void)state;
  static const double shares[] = {1, 2, 0.5};
  for (int i = 0; i < 18; i++) {
    double rate = i / 9 ? 100 : 10, share = shares[i % 3];
    double retry_after = i / 3 % 3 == 0 ? -1 : i / 3 % 3 == 1 ? 1 : 5;
    struct server server = bucket(rate, 1, retry_after);
    char what[100];
    snprintf(what, sizeof what, "%g/s, burst 1, Retry-After %g, --rate %g", rate, retry_after,
             rate * share);
    run(&server, rate, 24, rate * share, long_enough(rate), 20);
    check(what, rate * fmin(share, 1), share < 1 ? 0.99 : 0.85, share < 1 ? 0 : 0.03);
  }
}

/* A server that bears so many at once, and refuses more. */
static void uses_a_limit_on_requests_at_once(void **state) {
  (void)state;
  struct server server = bucket(8, 0, -1);
  server.kind = AT_ONCE;
  server.latency = 0.1;
  run(&server, 80, 24, 0, 120, 20);
  check("8 at once of 100 ms", 80, 0.75, 0.03);
}

/* A network on which requests arrive up to 20 ms late leaves less of a limit that bears no burst;
 * what is refused stays little all the same. */
static void bears_jitter(void **state) {
  (void)state;
  for (int i = 0; i < 6; i++) {
    double rate = i / 3 ? 100 : 10, burst = i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : rate;
    struct server server = bucket(rate, burst, -1);
    server.jitter = 0.02;
    char what[100];
    snprintf(what, sizeof what, "%g/s, burst %g, up to 20 ms late", rate, burst);
    run(&server, rate, 24, 0, long_enough(rate), 20);
    check(what, rate, burst == rate ? 0.95 : rate == 10 ? 0.75 : 0.3, 0.05);
  }
}

/* }====== */

/* {====== limits that change, and are shared ====== */

/* The limit changes after a minute; what was used of it in the last minute of four, and what was
 * refused after the change. */
static void change(double from, double to, double burst, double retry_after, double least) {
  struct server server = bucket(from, burst, retry_after);
  world_begin(&server, 180);
  work_begin(&works[0], 1000000, 24, 0);
  world_run(60);
  server.rate = to;
  world_run(240);
  works[0].left = 0;
  char what[100];
  snprintf(what, sizeof what, "from %g/s to %g/s, burst %g, Retry-After %g", from, to, burst,
           retry_after);
  check(what, to, least, 0.05);
}

static void follows_a_limit_that_falls(void **state) {
  (void)state;
  static const double retry_afters[] = {-1, 1, 5};
  for (int i = 0; i < 6; i++) change(100, 10, i % 2 ? 10 : 1, retry_afters[i / 2], 0.85);
}

static void follows_a_limit_that_rises(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    change(10, 20, i % 2 ? 10 : 1, i / 2 ? 1 : -1, 0.85);
    change(10, 100, i % 2 ? 10 : 1, i / 2 ? 1 : -1, 0.8);
  }
}

/* Several processes that know nothing of one another: together they use the limit. */
static void share(unsigned clients, double rate, double burst, double retry_after) {
  struct server server = bucket(rate, burst, retry_after);
  world_begin(&server, 30);
  for (unsigned i = 0; i < clients; i++) work_begin(&works[i], 1000000, 24, 0);
  world_run(300);
  for (unsigned i = 0; i < clients; i++) works[i].left = 0;
  char what[100];
  snprintf(what, sizeof what, "%u clients at %g/s, burst %g, Retry-After %g", clients, rate, burst,
           retry_after);
  check(what, rate, 0.75, 0.09);
}

static void shares_a_bucket(void **state) {
  (void)state;
  for (unsigned clients = 2; clients <= 4; clients++) {
    share(clients, 10, 10, -1);
    share(clients, 10, 10, 5);
    share(clients, 100, 5, 1);
    share(clients, 100, 100, 1);
  }
}

/* }====== */

/* {====== no limit on the rate ====== */

/* As many at once as there are workers from the first moment to the last: exactly the time that the
 * server takes. */
static void a_server_that_refuses_nothing_is_not_paced(void **state) {
  (void)state;
  for (unsigned at_once = 1; at_once <= 64; at_once *= 4) {
    struct server server = {.kind = UNLIMITED, .latency = 0.05, .way = 0.01};
    run(&server, 1, at_once, 0, 640, 0);
    assert_int_equal(world.sum.attempts, 640);
    double expected = 640 / at_once * 0.07;
    if (!is_sweep && fabs(world.sum.last_at - 1000 - expected) > 1e-6)
      fail_msg("%u at once: %g s instead of %g", at_once, world.sum.last_at - 1000, expected);
  }
}

/* Quick and slow operations mixed look like a server that is overloaded at times. */
static void slow_operations_are_not_taken_for_overload(void **state) {
  (void)state;
  for (unsigned at_once = 8; at_once <= 64; at_once *= 2) {
    struct server server = {.kind = UNLIMITED, .latency = 0.005, .slow = 0.4, .way = 0.005};
    double rate = at_once / ((2 * 0.005 + 0.4) / 3 + 0.01);
    char what[100];
    snprintf(what, sizeof what, "5 and 400 ms mixed, %u at once", at_once);
    run(&server, rate, at_once, 0, 120, 0);
    check(what, rate, 0.96, 0);
  }
}

/* A server that answers most with 8 at once, and a third of that with 24. */
static void follows_a_latency_that_grows_with_load(void **state) {
  (void)state;
  for (unsigned at_once = 8; at_once <= 64; at_once *= 2) {
    struct server server = {
        .kind = UNLIMITED, .latency = 0.05, .way = 0.01, .jitter = 0.001, .slows_above = 8};
    char what[100];
    snprintf(what, sizeof what, "latency grows above 8, %u at once", at_once);
    run(&server, 8 / 0.071, at_once, 0, 180, 60);
    check(what, 8 / 0.071, 0.85, 0);
  }
}

/* One that queues what it cannot do at once answers as much with few as with many. */
static void a_queue_costs_nothing(void **state) {
  (void)state;
  for (unsigned at_once = 8; at_once <= 64; at_once *= 2) {
    struct server server = {.kind = QUEUEING, .rate = 100, .way = 0.01, .jitter = 0.001};
    char what[100];
    snprintf(what, sizeof what, "a queue at 100/s, %u at once", at_once);
    run(&server, 100, at_once, 0, 120, 0);
    check(what, 100, 0.97, 0);
  }
}

/* }====== */

/* {====== fairness ====== */

/* While 24 workers use up the limit, others who come with one request now and then are served: in
 * the order in which they came, so after at most the 24 and what the pauses take. */
static void single_requests_are_not_starved(void **state) {
  (void)state;
  struct server server = bucket(10, 1, 1);
  world_begin(&server, 20);
  work_begin(&works[0], 1200, 24, 0);
  for (int second = 30; second < 100; second += 5) {
    world_run(second);
    world.sum.longest_wait = 0;
    struct worker *single = &workers[worker_count];
    *single = (struct worker){.work = &works[1]};
    works[1].left = 1;
    single->throttle = &works[0].throttle;
    next_request(single);
    while (single->request.transfer.status != 200) assert_true(turn());
    double waited = world.now - single->began;
    if (waited > 24 / 8.0 + 1.2) fail_msg("waited %g s", waited);
  }
}

/* Nobody who was refused is passed by many who came later. */
static void nobody_waits_long(void **state) {
  (void)state;
  static const double retry_afters[] = {-1, 1, 5};
  for (int i = 0; i < 3; i++) {
    struct server server = bucket(10, 1, retry_afters[i]);
    run(&server, 10, 24, 0, 120, 20);
    if (world.sum.longest_wait > 10 + 4 * fmax(retry_afters[i], 0))
      fail_msg("Retry-After %g: somebody waited %g s", retry_afters[i], world.sum.longest_wait);
  }
}

/* }====== */

int main(int count, char **words) {
  is_sweep = count > 1 && strcmp(words[1], "sweep") == 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uses_a_bucket_of_any_rate_burst_and_retry_after),
      cmocka_unit_test(uses_a_limit_without_burst_in_milliseconds),
      cmocka_unit_test(uses_fixed_windows),
      cmocka_unit_test(uses_the_users_rate),
      cmocka_unit_test(uses_a_limit_on_requests_at_once),
      cmocka_unit_test(bears_jitter),
      cmocka_unit_test(follows_a_limit_that_falls),
      cmocka_unit_test(follows_a_limit_that_rises),
      cmocka_unit_test(shares_a_bucket),
      cmocka_unit_test(a_server_that_refuses_nothing_is_not_paced),
      cmocka_unit_test(slow_operations_are_not_taken_for_overload),
      cmocka_unit_test(follows_a_latency_that_grows_with_load),
      cmocka_unit_test(a_queue_costs_nothing),
      cmocka_unit_test(single_requests_are_not_starved),
      cmocka_unit_test(nobody_waits_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
