/* The growing buffer: its maximum above all. */
#include "../../src/api/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_empty_at_first(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 10);
  assert_int_equal(b.length, 0);
  assert_null(b.data);
  assert_string_equal(buf_text(&b), "");
  buf_free(&b);
}

static void appends_in_order(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 1000);
  assert_int_equal(buf_append_text(&b, "one"), BUF_OK);
  assert_int_equal(buf_append_char(&b, ' '), BUF_OK);
  assert_int_equal(buf_append(&b, "\0x", 2), BUF_OK);
  assert_int_equal(buf_append(&b, NULL, 0), BUF_OK);
  assert_int_equal(buf_append_format(&b, " %d %s", 42, "end"), BUF_OK);
  assert_int_equal(b.length, 13);
  assert_memory_equal(b.data, "one \0x 42 end", 13);
  assert_string_equal(buf_text(&b) + 6, " 42 end");
  buf_free(&b);
}

static void holds_its_maximum_and_no_more(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 5);
  assert_int_equal(buf_append_text(&b, "12345"), BUF_OK);
  assert_int_equal(buf_append_char(&b, '6'), BUF_FULL);
  assert_int_equal(buf_append_text(&b, "6"), BUF_FULL);
  assert_int_equal(buf_append_format(&b, "%d", 6), BUF_FULL);
  assert_int_equal(buf_append(&b, "", 0), BUF_OK);
  assert_int_equal(b.length, 5);
  assert_string_equal(buf_text(&b), "12345");
  buf_free(&b);
}

static void a_failed_append_changes_nothing(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 5);
  assert_int_equal(buf_append_text(&b, "123"), BUF_OK);
  assert_int_equal(buf_append_text(&b, "456"), BUF_FULL);
  assert_int_equal(buf_append_format(&b, "%s", "456"), BUF_FULL);
  assert_string_equal(buf_text(&b), "123");
  buf_free(&b);
}

static void a_huge_length_does_not_wrap_around(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  assert_int_equal(buf_append_text(&b, "x"), BUF_OK);
  assert_int_equal(buf_reserve(&b, SIZE_MAX), BUF_FULL);
  assert_int_equal(buf_append(&b, "y", SIZE_MAX), BUF_FULL);
  assert_string_equal(buf_text(&b), "x");
  buf_free(&b);
}

static void grows_byte_by_byte(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100000);
  for (int i = 0; i < 100000; i++)
    assert_int_equal(buf_append_char(&b, (char)('a' + i % 26)), BUF_OK);
  assert_int_equal(buf_append_char(&b, 'x'), BUF_FULL);
  for (int i = 0; i < 100000; i++) assert_int_equal(b.data[i], 'a' + i % 26);
  assert_int_equal(strlen(buf_text(&b)), 100000);
  buf_free(&b);
}

static void is_usable_after_being_freed(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 10);
  assert_int_equal(buf_append_text(&b, "secret"), BUF_OK);
  buf_wipe(&b);
  assert_int_equal(b.length, 0);
  assert_int_equal(buf_append_text(&b, "again"), BUF_OK);
  assert_string_equal(buf_text(&b), "again");
  buf_free(&b);
  buf_free(&b);
  buf_wipe(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_empty_at_first),
      cmocka_unit_test(appends_in_order),
      cmocka_unit_test(holds_its_maximum_and_no_more),
      cmocka_unit_test(a_failed_append_changes_nothing),
      cmocka_unit_test(a_huge_length_does_not_wrap_around),
      cmocka_unit_test(grows_byte_by_byte),
      cmocka_unit_test(is_usable_after_being_freed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
