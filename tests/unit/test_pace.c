/* How fast requests may go, on a clock of the test's own: even spacing, and what a refusal changes.
 * test_rate_limits.c tests what comes of it with servers. */
#include "../../src/net/pace.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double actual, double expected) {
  if (fabs(actual - expected) > 1e-6) fail_msg("%g instead of %g", actual, expected);
}

static struct pace_sent take(struct pace *pace, double now) {
  struct pace_sent sent;
  pace_take(pace, true, now, &sent);
  return sent;
}

/* Lets requests pass from `now` on until `end`, always asking when it was told to, but late. */
static int count_passed(struct pace *pace, double now, double end, double lateness) {
  int passed = 0;
  while (now < end) {
    double wait = pace_wait(pace, now);
    if (wait > 0) {
      now += wait + lateness;
    } else {
      take(pace, now);
      passed++;
    }
  }
  return passed;
}

static struct pace paced(double rate, double now) {
  struct pace pace;
  pace_init(&pace, now);
  pace_set_highest(&pace, rate, now);
  return pace;
}

/* {====== the user's rate ====== */

static void lets_one_through_at_a_time(void **state) {
  (void)state;
  struct pace pace = paced(10, 100);
  assert_near(pace_wait(&pace, 100), 0);
  take(&pace, 100);
  assert_near(pace_wait(&pace, 100), 0.1);
  assert_near(pace_wait(&pace, 100.04), 0.06);
  assert_near(pace_wait(&pace, 100.1), 0);
}

static void asking_costs_nothing(void **state) {
  (void)state;
  struct pace pace = paced(1, 0);
  for (int i = 0; i < 1000; i++) assert_near(pace_wait(&pace, 0), 0);
  take(&pace, 0);
  for (int i = 0; i < 1000; i++) assert_near(pace_wait(&pace, 0.5), 0.5);
}

static void keeps_the_rate(void **state) {
  (void)state;
  static const double rates[] = {0.1, 1, 10, 33.3, 1000};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct pace pace = paced(rates[i], 0);
    int passed = count_passed(&pace, 0, 100 / rates[i], 0);
    assert_true(passed >= 100 && passed <= 101);
  }
}

static void makes_up_for_late_timers(void **state) {
  (void)state;
  struct pace pace = paced(1000, 0);
  int passed = count_passed(&pace, 0, 10, 0.002);
  assert_true(passed >= 9950 && passed <= 10011);
}

static void saves_nothing_up(void **state) {
  (void)state;
  struct pace pace = paced(10, 0);
  int at_once = 0;
  while (pace_wait(&pace, 3600) == 0) {
    take(&pace, 3600);
    at_once++;
  }
  assert_int_equal(at_once, 1);
}

static void no_rate_is_no_wait(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  assert_int_equal(pace_wait(&pace, 0), 0);
  for (int i = 0; i < 100000; i++) {
    assert_near(pace_wait(&pace, i * 1e-5), 0);
    take(&pace, i * 1e-5);
  }
  assert_near(pace_learnt(&pace), 0);
}

static void a_new_rate_gives_nothing_away(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  pace_set_highest(&pace, 10, 1000);
  assert_near(pace_wait(&pace, 1000), 0);
  take(&pace, 1000);
  for (int i = 0; i < 10; i++) pace_set_highest(&pace, 10, 1000);
  assert_near(pace_wait(&pace, 1000), 0.1);
  pace_set_highest(&pace, 2, 1000.05);
  assert_near(pace_wait(&pace, 1000.05), 0.25);
}

/* }====== */

/* {====== refusals ====== */

static void closes_for_as_long_as_asked(void **state) {
  (void)state;
  for (double asked = 1; asked <= 120; asked++) {
    struct pace pace = paced(0, 50);
    struct pace_sent sent = take(&pace, 50);
    pace_refused(&pace, &sent, asked, 0, 50.1);
    assert_near(pace_wait(&pace, 50.1), asked);
    assert_near(pace_wait(&pace, 50.1 + asked), 0);
  }
}

/* What was sent before the closing asks for more: that counts; for less: it does not. */
static void the_longest_closing_counts(void **state) {
  (void)state;
  struct pace pace = paced(0, 50);
  struct pace_sent sent[3];
  for (int i = 0; i < 3; i++) sent[i] = take(&pace, 50);
  pace_refused(&pace, &sent[0], 2, 0, 50.1);
  pace_refused(&pace, &sent[1], 5, 0, 50.1);
  pace_refused(&pace, &sent[2], 1, 0, 50.1);
  assert_near(pace_wait(&pace, 50.1), 5);
}

/* Never less than asked, and at most a tenth of a second and a twentieth more. */
static void jitter_only_adds(void **state) {
  (void)state;
  for (double jitter = 0; jitter < 1; jitter += 0.1) {
    struct pace pace = paced(0, 50);
    struct pace_sent sent = take(&pace, 50);
    pace_refused(&pace, &sent, 20, jitter, 50);
    double wait = pace_wait(&pace, 50);
    assert_true(wait >= 20 && wait <= 20 * 1.05 + 0.1);
  }
}

/* The refusals of one burst change the rate once. */
static void a_burst_is_one_refusal(void **state) {
  (void)state;
  struct pace pace = paced(100, 0);
  struct pace_sent sent[20];
  double now = 0;
  for (int i = 0; i < 20; i++) {
    now += pace_wait(&pace, now);
    sent[i] = take(&pace, now);
  }
  pace_refused(&pace, &sent[10], 0, 0, now);
  double rate = pace_learnt(&pace);
  assert_true(rate >= 50 && rate <= 95);
  for (int i = 11; i < 20; i++) pace_refused(&pace, &sent[i], 0, 0, now);
  assert_near(pace_learnt(&pace), rate);
}

/* A server that is closed says nothing about its rate, but is asked less and less often. */
static void refusals_without_fruit_only_double_the_pause(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  struct pace_sent sent = take(&pace, 0);
  pace_refused(&pace, &sent, 0, 0, 0);
  double now = 0, wait = pace_wait(&pace, now), rate = pace_learnt(&pace);
  for (int i = 0; i < 20; i++) {
    now += wait;
    sent = take(&pace, now);
    pace_refused(&pace, &sent, 0, 0, now);
    double next = pace_wait(&pace, now);
    assert_near(next, fmin(2 * wait, 5));
    wait = next;
  }
  now += wait;
  take(&pace, now);
  assert_true(pace_learnt(&pace) >= rate && pace_learnt(&pace) < 2 * rate);
}

/* The rate of nobody who waits is not proven, and does not rise. */
static void rises_only_while_it_holds_somebody_back(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  struct pace_sent sent = take(&pace, 0);
  pace_refused(&pace, &sent, 0, 0, 0);
  double rate = pace_learnt(&pace);
  for (int i = 1; i < 1000; i++) pace_take(&pace, false, i, &sent);
  assert_near(pace_learnt(&pace), rate);
  count_passed(&pace, 1000, 1003, 0);
  assert_true(pace_learnt(&pace) > 4 * rate && pace_learnt(&pace) < 16 * rate);
}

static void never_exceeds_the_users_rate(void **state) {
  (void)state;
  struct pace pace = paced(20, 0);
  struct pace_sent sent = take(&pace, 0);
  sent = take(&pace, 0.05);
  pace_refused(&pace, &sent, 0, 0, 0.05);
  assert_true(pace_learnt(&pace) < 20);
  int passed = count_passed(&pace, 0.05, 1000, 0);
  assert_true(passed > 19 * 990 && passed <= 20 * 1000);
}

/* It is known from the second refusal on, and no limit while the user allows less. */
static void knows_the_limit(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  struct pace_sent sent = take(&pace, 0);
  pace_refused(&pace, &sent, 0, 0, 0);
  assert_near(pace_limit(&pace), 0);
  count_passed(&pace, 0, 2, 0);
  double now = 2 + pace_wait(&pace, 2);
  sent = take(&pace, now);
  pace_refused(&pace, &sent, 0, 0, now);
  count_passed(&pace, now, now + 3, 0);
  double limit = pace_limit(&pace), rate = pace_learnt(&pace);
  if (limit > rate || limit < rate * 0.8) fail_msg("%g instead of %g", limit, rate);
  count_passed(&pace, now + 3, now + 6, 2 / rate);
  assert_true(pace_limit(&pace) < limit * 0.8);
  pace_set_highest(&pace, pace_learnt(&pace) / 2, now);
  assert_near(pace_limit(&pace), 0);
}

/* One that nobody refuses again is forgotten. */
static void a_refusal_is_outlived(void **state) {
  (void)state;
  struct pace pace = paced(0, 0);
  struct pace_sent sent = take(&pace, 0);
  pace_refused(&pace, &sent, 5, 0, 0);
  double now = 0;
  while (pace_learnt(&pace) > 0) {
    now += pace_wait(&pace, now);
    take(&pace, now);
  }
  assert_true(now > 10 && now < 20);
  assert_near(pace_wait(&pace, now), 0);
}

/* Whatever happens, at whatever time: waits and rates are sane, and somebody is let through. */
static void bears_anything(void **state) {
  (void)state;
  static const double asked[] = {0, 0, 0, 0.01, 1, 5, 120};
  unsigned random = 1;
  for (int run = 0; run < 50; run++) {
    struct pace pace = paced(run % 3 * 7, 0);
    struct pace_sent sent[64] = {{0}};
    double now = 0;
    unsigned long taken = 0;
    for (int i = 0; i < 2000; i++) {
      random = random * 1103515245 + 12345;
      unsigned choice = random >> 16 & 7, which = random >> 20 & 63;
      double wait = pace_wait(&pace, now);
      assert_true(isfinite(wait) && wait >= 0 && wait <= 130);
      assert_true(pace_learnt(&pace) >= 0 && pace_learnt(&pace) <= 10000);
      if (choice == 0) now += random >> 27 == 0 ? 1e6 : 0.001; /* stopped for days */
      if (choice < 5) {
        now += wait;
        if (pace_wait(&pace, now) <= 0) sent[taken++ % 64] = take(&pace, now);
      } else if (sent[which].number > 0) {
        pace_refused(&pace, &sent[which], asked[(random >> 24) % 7], (random & 255) / 256.0, now);
      }
    }
    assert_true(taken > 500);
  }
}

/* }====== */

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lets_one_through_at_a_time),
      cmocka_unit_test(asking_costs_nothing),
      cmocka_unit_test(keeps_the_rate),
      cmocka_unit_test(makes_up_for_late_timers),
      cmocka_unit_test(saves_nothing_up),
      cmocka_unit_test(no_rate_is_no_wait),
      cmocka_unit_test(a_new_rate_gives_nothing_away),
      cmocka_unit_test(closes_for_as_long_as_asked),
      cmocka_unit_test(the_longest_closing_counts),
      cmocka_unit_test(jitter_only_adds),
      cmocka_unit_test(a_burst_is_one_refusal),
      cmocka_unit_test(refusals_without_fruit_only_double_the_pause),
      cmocka_unit_test(rises_only_while_it_holds_somebody_back),
      cmocka_unit_test(never_exceeds_the_users_rate),
      cmocka_unit_test(knows_the_limit),
      cmocka_unit_test(a_refusal_is_outlived),
      cmocka_unit_test(bears_anything),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
