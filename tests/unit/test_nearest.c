/* nearest_name(): what is offered for a mistyped name, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/nearest.h"

static const char *const fields[] = {"name", "description", "active", "is_demo", "metadata", NULL};

static void offers(const char *word, const char *name) {
  const char *found = nearest_name(word, fields);
  assert_non_null(found);
  assert_string_equal(found, name);
}

static void test_one_slip(void **state) {
  (void)state;
  offers("nmae", "name");
  offers("nam", "name");
  offers("names", "name");
  offers("nane", "name");
  offers("desciption", "description");
  offers("metdaata", "metadata");
}

static void test_case_and_dashes_do_not_count(void **state) {
  (void)state;
  offers("NAME", "name");
  offers("is-demo", "is_demo");
  offers("Is-Dmeo", "is_demo");
}

static void test_nothing_near(void **state) {
  (void)state;
  assert_null(nearest_name("zzz", fields));
  assert_null(nearest_name("", fields));
  assert_null(nearest_name("voice", fields));
}

static void test_words_without_anything_in_common(void **state) {
  (void)state;
  const char *const names[] = {"x", "", NULL};
  assert_null(nearest_name("y", names));
  assert_string_equal(nearest_name("X", names), "x");
}

static void test_first_of_equally_near(void **state) {
  (void)state;
  const char *const names[] = {"cat", "car", NULL};
  assert_string_equal(nearest_name("caz", names), "cat");
  assert_string_equal(nearest_name("car", names), "car");
}

static void test_long_words_are_never_meant(void **state) {
  (void)state;
  char word[1000];
  memset(word, 'a', sizeof word - 1);
  word[sizeof word - 1] = '\0';
  const char *const names[] = {word, "name", NULL};
  assert_null(nearest_name(word, names));
  assert_string_equal(nearest_name("nam", names), "name");
}

static void test_empty_list(void **state) {
  (void)state;
  const char *const none[] = {NULL};
  assert_null(nearest_name("name", none));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_slip),
      cmocka_unit_test(test_case_and_dashes_do_not_count),
      cmocka_unit_test(test_nothing_near),
      cmocka_unit_test(test_words_without_anything_in_common),
      cmocka_unit_test(test_first_of_equally_near),
      cmocka_unit_test(test_long_words_are_never_meant),
      cmocka_unit_test(test_empty_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
