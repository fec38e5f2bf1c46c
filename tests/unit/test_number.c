/* Numbers as JSON text: exact reading, shortest writing. strtod() and printf() are the oracles. */
#include "../../src/api/number.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RANDOM_ROUNDS = 60000 };

static struct number read_text(const char *text) {
  return number_read(text, text + strlen(text));
}

static const char *write_double(double value) {
  static char text[NUMBER_TEXT_MAX + 1];
  text[number_write_double(value, text)] = '\0';
  return text;
}

static double from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* xorshift64*: the same values in every run. */
static uint64_t next_random(void) {
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1Du;
}

static unsigned count_significant(const char *text) {
  unsigned count = 0, zeros = 0;
  for (; *text && *text != 'e'; text++) {
    if (*text < '0' || *text > '9') continue;
    if (*text == '0')
      zeros += count > 0;
    else
      count += zeros + 1, zeros = 0;
  }
  return count;
}

static bool shorter_text_exists(double value, unsigned digits) {
  char text[64];
  if (digits < 2) return false;
  snprintf(text, sizeof text, "%.*e", (int)digits - 2, value);
  return strtod(text, NULL) == value;
}

/* Whether the value lies in the middle between two texts of so many digits. */
static bool is_tie(double value, unsigned digits) {
  enum { MORE = 1100 };
  char exact[MORE + 16];
  snprintf(exact, sizeof exact, "%.*e", MORE, value);
  return exact[digits + 1] == '5' && strspn(exact + digits + 2, "0") == MORE - digits;
}

/* Whether no other text of as many digits is nearer to the value. printf() knows the nearest,
 * except that it rounds a tie to the even digit; below a power of two the nearest may be too far
 * away to be read back. */
static bool is_nearest(double value, const char *text) {
  char nearest[64];
  unsigned digits = count_significant(text);
  snprintf(nearest, sizeof nearest, "%.*e", (int)digits - 1, value);
  const char *a = text + strspn(text, "-0."), *b = nearest;
  for (unsigned i = 0; i < digits; i++, a++, b++) {
    a += *a == '.', b += *b == '.';
    if (*a != *b) return strtod(nearest, NULL) != value || is_tie(value, digits);
  }
  return true;
}

static void check_round_trip(double value) {
  const char *text = write_double(value);
  if (!is_nearest(fabs(value), text))
    fail_msg("%a was written as %s, which is not the nearest", value, text);
  double back = strtod(text, NULL);
  if (memcmp(&back, &value, sizeof value) != 0) fail_msg("%a was written as %s", value, text);
  if (shorter_text_exists(value, count_significant(text))) fail_msg("%s is not shortest", text);
  struct number n = read_text(text);
  assert_int_equal(n.kind, NUMBER_FLOAT);
  assert_memory_equal(&n.real, &value, sizeof value);
}

static void writes_floats_as_expected(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } rows[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {100.0, "100.0"},
      {0.1, "0.1"},
      {0.7, "0.7"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {123456.789, "123456.789"},
      {1e-4, "0.0001"},
      {1.25e-5, "0.0000125"},
      {1e-6, "1e-6"},
      {1e15, "1000000000000000.0"},
      {9007199254740991.0, "9007199254740991.0"},
      {9007199254740992.0, "9007199254740992.0"},
      {1e16, "1e16"},
      {1e22, "1e22"},
      {1e23, "1e23"},
      {1e300, "1e300"},
      {-2.5e-7, "-2.5e-7"},
      {5e-324, "5e-324"},
      {DBL_MIN, "2.2250738585072014e-308"},
      {DBL_MAX, "1.7976931348623157e308"},
      {9.5367431640625e-07, "9.5367431640625e-7"},
      {5.684341886080802e-14, "5.684341886080802e-14"},
      {2.98023223876953125e-8, "2.9802322387695313e-8"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(write_double(rows[i].value), rows[i].text);
}

static void every_power_of_two_round_trips(void **state) {
  (void)state;
  for (int exponent = -1074; exponent < 1024; exponent++) {
    double value = ldexp(1, exponent);
    check_round_trip(value);
    check_round_trip(nextafter(value, 0) > 0 ? nextafter(value, 0) : value);
    check_round_trip(-nextafter(value, DBL_MAX));
  }
}

static void every_power_of_ten_round_trips(void **state) {
  (void)state;
  for (int exponent = -323; exponent <= 308; exponent++) {
    char text[16];
    snprintf(text, sizeof text, "1e%d", exponent);
    check_round_trip(strtod(text, NULL));
  }
}

static void random_bits_round_trip(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_ROUNDS; i++) {
    double value = from_bits(next_random());
    if (isfinite(value)) check_round_trip(value);
  }
}

static void random_decimals_round_trip(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_ROUNDS; i++) {
    uint64_t bits = next_random();
    double power = pow(10, (double)(bits % 20));
    check_round_trip((double)(int64_t)(bits >> (8 + bits % 50)) / power);
  }
}

/* From 1e-5 to 2^53, where integers of 128 bits do the work: mantissas of any number of bits, and
 * their neighbours. */
static void everyday_sizes_round_trip(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_ROUNDS; i++) {
    uint64_t bits = next_random(), kept = bits % 53;
    int exponent = (int)(bits / 53 % 72) - 18;
    double value =
        ldexp((double)(((uint64_t)1 << kept) | (bits >> (64 - kept) % 64)), exponent - (int)kept);
    check_round_trip(value);
    check_round_trip(nextafter(value, i % 2 ? 0 : DBL_MAX));
  }
}

static void writes_integers(void **state) {
  (void)state;
  static const int64_t values[] = {0, 7, -7, 10, 1234567890, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    char text[NUMBER_TEXT_MAX + 1], expected[NUMBER_TEXT_MAX + 1];
    text[number_write_integer(values[i], text)] = '\0';
    snprintf(expected, sizeof expected, "%" PRId64, values[i]);
    assert_string_equal(text, expected);
  }
}

static void reads_kinds(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum number_kind kind;
  } rows[] = {
      {"0", NUMBER_INTEGER},
      {"-0", NUMBER_FLOAT},
      {"-0.0", NUMBER_FLOAT},
      {"0e99999999999", NUMBER_FLOAT},
      {"9223372036854775807", NUMBER_INTEGER},
      {"9223372036854775808", NUMBER_BIG},
      {"-9223372036854775808", NUMBER_INTEGER},
      {"-9223372036854775809", NUMBER_BIG},
      {"18446744073709551616", NUMBER_BIG},
      {"100000000000000000000", NUMBER_BIG},
      {"1e308", NUMBER_FLOAT},
      {"1e309", NUMBER_BIG},
      {"-1e99999999999999999999", NUMBER_BIG},
      {"1e-400", NUMBER_BIG},
      {"1e-323", NUMBER_FLOAT},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct number n = read_text(rows[i].text);
    if (n.kind != rows[i].kind) fail_msg("%s is of kind %d", rows[i].text, n.kind);
    assert_int_equal(n.length, strlen(rows[i].text));
  }
  assert_int_equal(read_text("-9223372036854775808").integer, INT64_MIN);
  assert_true(signbit(read_text("-0").real));
}

static void refuses_what_is_not_json(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t at;
  } rows[] = {{"", 0},    {"-", 1},    {"+1", 0},   {".5", 0},  {"01", 1},
              {"-01", 2}, {"1.", 2},   {"1.e5", 2}, {"1e", 2},  {"1e+", 3},
              {"NaN", 0}, {"-Inf", 1}, {"0x10", 1}, {"00.5", 1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct number n = read_text(rows[i].text);
    if (strcmp(rows[i].text, "0x10") == 0) {
      assert_int_equal(n.kind, NUMBER_INTEGER); /* the number ends before the x */
    } else {
      assert_int_equal(n.kind, NUMBER_WRONG);
      assert_non_null(n.expected);
    }
    assert_int_equal(n.length, rows[i].at);
  }
}

static void check_reading(const char *text) {
  struct number n = read_text(text);
  double expected = strtod(text, NULL);
  assert_int_equal(n.kind, NUMBER_FLOAT);
  if (memcmp(&n.real, &expected, sizeof expected) != 0) fail_msg("%s was read as %a", text, n.real);
}

static void reads_like_strtod(void **state) {
  (void)state;
  check_reading("2.2250738585072011e-308");
  check_reading("2.2250738585072012e-308");
  check_reading("4.9406564584124654e-324");
  check_reading("1.7976931348623158e308");
  check_reading("9007199254740993.0");
  check_reading("0.000000000000000000000000000000000000000123e40");
  check_reading("123456789012345678901234567890.12345678901234567890e-20");
  for (int i = 0; i < RANDOM_ROUNDS; i++) {
    char text[80];
    uint64_t bits = next_random();
    snprintf(text, sizeof text, "%" PRIu64 ".%" PRIu64 "e%d", bits, next_random() >> bits % 60,
             (int)(bits % 500) - 260);
    check_reading(text);
  }
}

static void reads_up_to_19_digits_like_strtod(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_ROUNDS; i++) {
    char text[80];
    uint64_t bits = next_random();
    snprintf(text, sizeof text, "%" PRIu64 "e%d", bits >> (1 + bits % 20), (int)(bits % 51) - 25);
    check_reading(text);
  }
}

/* The middle between two doubles, and its neighbours in the last digit. */
static void reads_ties_like_strtod(void **state) {
  (void)state;
  for (int i = 0; i < RANDOM_ROUNDS / 10; i++) {
    char text[80];
    uint64_t odd = (next_random() >> 10) | (uint64_t)1 << 53 | 1; /* of 54 bits */
    for (int power = 0; power <= 2; power++) {
      uint64_t digits = odd;
      for (int factor = 0; factor < power; factor++) digits *= 5;
      for (int step = -1; step <= 1; step++) {
        snprintf(text, sizeof text, "%" PRIu64 "e-%d", digits + (uint64_t)step, power);
        check_reading(text);
        snprintf(text, sizeof text, "%" PRIu64 "e%d", (digits + (uint64_t)step), power);
        check_reading(text);
      }
    }
  }
}

/* Ties between two doubles, decided or not by a digit far behind. */
static void reads_long_literals_exactly(void **state) {
  (void)state;
  char text[2048];
  int length = snprintf(text, sizeof text, "9007199254740993.%01000d", 0);
  check_reading(text);
  assert_true(read_text(text).real == 9007199254740992.0);
  text[length - 1] = '1';
  check_reading(text);
  assert_true(read_text(text).real == 9007199254740994.0);
}

/* A locale with another decimal point, which is compiled if the system has its source. */
static bool take_german_numbers(void) {
  char directory[] = "/tmp/anyreach-locale-XXXXXX", command[128];
  assert_non_null(mkdtemp(directory));
  snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null",
           directory);
  setenv("LOCPATH", directory, 1);
  bool taken = system(command) == 0 && setlocale(LC_NUMERIC, "de_DE.UTF-8");
  snprintf(command, sizeof command, "rm -r %s", directory);
  assert_int_equal(system(command), 0);
  return taken;
}

static void the_locale_does_not_matter(void **state) {
  static const struct {
    double value;
    const char *text;
  } rows[] = {{1.5, "1.5"}, {0.1 + 0.2, "0.30000000000000004"}, {5e-324, "5e-324"}};
  (void)state;
  if (!take_german_numbers()) skip();
  assert_string_equal(localeconv()->decimal_point, ",");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct number n = read_text(rows[i].text);
    assert_string_equal(write_double(rows[i].value), rows[i].text);
    assert_memory_equal(&n.real, &rows[i].value, sizeof n.real);
  }
  assert_true(read_text("2.2250738585072011e-308").real > 2e-308); /* by strtod() */
  setlocale(LC_NUMERIC, "C");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_floats_as_expected),
      cmocka_unit_test(every_power_of_two_round_trips),
      cmocka_unit_test(every_power_of_ten_round_trips),
      cmocka_unit_test(random_bits_round_trip),
      cmocka_unit_test(random_decimals_round_trip),
      cmocka_unit_test(everyday_sizes_round_trip),
      cmocka_unit_test(writes_integers),
      cmocka_unit_test(reads_kinds),
      cmocka_unit_test(refuses_what_is_not_json),
      cmocka_unit_test(reads_like_strtod),
      cmocka_unit_test(reads_up_to_19_digits_like_strtod),
      cmocka_unit_test(reads_ties_like_strtod),
      cmocka_unit_test(reads_long_literals_exactly),
      cmocka_unit_test(the_locale_does_not_matter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
