/* The loop without network: timers, sources, and when it waits. */
#include "../../src/net/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 500 };

struct firing {
  struct loop_timer timer;
  struct loop *loop;
  int order, restarts;
};

static int fired_count;

static void on_fire(void *context) {
  struct firing *firing = context;
  firing->order = ++fired_count;
  if (firing->restarts-- > 0) loop_timer_start(firing->loop, &firing->timer, 0);
}

static void start(struct loop *loop, struct firing *firing, double seconds) {
  firing->loop = loop;
  firing->timer.fire = on_fire;
  firing->timer.context = firing;
  assert_int_equal(loop_timer_start(loop, &firing->timer, seconds), 0);
}

static int set_up(void **state) {
  *state = loop_new();
  fired_count = 0;
  loop_forget_cancel();
  return *state ? 0 : -1;
}

static int tear_down(void **state) {
  loop_free(*state);
  return 0;
}

static void timers_fire_in_order_of_their_times(void **state) {
  struct firing late = {0}, early = {0}, middle = {0};
  start(*state, &late, 0.03);
  start(*state, &early, 0.001);
  start(*state, &middle, 0.015);
  assert_true(loop_is_busy(*state));
  while (loop_is_busy(*state)) loop_turn(*state, true);
  assert_int_equal(early.order, 1);
  assert_int_equal(middle.order, 2);
  assert_int_equal(late.order, 3);
}

static void a_timer_never_fires_from_start(void **state) {
  struct firing firing = {0};
  start(*state, &firing, 0);
  start(*state, &firing, -5);
  assert_int_equal(firing.order, 0);
  loop_turn(*state, false);
  assert_int_equal(firing.order, 1);
  assert_false(loop_is_busy(*state));
}

static void a_timer_restarted_by_itself_waits_a_turn(void **state) {
  struct firing firing = {.restarts = 3};
  start(*state, &firing, 0);
  for (int turn = 1; turn <= 4; turn++) {
    loop_turn(*state, true);
    assert_int_equal(fired_count, turn);
  }
  assert_false(loop_is_busy(*state));
}

static void stopped_timers_do_not_fire(void **state) {
  static struct firing firings[MANY];
  for (int i = 0; i < MANY; i++) {
    firings[i] = (struct firing){0};
    start(*state, &firings[i], (i * 7919 % MANY) / 1e6);
  }
  for (int i = 0; i < MANY; i += 2) loop_timer_stop(*state, &firings[i].timer);
  loop_timer_stop(*state, &firings[0].timer);
  while (loop_is_busy(*state)) loop_turn(*state, true);
  assert_int_equal(fired_count, MANY / 2);
  for (int i = 0; i < MANY; i++) assert_int_equal(firings[i].order > 0, i % 2);
}

struct counting {
  struct loop_source source;
  int runs;
  long limit;
};

static void count_run(void *context) {
  ((struct counting *)context)->runs++;
}

static void ignore(void *context) {
  (void)context;
}

static long limit_of(void *context) {
  return ((struct counting *)context)->limit;
}

static void a_readable_source_ends_the_wait(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct counting counting = {.limit = -1};
  counting.source = (struct loop_source){
      .descriptor = ends[0], .timeout_ms = limit_of, .run = count_run, .context = &counting};
  loop_add_source(*state, &counting.source);
  assert_int_equal(write(ends[1], "x", 1), 1);
  double before = loop_now();
  loop_turn(*state, true);
  assert_true(loop_now() - before < 5);
  assert_int_equal(counting.runs, 1);
  assert_false(loop_is_busy(*state));
  loop_remove_source(*state, &counting.source);
  loop_turn(*state, false);
  assert_int_equal(counting.runs, 1);
  close(ends[0]);
  close(ends[1]);
}

static void a_source_limits_the_wait(void **state) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct counting counting = {.limit = 10};
  counting.source = (struct loop_source){
      .descriptor = ends[0], .timeout_ms = limit_of, .run = count_run, .context = &counting};
  loop_add_source(*state, &counting.source);
  double before = loop_now();
  loop_turn(*state, true);
  assert_true(loop_now() - before >= 0.009 && loop_now() - before < 5);
  loop_remove_source(*state, &counting.source);
  close(ends[0]);
  close(ends[1]);
}

static void an_interrupted_loop_does_nothing(void **state) {
  struct firing firing = {0};
  start(*state, &firing, 0);
  loop_cancel(LOOP_INTERRUPTED);
  loop_turn(*state, true);
  assert_int_equal(fired_count, 0);
  assert_true(loop_forget_interrupt());
  loop_turn(*state, true);
  assert_int_equal(fired_count, 1);
}

/* {====== the cancel flag ====== */

static void on_signal(int signal_number) {
  if (signal_number == SIGUSR1)
    loop_cancel(LOOP_INTERRUPTED);
  else
    loop_wake();
}

/* The loop asks a source for the limit of its wait after it has looked at the flag, immediately
 * before it waits: the last moment at which a signal can come and not end the wait by itself. */
static long raise_signal(void *context) {
  int *signal_number = context;
  if (*signal_number) raise(*signal_number);
  *signal_number = 0;
  return -1;
}

/* One turn, in which the signal comes at the last moment: true when nothing was waited for. */
static bool wakes_at_once(struct loop *loop, int signal_number) {
  struct firing far_away = {0};
  int ends[2], pending = signal_number;
  assert_int_equal(pipe(ends), 0);
  struct loop_source source = {
      .descriptor = ends[0], .timeout_ms = raise_signal, .run = ignore, .context = &pending};
  start(loop, &far_away, 20);
  loop_add_source(loop, &source);
  signal(signal_number, on_signal);
  double before = loop_now();
  loop_turn(loop, true);
  bool at_once = loop_now() - before < 10;
  signal(signal_number, SIG_DFL);
  assert_int_equal(pending, 0);
  loop_remove_source(loop, &source);
  loop_timer_stop(loop, &far_away.timer);
  close(ends[0]);
  close(ends[1]);
  return at_once;
}

static void a_signal_just_before_the_wait_ends_it(void **state) {
  assert_true(wakes_at_once(*state, SIGUSR1));
  assert_int_equal(loop_cancelled(), LOOP_INTERRUPTED);
  loop_turn(*state, true);
  assert_true(loop_forget_interrupt());
}

static void a_wake_up_ends_the_wait_and_cancels_nothing(void **state) {
  assert_true(wakes_at_once(*state, SIGUSR2));
  assert_int_equal(loop_cancelled(), 0);
}

static void a_loop_waits_again_after_it_was_woken(void **state) {
  struct firing firing = {0};
  loop_cancel(LOOP_INTERRUPTED);
  assert_true(loop_forget_interrupt());
  loop_wake();
  loop_turn(*state, true); /* both are one wake-up */
  start(*state, &firing, 0.01);
  loop_turn(*state, true);
  assert_int_equal(fired_count, 1);
}

static void only_an_interrupt_is_forgotten(void **state) {
  (void)state;
  assert_true(loop_forget_interrupt());
  loop_cancel(LOOP_DEADLINE_OVER);
  loop_cancel(LOOP_INTERRUPTED);
  assert_false(loop_forget_interrupt());
  assert_int_equal(loop_cancelled(), LOOP_DEADLINE_OVER);
  loop_cancel(LOOP_TERMINATED);
  assert_int_equal(loop_cancelled(), LOOP_DEADLINE_OVER | LOOP_TERMINATED);
  loop_forget_cancel();
  assert_int_equal(loop_cancelled(), 0);
}

static void two_loops_share_the_wake_up(void **state) {
  struct loop *other = loop_new();
  assert_true(wakes_at_once(other, SIGUSR2));
  loop_free(other);
  assert_true(wakes_at_once(*state, SIGUSR2));
}

/* }====== */

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(timers_fire_in_order_of_their_times),
      TEST(a_timer_never_fires_from_start),
      TEST(a_timer_restarted_by_itself_waits_a_turn),
      TEST(stopped_timers_do_not_fire),
      TEST(a_readable_source_ends_the_wait),
      TEST(a_source_limits_the_wait),
      TEST(an_interrupted_loop_does_nothing),
      TEST(a_signal_just_before_the_wait_ends_it),
      TEST(a_wake_up_ends_the_wait_and_cancels_nothing),
      TEST(a_loop_waits_again_after_it_was_woken),
      TEST(only_an_interrupt_is_forgotten),
      TEST(two_loops_share_the_wake_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
