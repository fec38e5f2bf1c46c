/* Reading gathers the digits and rounds once, in hardware where both operands are exact, else with
 * strtod(). Writing tries the few digits that most values have, and otherwise takes the fewest of
 * printf()'s digits that read back as the value. */
#include "api/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten that a double holds exactly. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum {
  EXACT_POWER_MAX = 22,
  WORD_DIGITS = 19, /* decimal digits that always fit uint64_t */
  /* The middle between two doubles has at most 767 digits: of what follows, only whether it is all
   * zeros can matter. */
  DECISIVE_DIGITS = 800,
  EXACT_DIGITS = 25,          /* of a double, beyond which no digit matters when it is written */
  EXPONENT_LIMIT = 1000000000 /* further than any literal's digits can bring back */
};

static const double exact_integer_limit = 9007199254740992.0; /* 2^53 */

/* ---- reading ---- */

/* A literal taken apart: value = 0.d1d2d3... * 10^point, without sign. */
struct literal {
  const char *first; /* first significant digit; a '.' may lie among those that follow */
  size_t digits;     /* significant digits, trailing zeros included */
  uint64_t leading;  /* value of the first WORD_DIGITS of them */
  int64_t point;
  bool negative;
  bool integral; /* neither fraction nor exponent */
};

static bool is_digit(const char *at, const char *end) {
  return at < end && *at >= '0' && *at <= '9';
}

static const char *read_digits(struct literal *l, const char *at, const char *end) {
  for (; is_digit(at, end); at++) {
    if (l->digits == 0 && *at == '0') continue;
    if (l->digits == 0) l->first = at;
    if (l->digits++ < WORD_DIGITS) l->leading = l->leading * 10 + (uint64_t)(*at - '0');
  }
  return at;
}

/* `start` is the first digit after the point. */
static const char *read_fraction(struct literal *l, const char *start, const char *end) {
  bool leading_zeros_count = l->digits == 0;
  const char *at = read_digits(l, start, end);
  if (leading_zeros_count) l->point = l->digits ? start - l->first : 0;
  return at;
}

static const char *read_exponent(struct literal *l, const char *at, const char *end) {
  bool negative = at[-1] == '-';
  int64_t exponent = 0;
  for (; is_digit(at, end); at++)
    if (exponent < EXPONENT_LIMIT) exponent = exponent * 10 + (*at - '0');
  l->point += negative ? -exponent : exponent;
  return at;
}

static struct number wrong(const char *text, const char *at, const char *expected) {
  return (struct number){NUMBER_WRONG, (size_t)(at - text), 0, 0, expected};
}

/* Lets strtod() round, which is exact but obeys the locale's decimal point: so it gets none. */
static double round_slowly(const struct literal *l) {
  char text[DECISIVE_DIGITS + NUMBER_TEXT_MAX];
  size_t length = 0, seen = 0;
  bool more = false;
  for (const char *at = l->first; seen < l->digits; at++) {
    if (*at == '.') continue;
    if (seen++ < DECISIVE_DIGITS)
      text[length++] = *at;
    else if (*at != '0')
      more = true;
  }
  if (more) text[length - 1] = '1';
  int64_t exponent = l->point - (int64_t)length;
  if (exponent > 5000) exponent = 5000;
  if (exponent < -5000) exponent = -5000;
  snprintf(text + length, sizeof text - length, "e%d", (int)exponent);
  return strtod(text, NULL);
}

static double magnitude(const struct literal *l) {
  if (l->digits == 0) return 0;
  if (l->digits <= WORD_DIGITS && l->leading <= (uint64_t)1 << 53 && FLT_EVAL_METHOD == 0) {
    int64_t exponent = l->point - (int64_t)l->digits;
    /* Both operands are exact, so the one operation rounds correctly. */
    if (exponent >= 0 && exponent <= EXACT_POWER_MAX)
      return (double)l->leading * exact_powers[exponent];
    if (exponent < 0 && exponent >= -EXACT_POWER_MAX)
      return (double)l->leading / exact_powers[-exponent];
  }
  return round_slowly(l);
}

static void convert(const struct literal *l, struct number *n) {
  uint64_t limit = (uint64_t)INT64_MAX + l->negative;
  bool is_integer = l->integral && !(l->negative && l->digits == 0);
  if (is_integer && l->digits <= WORD_DIGITS && l->leading <= limit) {
    n->kind = NUMBER_INTEGER;
    n->integer = (int64_t)(l->negative ? 0 - l->leading : l->leading);
    return;
  }
  double value = magnitude(l);
  bool held = !is_integer && isfinite(value) && (value != 0 || l->digits == 0);
  n->kind = held ? NUMBER_FLOAT : NUMBER_BIG;
  n->real = l->negative ? -value : value;
}

struct number number_read(const char *text, const char *end) {
  struct literal l = {.integral = true};
  const char *at = text;
  if (at < end && *at == '-') l.negative = true, at++;
  if (!is_digit(at, end)) return wrong(text, at, "a digit");
  const char *start = at;
  at = read_digits(&l, at, end);
  if (*start == '0' && at > start + 1) return wrong(text, start + 1, "no digit after a leading 0");
  l.point = (int64_t)l.digits;
  if (at < end && *at == '.') {
    l.integral = false;
    if (!is_digit(++at, end)) return wrong(text, at, "a digit after '.'");
    at = read_fraction(&l, at, end);
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    l.integral = false;
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    if (!is_digit(at, end)) return wrong(text, at, "a digit in the exponent");
    at = read_exponent(&l, at, end);
  }
  struct number n = {.length = (size_t)(at - text)};
  convert(&l, &n);
  return n;
}

/* ---- writing ---- */

/* value = 0.d1d2d3... * 10^point */
struct decimal {
  char digits[NUMBER_TEXT_MAX];
  unsigned count;
  int point;
};

static unsigned write_natural(uint64_t value, char *text) {
  char reversed[20];
  unsigned count = 0;
  do reversed[count++] = (char)('0' + value % 10);
  while (value /= 10);
  for (unsigned i = 0; i < count; i++) text[i] = reversed[count - 1 - i];
  return count;
}

static char *put_digits(char *at, const char *digits, unsigned count) {
  memcpy(at, digits, count);
  return at + count;
}

static char *put_zeros(char *at, int count) {
  for (; count > 0; count--) *at++ = '0';
  return at;
}

static char *put_exponent(char *at, int exponent) {
  *at++ = 'e';
  if (exponent < 0) *at++ = '-';
  return at + write_natural((uint64_t)abs(exponent), at);
}

/* The first `count` digits, plus one in the last place if `up`, without zeros at their end. */
static void cut_digits(struct decimal *d, const struct decimal *exact, unsigned count, bool up) {
  d->point = exact->point;
  memcpy(d->digits, exact->digits, count);
  while (up && count > 0 && d->digits[count - 1] == '9') count--;
  if (up && count > 0) d->digits[count - 1]++;
  if (count == 0) d->digits[count++] = '1', d->point++;
  while (count > 1 && d->digits[count - 1] == '0') count--;
  d->count = count;
}

static bool reads_as(const struct decimal *d, double value) {
  char text[NUMBER_TEXT_MAX], *at = put_digits(text, d->digits, d->count);
  return number_read(text, put_exponent(at, d->point - (int)d->count)).real == value;
}

/* The value with so many digits that rounding them once more never leads astray. The decimal point
 * is whatever the locale says. */
static void exact_decimal(double value, struct decimal *d) {
  char text[2 * NUMBER_TEXT_MAX];
  snprintf(text, sizeof text, "%.*e", EXACT_DIGITS - 1, value);
  const char *at = text;
  for (d->count = 0; *at != 'e'; at++)
    if (*at >= '0' && *at <= '9') d->digits[d->count++] = *at;
  d->point = atoi(at + 1) + 1;
}

/* The fewest digits that read back as the value, and of those the nearest to it, halves rounded up.
 * Any 15 digits name one normal double, so that fewer need no try; a subnormal one may have few.
 * The gap below a power of two is half the gap above: when the digits below it are too far away,
 * those above it may still be near enough. */
static void shortest_decimal(double value, struct decimal *d) {
  struct decimal exact;
  int exponent;
  bool is_power_of_two = frexp(value, &exponent) == 0.5;
  exact_decimal(value, &exact);
  for (unsigned count = value < DBL_MIN ? 1 : DBL_DIG; count < DBL_DECIMAL_DIG; count++) {
    bool up = exact.digits[count] >= '5';
    cut_digits(d, &exact, count, up);
    if (reads_as(d, value)) return;
    if (up || !is_power_of_two) continue;
    cut_digits(d, &exact, count, true);
    if (reads_as(d, value)) return;
  }
  cut_digits(d, &exact, DBL_DECIMAL_DIG, exact.digits[DBL_DECIMAL_DIG] >= '5');
}

static bool set_decimal(struct decimal *d, uint64_t scaled, int power) {
  d->count = write_natural(scaled, d->digits);
  d->point = (int)d->count - power;
  while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
  return true;
}

/* Finds digits of common values without big numbers: an integer n and a power p with n / 10^p equal
 * to the value. That division rounds correctly, so the text reads back as the value; and n has at
 * most 15 digits, so no other text of as few digits does. Whole numbers below 2^53 are their own
 * shortest text. */
static bool quick_decimal(double value, struct decimal *d) {
  if (FLT_EVAL_METHOD != 0 || value < 1e-7 || value >= exact_integer_limit) return false;
  if (value == floor(value)) return set_decimal(d, (uint64_t)value, 0);
  for (int power = 1; power <= EXACT_POWER_MAX; power++) {
    double scaled = value * exact_powers[power] + 0.5;
    if (scaled >= 1e15) return false;
    uint64_t candidate = (uint64_t)scaled;
    if ((double)candidate / exact_powers[power] == value) return set_decimal(d, candidate, power);
  }
  return false;
}

static char *put_positional(char *at, const struct decimal *d) {
  int whole = d->point < (int)d->count ? d->point : (int)d->count;
  if (whole <= 0) {
    at = put_zeros(put_digits(at, "0.", 2), -d->point);
    return put_digits(at, d->digits, d->count);
  }
  at = put_digits(at, d->digits, (unsigned)whole);
  at = put_zeros(at, d->point - whole);
  *at++ = '.';
  if (whole == (int)d->count) return put_zeros(at, 1);
  return put_digits(at, d->digits + whole, d->count - (unsigned)whole);
}

static char *put_scientific(char *at, const struct decimal *d) {
  int exponent = d->point - 1;
  *at++ = d->digits[0];
  if (d->count > 1) {
    *at++ = '.';
    at = put_digits(at, d->digits + 1, d->count - 1);
  }
  return put_exponent(at, exponent);
}

size_t number_write_double(double value, char text[NUMBER_TEXT_MAX]) {
  char *at = text;
  if (signbit(value)) *at++ = '-';
  value = fabs(value);
  if (value == 0) return (size_t)(put_digits(at, "0.0", 3) - text);
  struct decimal d;
  if (!quick_decimal(value, &d)) shortest_decimal(value, &d);
  bool positional = d.point > -5 && d.point <= 16;
  at = positional ? put_positional(at, &d) : put_scientific(at, &d);
  return (size_t)(at - text);
}

size_t number_write_integer(int64_t value, char text[NUMBER_TEXT_MAX]) {
  char *at = text;
  if (value < 0) *at++ = '-';
  at += write_natural(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, at);
  return (size_t)(at - text);
}
