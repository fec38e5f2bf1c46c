/* The account of what was written. The process has one, so each test goes on from those before. */
#include "../../src/net/write_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void begins_empty(void **state) {
  (void)state;
  assert_int_equal(write_tally_applied(), 0);
  assert_int_equal(write_tally_open(), 0);
}

static void counts_what_was_applied(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) write_tally_note_applied();
  assert_int_equal(write_tally_applied(), 3);
  assert_int_equal(write_tally_open(), 0);
}

static void names_what_is_open_and_cuts_what_is_long(void **state) {
  (void)state;
  char path[WRITE_TALLY_TEXT_MAX * 2];
  memset(path, 'x', sizeof path - 1);
  path[sizeof path - 1] = '\0';
  write_tally_note_open("POST", "/core/agents");
  write_tally_note_open("DELETE", path);
  assert_string_equal(write_tally_open_text(0), "POST /core/agents");
  assert_int_equal(strlen(write_tally_open_text(1)), WRITE_TALLY_TEXT_MAX - 1);
  assert_int_equal(strncmp(write_tally_open_text(1), "DELETE x", 8), 0);
}

static void counts_more_than_it_names(void **state) {
  (void)state;
  char path[32];
  unsigned long before = write_tally_open();
  for (int i = 0; i < 10 * WRITE_TALLY_NAMED_MAX; i++) {
    snprintf(path, sizeof path, "/%d", i);
    write_tally_note_open("PUT", path);
  }
  assert_int_equal(write_tally_open(), before + 10 * WRITE_TALLY_NAMED_MAX);
  assert_string_equal(write_tally_open_text(0), "POST /core/agents");
  snprintf(path, sizeof path, "PUT /%lu", WRITE_TALLY_NAMED_MAX - 1 - before);
  assert_string_equal(write_tally_open_text(WRITE_TALLY_NAMED_MAX - 1), path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(begins_empty),
      cmocka_unit_test(counts_what_was_applied),
      cmocka_unit_test(names_what_is_open_and_cuts_what_is_long),
      cmocka_unit_test(counts_more_than_it_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
