/* The token bucket and the adaptive limit, on a clock of the test's own. */
#include "../../src/net/rate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double actual, double expected) {
  if (fabs(actual - expected) > 1e-6) fail_msg("%g instead of %g", actual, expected);
}

/* Lets requests pass from `now` on until `end`, always asking when it was told to, but late. */
static int count_passed(struct rate_bucket *bucket, double now, double end, double lateness) {
  int passed = 0;
  while (now < end) {
    double wait = rate_bucket_wait(bucket, now);
    if (wait > 0) {
      now += wait + lateness;
    } else {
      rate_bucket_take(bucket);
      passed++;
    }
  }
  return passed;
}

static void lets_one_through_at_a_time(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 10, 100);
  assert_near(rate_bucket_wait(&bucket, 100), 0);
  rate_bucket_take(&bucket);
  assert_near(rate_bucket_wait(&bucket, 100), 0.1);
  assert_near(rate_bucket_wait(&bucket, 100.04), 0.06);
  assert_near(rate_bucket_wait(&bucket, 100.1), 0);
}

static void asking_costs_nothing(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 1, 0);
  for (int i = 0; i < 1000; i++) assert_near(rate_bucket_wait(&bucket, 0), 0);
  rate_bucket_take(&bucket);
  for (int i = 0; i < 1000; i++) assert_near(rate_bucket_wait(&bucket, 0.5), 0.5);
}

static void keeps_the_rate(void **state) {
  (void)state;
  static const double rates[] = {0.1, 1, 10, 33.3, 1000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct rate_bucket bucket;
    rate_bucket_init(&bucket, rates[i], 0);
    int passed = count_passed(&bucket, 0, 100 / rates[i], 0);
    assert_in_range(passed, 100, 101);
  }
}

static void makes_up_for_late_timers(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 1000, 0);
  assert_in_range(count_passed(&bucket, 0, 10, 0.002), 9950, 10011);
}

static void saves_nothing_up(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 10, 0);
  int at_once = 0;
  while (rate_bucket_wait(&bucket, 3600) == 0) {
    rate_bucket_take(&bucket);
    at_once++;
  }
  assert_int_equal(at_once, 1);
}

static void no_rate_is_no_wait(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 0, 0);
  for (int i = 0; i < 1000; i++) {
    assert_near(rate_bucket_wait(&bucket, 0), 0);
    rate_bucket_take(&bucket);
  }
}

static void a_new_rate_gives_nothing_away(void **state) {
  (void)state;
  struct rate_bucket bucket;
  rate_bucket_init(&bucket, 0, 0);
  rate_bucket_set_rate(&bucket, 10, 1000);
  assert_near(rate_bucket_wait(&bucket, 1000), 0);
  rate_bucket_take(&bucket);
  for (int i = 0; i < 10; i++) rate_bucket_set_rate(&bucket, 10, 1000);
  assert_near(rate_bucket_wait(&bucket, 1000), 0.1);
  rate_bucket_set_rate(&bucket, 2, 1000.05);
  assert_near(rate_bucket_wait(&bucket, 1000.05), 0.25);
}

static void the_limit_starts_at_its_maximum(void **state) {
  (void)state;
  struct rate_limit limit;
  rate_limit_init(&limit, 4);
  assert_true(rate_limit_admits(&limit, 0));
  assert_true(rate_limit_admits(&limit, 3));
  assert_false(rate_limit_admits(&limit, 4));
  rate_limit_answered(&limit, false, 256, 1, 2);
  assert_near(limit.limit, 4);
}

/* Refusals of what was sent before the limit changed tell nothing new. */
static void the_limit_halves_once_for_a_burst(void **state) {
  (void)state;
  struct rate_limit limit;
  rate_limit_init(&limit, 64);
  for (int i = 0; i < 64; i++) rate_limit_answered(&limit, true, 256, 1, 2 + i / 100.0);
  assert_near(limit.limit, 32);
  rate_limit_answered(&limit, true, 256, 2, 3);
  assert_near(limit.limit, 16);
}

/* A limit far above what was in flight would let it all through again. */
static void the_limit_halves_what_was_in_flight(void **state) {
  (void)state;
  struct rate_limit limit;
  rate_limit_init(&limit, 256);
  for (unsigned left = 24; left > 0; left--) rate_limit_answered(&limit, true, left, 1, 2);
  assert_near(limit.limit, 12);
}

static void the_limit_never_shuts(void **state) {
  (void)state;
  struct rate_limit limit;
  rate_limit_init(&limit, 256);
  for (int i = 0; i < 100; i++) rate_limit_answered(&limit, true, 256, i, i);
  assert_near(limit.limit, 1);
  assert_true(rate_limit_admits(&limit, 0));
  assert_false(rate_limit_admits(&limit, 1));
  rate_limit_init(&limit, 1);
  rate_limit_answered(&limit, true, 256, 0, 0);
  assert_true(rate_limit_admits(&limit, 0));
}

static void the_limit_grows_by_one_a_round_trip(void **state) {
  (void)state;
  struct rate_limit limit;
  rate_limit_init(&limit, 256);
  for (int i = 0; i < 8; i++) rate_limit_answered(&limit, true, 256, i, i);
  for (int round = 1; round <= 20; round++) {
    for (int left = (int)limit.limit; left > 0; left--)
      rate_limit_answered(&limit, false, 256, 100, 101);
    assert_in_range(limit.limit, round * 3 / 4, round + 1);
  }
  for (int i = 0; i < 100000; i++) rate_limit_answered(&limit, false, 256, 100, 101);
  assert_near(limit.limit, 256);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lets_one_through_at_a_time),
      cmocka_unit_test(asking_costs_nothing),
      cmocka_unit_test(keeps_the_rate),
      cmocka_unit_test(makes_up_for_late_timers),
      cmocka_unit_test(saves_nothing_up),
      cmocka_unit_test(no_rate_is_no_wait),
      cmocka_unit_test(a_new_rate_gives_nothing_away),
      cmocka_unit_test(the_limit_starts_at_its_maximum),
      cmocka_unit_test(the_limit_halves_once_for_a_burst),
      cmocka_unit_test(the_limit_halves_what_was_in_flight),
      cmocka_unit_test(the_limit_never_shuts),
      cmocka_unit_test(the_limit_grows_by_one_a_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
