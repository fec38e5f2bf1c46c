/* The throttle over a real loop: order, pace, closing and opening, and leaving from every place.
 * What it learns is tested in test_pace.c and test_rate_limits.c. */
#include "../../src/net/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 200 };

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
  for (int i = 0; i < 2; i++) {
    struct retry_outcome refused = refusal(unsaid[i]);
    throttle_init(&throttle, *state, MANY);
    enter(&visitors[2 * i]);
    leave(&visitors[2 * i], &refused);
    enter(&visitors[2 * i + 1]);
    assert_between(turn_until(2 * i + 2), 0.09, 0.6);
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

/* What was refused comes again, before everybody who came later. */
static void who_was_refused_keeps_the_place(void **state) {
  struct retry_outcome refused = refusal(0.01);
  throttle_init(&throttle, *state, 3);
  enter_all(8);
  for (int i = 0; i < 3; i++) leave(&visitors[i], &refused);
  for (int i = 2; i >= 0; i--) enter(&visitors[i]);
  for (int i = 0; i < 3; i++) {
    turn_until(4 + i);
    assert_int_equal(visitors[i].order, 4 + i);
    leave(&visitors[i], &GOOD);
  }
  turn_until(7);
  assert_int_equal(visitors[3].order, 7);
}

/* It has no claim on the place after it was done. */
static void a_new_request_goes_last(void **state) {
  throttle_init(&throttle, *state, 1);
  enter_all(3);
  leave(&visitors[0], &GOOD);
  visitors[0] = (struct visitor){0};
  enter(&visitors[0]);
  leave(&visitors[1], &GOOD);
  assert_int_equal(visitors[2].order, 3);
}

static void paces_after_a_refusal(void **state) {
  struct retry_outcome refused = refusal(0.01);
  throttle_init(&throttle, *state, MANY);
  enter_all(8);
  for (int i = 0; i < 8; i++) leave(&visitors[i], &refused);
  for (int i = 8; i < 20; i++) enter(&visitors[i]);
  turn_until(9);
  for (int i = 0; i < 20; i++) loop_turn(*state, false);
  assert_int_equal(admitted_count, 9);
}

/* Failures of the network say nothing about how much the server bears. */
static void learns_nothing_from_other_failures(void **state) {
  static const struct retry_outcome others[] = {{CURLE_COULDNT_CONNECT, 0, false, -1},
                                                {CURLE_OPERATION_TIMEDOUT, 0, true, -1},
                                                {CURLE_OK, 500, true, -1},
                                                {CURLE_OK, 500, true, 5},
                                                {CURLE_OK, 503, true, -1},
                                                {CURLE_OK, 404, true, -1}};
  throttle_init(&throttle, *state, 8);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    enter(&visitors[0]);
    leave(&visitors[0], &others[i]);
  }
  enter(&visitors[0]);
  leave(&visitors[0], NULL);
  assert_true(pace_learnt(&throttle.pace) == 0);
  enter_all(8);
  assert_int_equal(admitted_count, 7 + 8);
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
      TEST(who_was_refused_keeps_the_place),
      TEST(a_new_request_goes_last),
      TEST(paces_after_a_refusal),
      TEST(learns_nothing_from_other_failures),
      TEST(can_be_left_from_every_place),
      TEST(a_queue_that_was_left_keeps_no_timer),
      TEST(loses_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
