/* Numbers: reading agrees with the C library; writing gives a text that reads back as the same
 * value. The input is taken as a literal and, its first bytes, as a double and an integer. */
#include "../../src/api/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static bool is_same(double a, double b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

static void check_double(double value) {
  char text[NUMBER_TEXT_MAX + 1];
  if (!isfinite(value)) return;
  size_t length = number_write_double(value, text);
  fuzz_expect(length <= NUMBER_TEXT_MAX);
  text[length] = '\0';
  struct number read = number_read(text, text + length);
  fuzz_expect(read.kind == NUMBER_FLOAT && read.length == length);
  fuzz_expect(is_same(read.real, value) && is_same(strtod(text, NULL), value));
}

static void check_integer(int64_t value) {
  char text[NUMBER_TEXT_MAX];
  size_t length = number_write_integer(value, text);
  fuzz_expect(length <= NUMBER_TEXT_MAX);
  struct number read = number_read(text, text + length);
  fuzz_expect(read.kind == NUMBER_INTEGER && read.length == length && read.integer == value);
}

static void check_literal(const char *bytes, size_t size) {
  struct number read = number_read(bytes, bytes + size);
  fuzz_expect(read.length <= size);
  fuzz_expect((read.kind == NUMBER_WRONG) == (read.expected != NULL));
  if (read.kind == NUMBER_WRONG) return;
  char *literal = fuzz_copy_text((const uint8_t *)bytes, read.length), *end;
  if (read.kind == NUMBER_INTEGER)
    fuzz_expect(read.integer == strtoll(literal, &end, 10));
  else
    fuzz_expect(is_same(read.real, strtod(literal, &end)));
  fuzz_expect(*end == '\0');
  if (read.kind == NUMBER_FLOAT) check_double(read.real);
  free(literal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  double real;
  int64_t integer;
  if (size >= sizeof real) {
    memcpy(&real, data, sizeof real);
    memcpy(&integer, data, sizeof integer);
    check_double(real);
    check_integer(integer);
  }
  char *bytes = fuzz_copy_bytes(data, size);
  check_literal(bytes, size);
  free(bytes);
  return 0;
}
