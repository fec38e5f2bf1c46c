/* The throttle: its token bucket and its adaptive limit on a clock of the test's own; then, over a
 * real loop, order, pace, closing and opening, and leaving from every place. */
#include "../../src/net/throttle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 200 };

/* {====== bucket and limit ====== */

static void assert_near(double actual, double expected) {
  if (fabs(actual - expected) > 1e-6) fail_msg("%g instead of %g", actual, expected);
}

/* Lets requests pass from `now` on until `end`, always asking when it was told to, but late. */
static int count_passed(struct throttle_bucket *bucket, double now, double end, double lateness) {
  int passed = 0;
  while (now < end) {
    double wait = throttle_bucket_wait(bucket, now);
    if (wait > 0) {
      now += wait + lateness;
    } else {
      throttle_bucket_take(bucket);
      passed++;
    }
  }
  return passed;
}

static void lets_one_through_at_a_time(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 10, 100);
  assert_near(throttle_bucket_wait(&bucket, 100), 0);
  throttle_bucket_take(&bucket);
  assert_near(throttle_bucket_wait(&bucket, 100), 0.1);
  assert_near(throttle_bucket_wait(&bucket, 100.04), 0.06);
  assert_near(throttle_bucket_wait(&bucket, 100.1), 0);
}

static void asking_costs_nothing(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 1, 0);
  for (int i = 0; i < 1000; i++) assert_near(throttle_bucket_wait(&bucket, 0), 0);
  throttle_bucket_take(&bucket);
  for (int i = 0; i < 1000; i++) assert_near(throttle_bucket_wait(&bucket, 0.5), 0.5);
}

static void keeps_the_rate(void **state) {
  (void)state;
  static const double rates[] = {0.1, 1, 10, 33.3, 1000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct throttle_bucket bucket;
    throttle_bucket_init(&bucket, rates[i], 0);
    int passed = count_passed(&bucket, 0, 100 / rates[i], 0);
    assert_true(passed >= 100 && passed <= 101);
  }
}

static void makes_up_for_late_timers(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 1000, 0);
  int passed = count_passed(&bucket, 0, 10, 0.002);
  assert_true(passed >= 9950 && passed <= 10011);
}

static void saves_nothing_up(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 10, 0);
  int at_once = 0;
  while (throttle_bucket_wait(&bucket, 3600) == 0) {
    throttle_bucket_take(&bucket);
    at_once++;
  }
  assert_int_equal(at_once, 1);
}

static void no_rate_is_no_wait(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 0, 0);
  for (int i = 0; i < 1000; i++) {
    assert_near(throttle_bucket_wait(&bucket, 0), 0);
    throttle_bucket_take(&bucket);
  }
}

static void a_new_rate_gives_nothing_away(void **state) {
  (void)state;
  struct throttle_bucket bucket;
  throttle_bucket_init(&bucket, 0, 0);
  throttle_bucket_set_rate(&bucket, 10, 1000);
  assert_near(throttle_bucket_wait(&bucket, 1000), 0);
  throttle_bucket_take(&bucket);
  for (int i = 0; i < 10; i++) throttle_bucket_set_rate(&bucket, 10, 1000);
  assert_near(throttle_bucket_wait(&bucket, 1000), 0.1);
  throttle_bucket_set_rate(&bucket, 2, 1000.05);
  assert_near(throttle_bucket_wait(&bucket, 1000.05), 0.25);
}

static void the_limit_starts_at_its_maximum(void **state) {
  (void)state;
  struct throttle_limit limit;
  throttle_limit_init(&limit, 4);
  assert_true(throttle_limit_admits(&limit, 0));
  assert_true(throttle_limit_admits(&limit, 3));
  assert_false(throttle_limit_admits(&limit, 4));
  throttle_limit_answered(&limit, false, 256, 1, 2);
  assert_near(limit.limit, 4);
}

/* Refusals of what was sent before the limit changed tell nothing new. */
static void the_limit_halves_once_for_a_burst(void **state) {
  (void)state;
  struct throttle_limit limit;
  throttle_limit_init(&limit, 64);
  for (int i = 0; i < 64; i++) throttle_limit_answered(&limit, true, 256, 1, 2 + i / 100.0);
  assert_near(limit.limit, 32);
  throttle_limit_answered(&limit, true, 256, 2, 3);
  assert_near(limit.limit, 16);
}

/* A limit far above what was in flight would let it all through again. */
static void the_limit_halves_what_was_in_flight(void **state) {
  (void)state;
  struct throttle_limit limit;
  throttle_limit_init(&limit, 256);
  for (unsigned left = 24; left > 0; left--) throttle_limit_answered(&limit, true, left, 1, 2);
  assert_near(limit.limit, 12);
}

static void the_limit_never_shuts(void **state) {
  (void)state;
  struct throttle_limit limit;
  throttle_limit_init(&limit, 256);
  for (int i = 0; i < 100; i++) throttle_limit_answered(&limit, true, 256, i, i);
  assert_near(limit.limit, 1);
  assert_true(throttle_limit_admits(&limit, 0));
  assert_false(throttle_limit_admits(&limit, 1));
  throttle_limit_init(&limit, 1);
  throttle_limit_answered(&limit, true, 256, 0, 0);
  assert_true(throttle_limit_admits(&limit, 0));
}

static void the_limit_grows_by_one_a_round_trip(void **state) {
  (void)state;
  struct throttle_limit limit;
  throttle_limit_init(&limit, 256);
  for (int i = 0; i < 8; i++) throttle_limit_answered(&limit, true, 256, i, i);
  for (int round = 1; round <= 20; round++) {
    for (int left = (int)limit.limit; left > 0; left--)
      throttle_limit_answered(&limit, false, 256, 100, 101);
    assert_true(limit.limit >= round * 3 / 4 && limit.limit <= round + 1);
  }
  for (int i = 0; i < 100000; i++) throttle_limit_answered(&limit, false, 256, 100, 101);
  assert_near(limit.limit, 256);
}

/* }====== */

static const struct retry_outcome GOOD = {CURLE_OK, 200, true, -1};

static struct retry_outcome refusal(double retry_after) {
  return (struct retry_outcome){CURLE_OK, 429, true, retry_after};
}

struct visitor {
  struct throttle_pass pass;
  int order; /* in which it was let in; 0: not yet */
};

static struct throttle throttle;
static struct visitor visitors[MANY];
static int admitted_count;

static void on_admitted(void *context) {
  ((struct visitor *)context)->order = ++admitted_count;
}

static void enter(struct visitor *visitor) {
  visitor->pass.admitted = on_admitted;
  visitor->pass.context = visitor;
  if (throttle_enter(&throttle, &visitor->pass)) on_admitted(visitor);
}

static void leave(struct visitor *visitor, const struct retry_outcome *outcome) {
  throttle_leave(&visitor->pass, outcome);
}

static void enter_all(int count) {
  for (int i = 0; i < count; i++) enter(&visitors[i]);
}

/* Turns until so many were let in, and returns the seconds it took. */
static double turn_until(int count) {
  double start = loop_now();
  while (admitted_count < count) {
    assert_true(loop_is_busy(throttle.loop));
    loop_turn(throttle.loop, true);
  }
  assert_int_equal(admitted_count, count);
  return loop_now() - start;
}

static void assert_between(double value, double low, double high) {
  if (value < low || value > high) fail_msg("%g is not between %g and %g", value, low, high);
}

static int set_up(void **state) {
  *state = loop_new();
  if (!*state) return -1;
  for (int i = 0; i < MANY; i++) visitors[i] = (struct visitor){0};
  admitted_count = 0;
  return 0;
}

/* Every test ends with nobody at the throttle, which then must not keep the loop busy. */
static int tear_down(void **state) {
  for (int i = 0; i < MANY; i++) throttle_leave(&visitors[i].pass, NULL);
  int left = throttle.first || throttle.last || throttle.in_flight > 0;
  throttle_free(&throttle);
  left |= loop_is_busy(*state);
  loop_free(*state);
  return left ? -1 : 0;
}

static void lets_in_at_once_what_it_can(void **state) {
  throttle_init(&throttle, *state, 3);
  enter_all(5);
  assert_int_equal(admitted_count, 3);
  assert_false(loop_is_busy(*state));
}

static void keeps_the_order(void **state) {
  throttle_init(&throttle, *state, 1);
  enter_all(MANY);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(admitted_count, i + 1);
    assert_int_equal(visitors[i].order, i + 1);
    leave(&visitors[i], &GOOD);
  }
}

static void who_comes_later_does_not_overtake(void **state) {
  throttle_init(&throttle, *state, 1);
  throttle_set_rate(&throttle, 50);
  enter_all(3);
  leave(&visitors[0], &GOOD);
  turn_until(2);
  enter(&visitors[3]);
  leave(&visitors[1], &GOOD);
  turn_until(3);
  assert_int_equal(visitors[2].order, 3);
}

static void paces(void **state) {
  throttle_init(&throttle, *state, MANY);
  throttle_set_rate(&throttle, 100);
  enter_all(21);
  assert_int_equal(admitted_count, 1);
  assert_between(turn_until(21), 0.18, 0.5);
}

static void follows_a_new_rate_at_once(void **state) {
  throttle_init(&throttle, *state, MANY);
  throttle_set_rate(&throttle, 0.01);
  enter_all(3);
  throttle_set_rate(&throttle, 100);
  assert_int_equal(admitted_count, 1);
  assert_between(turn_until(3), 0.01, 0.5);
  enter(&visitors[3]);
  throttle_set_rate(&throttle, 0);
  assert_between(turn_until(4), 0, 0.5);
}

static void who_gives_up_his_turn_delays_nobody(void **state) {
  throttle_init(&throttle, *state, MANY);
  throttle_set_rate(&throttle, 20);
  enter_all(MANY);
  for (int i = 1; i < MANY - 1; i++) leave(&visitors[i], NULL);
  assert_between(turn_until(2), 0.03, 0.5);
  assert_int_equal(visitors[MANY - 1].order, 2);
}

static void closes_for_as_long_as_the_server_asks(void **state) {
  struct retry_outcome refused = refusal(0.2);
  throttle_init(&throttle, *state, MANY);
  enter(&visitors[0]);
  leave(&visitors[0], &refused);
  assert_false(loop_is_busy(*state));
  enter(&visitors[1]);
  assert_int_equal(admitted_count, 1);
  assert_between(turn_until(2), 0.19, 0.6);
}

static void closes_for_a_moment_when_the_server_names_no_time(void **state) {
  static const double unsaid[] = {-1, 0};
  throttle_init(&throttle, *state, MANY);
  for (int i = 0; i < 2; i++) {
    struct retry_outcome refused = refusal(unsaid[i]);
    enter(&visitors[2 * i]);
    leave(&visitors[2 * i], &refused);
    enter(&visitors[2 * i + 1]);
    assert_between(turn_until(2 * i + 2), 0.09, 0.5);
    leave(&visitors[2 * i + 1], &GOOD);
  }
}

static void the_longest_closing_counts(void **state) {
  static const double times[] = {0.05, 0.2, 0.1};
  throttle_init(&throttle, *state, MANY);
  enter_all(4);
  enter(&visitors[4]);
  for (int i = 0; i < 3; i++) {
    struct retry_outcome refused = refusal(times[i]);
    leave(&visitors[i], &refused);
  }
  leave(&visitors[3], NULL);
  enter(&visitors[5]);
  assert_between(turn_until(6), 0.19, 0.6);
}

static void does_not_close_for_a_wait_that_nobody_bears(void **state) {
  struct retry_outcome refused = refusal(RETRY_LONGEST_WAIT + 1);
  throttle_init(&throttle, *state, MANY);
  enter(&visitors[0]);
  leave(&visitors[0], &refused);
  enter(&visitors[1]);
  assert_int_equal(admitted_count, 2);
}

/* Whoever was waiting for the pace when the throttle closed waits for it to open. */
static void closing_holds_back_who_is_paced(void **state) {
  struct retry_outcome refused = refusal(0.3);
  throttle_init(&throttle, *state, MANY);
  throttle_set_rate(&throttle, 50);
  enter_all(3);
  leave(&visitors[0], &refused);
  assert_between(turn_until(2), 0.29, 0.7);
}

static void halves_what_is_let_in(void **state) {
  struct retry_outcome refused = refusal(0.01);
  throttle_init(&throttle, *state, 8);
  enter_all(20);
  assert_int_equal(admitted_count, 8);
  for (int i = 0; i < 8; i++) leave(&visitors[i], &refused);
  turn_until(12);
  for (int i = 0; i < 20; i++) loop_turn(*state, false);
  assert_int_equal(admitted_count, 12);
}

/* However many more would have been let in. */
static void halves_what_was_inside(void **state) {
  struct retry_outcome refused = refusal(0.01);
  throttle_init(&throttle, *state, MANY);
  enter_all(8);
  for (int i = 0; i < 8; i++) leave(&visitors[i], &refused);
  for (int i = 8; i < 20; i++) enter(&visitors[i]);
  turn_until(12);
  for (int i = 0; i < 20; i++) loop_turn(*state, false);
  assert_int_equal(admitted_count, 12);
}

/* Failures of the network say nothing about how much the server bears. */
static void learns_nothing_from_other_failures(void **state) {
  static const struct retry_outcome failed = {CURLE_COULDNT_CONNECT, 0, false, -1};
  throttle_init(&throttle, *state, 8);
  throttle.limit.limit = 4;
  enter(&visitors[0]);
  leave(&visitors[0], &failed);
  enter(&visitors[0]);
  leave(&visitors[0], NULL);
  assert_true(throttle.limit.limit == 4);
}

static void can_be_left_from_every_place(void **state) {
  throttle_init(&throttle, *state, 2);
  enter_all(6);
  leave(&visitors[2], NULL); /* the first in the queue */
  leave(&visitors[5], NULL); /* the last */
  leave(&visitors[4], NULL);
  leave(&visitors[4], NULL);
  assert_int_equal(admitted_count, 2);
  leave(&visitors[0], NULL);
  assert_int_equal(visitors[3].order, 3);
  leave(&visitors[1], NULL);
  leave(&visitors[3], NULL);
  assert_int_equal(throttle.in_flight, 0);
  enter(&visitors[0]);
  assert_int_equal(visitors[0].order, 4);
}

static void a_queue_that_was_left_keeps_no_timer(void **state) {
  struct retry_outcome refused = refusal(100);
  throttle_init(&throttle, *state, 4);
  enter(&visitors[0]);
  leave(&visitors[0], &refused);
  enter(&visitors[1]);
  enter(&visitors[2]);
  leave(&visitors[1], NULL);
  assert_true(loop_is_busy(*state));
  leave(&visitors[2], NULL);
  assert_false(loop_is_busy(*state));
}

static void loses_nobody(void **state) {
  unsigned random = 1;
  throttle_init(&throttle, *state, 5);
  throttle_set_rate(&throttle, 5000);
  enter_all(MANY);
  int left = 0;
  while (left < MANY) {
    for (int i = 0; i < MANY; i++) {
      struct visitor *visitor = &visitors[i];
      random = random * 1103515245 + 12345;
      bool gives_up = visitor->pass.place == THROTTLE_QUEUED && random >> 24 == 0;
      if (visitor->pass.place != THROTTLE_INSIDE && !gives_up) continue;
      struct retry_outcome outcome = random >> 16 & 7 ? GOOD : refusal(0.001);
      leave(visitor, gives_up ? NULL : &outcome);
      left++;
    }
    if (left < MANY) {
      assert_true(loop_is_busy(*state) || throttle.in_flight > 0);
      loop_turn(*state, throttle.in_flight == 0);
    }
  }
  assert_null(throttle.first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
      TEST(lets_in_at_once_what_it_can),
      TEST(keeps_the_order),
      TEST(who_comes_later_does_not_overtake),
      TEST(paces),
      TEST(follows_a_new_rate_at_once),
      TEST(who_gives_up_his_turn_delays_nobody),
      TEST(closes_for_as_long_as_the_server_asks),
      TEST(closes_for_a_moment_when_the_server_names_no_time),
      TEST(the_longest_closing_counts),
      TEST(does_not_close_for_a_wait_that_nobody_bears),
      TEST(closing_holds_back_who_is_paced),
      TEST(halves_what_is_let_in),
      TEST(halves_what_was_inside),
      TEST(learns_nothing_from_other_failures),
      TEST(can_be_left_from_every_place),
      TEST(a_queue_that_was_left_keeps_no_timer),
      TEST(loses_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
