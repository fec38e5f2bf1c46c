/* The global options, as the command line gives them. */
#include "../../src/program/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct reading {
  struct options options;
  char error[OPTIONS_ERROR_MAX];
  int index;
  bool ok;
};

static struct reading read_line(char **arguments) {
  struct reading r = {.index = 0};
  r.ok = options_read(&r.options, arguments, &r.index, r.error);
  return r;
}

#define READ(...) read_line((char *[]){__VA_ARGS__, NULL})

static void check_refused(struct reading r, const char *part) {
  assert_false(r.ok);
  if (!strstr(r.error, part)) fail_msg("expected '%s' in: %s", part, r.error);
}

static void reads_every_form(void **state) {
  (void)state;
  struct reading r =
      READ("--timeout", "5", "--org=o", "-q", "-e", "x = 1", "--sandbox", "word", "-v");
  assert_true(r.ok);
  assert_int_equal(r.index, 7);
  assert_string_equal(r.options.values[OPTION_TIMEOUT], "5");
  assert_string_equal(r.options.values[OPTION_ORG], "o");
  assert_string_equal(r.options.values[OPTION_QUIET], "");
  assert_string_equal(r.options.values[OPTION_EVALUATE], "x = 1");
  assert_string_equal(r.options.values[OPTION_SANDBOX], "");
  assert_null(r.options.values[OPTION_VERBOSE]);
  r = READ("-ex = 1", "--sandbox=a=b");
  assert_string_equal(r.options.values[OPTION_EVALUATE], "x = 1");
  assert_string_equal(r.options.values[OPTION_SANDBOX], "a=b");
}

static void stops_where_options_end(void **state) {
  (void)state;
  assert_int_equal(READ("-q", "--", "-v").index, 2);
  assert_int_equal(READ("script", "-v").index, 0);
  assert_int_equal(READ("-", "-v").index, 0);
}

static void refuses_what_it_does_not_know(void **state) {
  (void)state;
  check_refused(READ("--sandbx"), "did you mean '--sandbox'?");
  check_refused(READ("--sandbx=FILE"), "did you mean '--sandbox'?");
  check_refused(READ("--zzzzzz"), "see 'anyreach --help'");
  check_refused(READ("-z"), "unknown option '-z'");
  char endless[1000];
  memset(endless, '-', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  check_refused(READ(endless), "unknown option");
}

static void refuses_values_that_do_not_fit(void **state) {
  (void)state;
  check_refused(READ("--timeout"), "needs a value");
  check_refused(READ("--timeout="), "expected a number");
  check_refused(READ("--timeout", "-1"), "expected a number of more than 0");
  check_refused(READ("--timeout", "nan"), "expected a number");
  check_refused(READ("--timeout", "inf"), "expected a number");
  check_refused(READ("--timeout", "1x"), "expected a number");
  check_refused(READ("--concurrency", "0"), "expected an integer of at least 1");
  check_refused(READ("--concurrency", "2.5"), "expected an integer");
  check_refused(READ("--color", "blue"), "auto, always or never");
  check_refused(READ("--quiet=1"), "takes no value");
  check_refused(READ("--org="), "expected a value");
}

static void takes_its_own_out_of_a_commands_arguments(void **state) {
  (void)state;
  struct options options = {.values = {0}};
  char error[OPTIONS_ERROR_MAX];
  char *arguments[] = {"agents.list", "--timeout", "5",  "-q",    "--name", "x", "-e",
                       "-vx",         "--json",    "--", "--org", "-h",     NULL};
  assert_true(options_take(&options, arguments, NULL, NULL, error));
  static const char *const kept[] = {"agents.list", "--name", "x",  "-e", "-vx",
                                     "--",          "--org",  "-h", NULL};
  for (int i = 0; kept[i]; i++) assert_string_equal(arguments[i], kept[i]);
  assert_null(arguments[8]);
  assert_string_equal(options.values[OPTION_QUIET], "");
  assert_null(options.values[OPTION_VERBOSE]);
  assert_null(options.values[OPTION_EVALUATE]);
  assert_null(options.values[OPTION_HELP]);
  assert_string_equal(options.values[OPTION_TIMEOUT], "5");
  assert_string_equal(options.values[OPTION_JSON], "");
  assert_null(options.values[OPTION_ORG]);
  char *wrong[] = {"--timeout", "soon", NULL};
  assert_false(options_take(&options, wrong, NULL, NULL, error));
  assert_non_null(strstr(error, "--timeout: expected a number"));
}

static void every_row_can_be_given(void **state) {
  (void)state;
  for (int i = 0; i < OPTION_COUNT; i++) {
    assert_non_null(option_rows[i].name);
    assert_non_null(option_rows[i].help);
    for (int j = 0; j < i; j++) assert_string_not_equal(option_rows[i].name, option_rows[j].name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_form),
      cmocka_unit_test(stops_where_options_end),
      cmocka_unit_test(refuses_what_it_does_not_know),
      cmocka_unit_test(refuses_values_that_do_not_fit),
      cmocka_unit_test(takes_its_own_out_of_a_commands_arguments),
      cmocka_unit_test(every_row_can_be_given),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
