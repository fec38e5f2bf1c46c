/* Retry-After: whatever a server sends, the wait is sane. */
#include "../../src/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1445412480 }; /* Wed, 21 Oct 2015 07:28:00 GMT */

static double seconds(const char *text) {
  return retry_after_seconds(text, strlen(text), NOW);
}

static void understands_seconds(void **state) {
  (void)state;
  assert_true(seconds("0") == 0);
  assert_true(seconds("7") == 7);
  assert_true(seconds("0.5") == 0.5);
  assert_true(seconds("3600") == 3600);
}

static void understands_dates(void **state) {
  (void)state;
  assert_true(seconds("Wed, 21 Oct 2015 07:28:30 GMT") == 30);
  assert_true(seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  assert_true(seconds("Wednesday, 21-Oct-15 07:28:30 GMT") == 30);
  assert_true(seconds("Wed Oct 21 07:28:30 2015") == 30);
}

static void clamps(void **state) {
  (void)state;
  assert_true(seconds("3601") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("99999999999999999999") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("1e300") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("Wed, 21 Oct 2015 07:27:00 GMT") == 0);
  assert_true(seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  assert_true(seconds("Sun, 21 Oct 2035 07:28:00 GMT") == RETRY_AFTER_MAX_SECONDS);
}

static void refuses_the_rest(void **state) {
  (void)state;
  static const char *const texts[] = {"",   "soon", "-5",  "7 seconds", "7,8",
                                      "+7", " 7",   "NaN", "inf",       NULL};
  for (int i = 0; texts[i]; i++)
    if (seconds(texts[i]) != -1) fail_msg("'%s' was understood", texts[i]);
  char endless[100];
  memset(endless, '1', sizeof endless);
  assert_true(retry_after_seconds(endless, sizeof endless, NOW) == -1);
}

static void reads_no_further_than_it_may(void **state) {
  (void)state;
  assert_true(retry_after_seconds("78", 1, NOW) == 7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(understands_seconds),
      cmocka_unit_test(understands_dates),
      cmocka_unit_test(clamps),
      cmocka_unit_test(refuses_the_rest),
      cmocka_unit_test(reads_no_further_than_it_may),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
