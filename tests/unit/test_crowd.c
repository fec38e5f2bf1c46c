/* How many requests may be in flight: trials, on a clock of the test's own. test_rate_limits.c
 * tests what comes of them with servers. */
#include "../../src/net/crowd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 256 };

/* A server that answers with this latency, whose requests come as soon as they may: runs until
 * `end` and returns how many it answered. Answers come one by one, evenly. */
static int serve(struct crowd *crowd, double *now, double end, double at_once,
                 double (*latency)(double in_flight)) {
  int answered = 0;
  while (*now < end) {
    double in_flight = fmin(floor(crowd->limit), at_once);
    double took = latency(in_flight);
    *now += took / in_flight;
    crowd_answered(crowd, (unsigned)in_flight, *now - took, *now);
    answered++;
  }
  return answered;
}

static double constant(double in_flight) {
  (void)in_flight;
  return 0.05;
}

static double growing(double in_flight) {
  return 0.05 * fmax(1, in_flight * in_flight / 64);
}

static double growing_by_little(double in_flight) {
  return 0.001 * fmax(1, in_flight * in_flight / 64);
}

/* Answers the first request, which waits for nobody. */
static struct crowd begun(double (*latency)(double in_flight), double *now) {
  struct crowd crowd;
  crowd_init(&crowd, MANY);
  *now = 100 + latency(1);
  crowd_answered(&crowd, 1, 100, *now);
  return crowd;
}

static void admits_all_at_first(void **state) {
  (void)state;
  struct crowd crowd;
  crowd_init(&crowd, 3);
  assert_true(crowd_admits(&crowd, 0));
  assert_true(crowd_admits(&crowd, 2));
  assert_false(crowd_admits(&crowd, 3));
}

static void tries_nothing_while_latency_is_steady(void **state) {
  (void)state;
  double now;
  struct crowd crowd = begun(constant, &now);
  while (now < 300) {
    serve(&crowd, &now, now + 0.05, 64, constant);
    assert_true(crowd.limit == MANY);
  }
}

/* Milliseconds are no trouble. */
static void tries_nothing_for_milliseconds(void **state) {
  (void)state;
  double now;
  struct crowd crowd = begun(growing_by_little, &now);
  while (now < 130) {
    serve(&crowd, &now, now + 0.005, 32, growing_by_little);
    assert_true(crowd.limit == MANY);
  }
}

static void finds_where_more_is_answered(void **state) {
  (void)state;
  for (int at_once = 12; at_once <= 96; at_once *= 2) {
    double now;
    struct crowd crowd = begun(growing, &now);
    serve(&crowd, &now, 400, at_once, growing);
    double start = now;
    int answered = serve(&crowd, &now, 500, at_once, growing);
    double share = answered / (now - start) / (8 / 0.05);
    if (share < 0.75) fail_msg("%d at once: %g of what is possible", at_once, share);
  }
}

/* What held it back is over: the limit is not kept for ever. */
static void grows_again(void **state) {
  (void)state;
  double now;
  struct crowd crowd = begun(growing, &now);
  serve(&crowd, &now, 200, 64, growing);
  assert_true(crowd.limit < 16);
  serve(&crowd, &now, 400, 64, constant);
  assert_true(crowd.limit >= 64);
}

/* A trial that something else interrupts is undone. */
static void a_pause_ends_a_trial(void **state) {
  (void)state;
  double now;
  struct crowd crowd = begun(growing, &now);
  while (crowd.tried_from <= 0) serve(&crowd, &now, now + 0.001, 64, growing);
  assert_true(crowd.limit < 64);
  crowd_pause(&crowd, now);
  assert_true(crowd.limit == MANY);
}

static void never_shuts(void **state) {
  (void)state;
  unsigned random = 1;
  double now = 0;
  struct crowd crowd;
  crowd_init(&crowd, MANY);
  for (int i = 0; i < 100000; i++) {
    random = random * 1103515245 + 12345;
    double took = (random >> 8 & 0xfff) / 1000.0;
    now += (random >> 20 & 0xff) / 10000.0;
    if ((random >> 24 & 0x3f) == 0) crowd_pause(&crowd, now);
    crowd_answered(&crowd, 1 + (random >> 12 & 63), now - took, now);
    assert_true(crowd.limit >= 1 && crowd.limit <= MANY);
    assert_true(crowd_admits(&crowd, 0));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(admits_all_at_first),
      cmocka_unit_test(tries_nothing_while_latency_is_steady),
      cmocka_unit_test(tries_nothing_for_milliseconds),
      cmocka_unit_test(finds_where_more_is_answered),
      cmocka_unit_test(grows_again),
      cmocka_unit_test(a_pause_ends_a_trial),
      cmocka_unit_test(never_shuts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
