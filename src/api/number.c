/* Reading gathers the digits and rounds once: in hardware where both operands are exact, else in
 * integers of 128 bits where these hold the quotient, else with strtod(). Writing takes the fewest
 * digits that read back as the value, of its expansion in integers of 128 bits where these hold it,
 * else of printf()'s. */
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

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 wide;

static const uint64_t whole_powers[] = {1u,
                                        10u,
                                        100u,
                                        1000u,
                                        10000u,
                                        100000u,
                                        1000000u,
                                        10000000u,
                                        100000000u,
                                        1000000000u,
                                        10000000000u,
                                        100000000000u,
                                        1000000000000u,
                                        10000000000000u,
                                        100000000000000u,
                                        1000000000000000u,
                                        10000000000000000u,
                                        100000000000000000u,
                                        1000000000000000000u,
                                        10000000000000000000u};

enum { WHOLE_POWER_MAX = 19 };
#endif

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

/* digits * 10^exponent, where both operands are exact, so that the one operation rounds correctly.
 */
static bool round_in_hardware(uint64_t digits, int64_t exponent, double *value) {
  if (FLT_EVAL_METHOD != 0 || digits > (uint64_t)1 << 53) return false;
  if (exponent < -EXACT_POWER_MAX || exponent > EXACT_POWER_MAX) return false;
  *value = exponent < 0 ? (double)digits / exact_powers[-exponent]
                        : (double)digits * exact_powers[exponent];
  return true;
}

/* The same where 128 bits hold the product, or at least 63 bits of the quotient; whether more would
 * follow is noted in the last of them, which is far below what a double keeps. The conversion
 * rounds. */
static bool round_wide(uint64_t digits, int64_t exponent, double *value) {
#ifdef __SIZEOF_INT128__
  if (exponent < -WHOLE_POWER_MAX || exponent > WHOLE_POWER_MAX) return false;
  if (exponent >= 0) {
    *value = (double)((wide)digits * whole_powers[exponent]);
    return true;
  }
  int shift = 64 + __builtin_clzll(digits);
  wide dividend = (wide)digits << shift, divisor = whole_powers[-exponent];
  wide quotient = dividend / divisor;
  *value = ldexp((double)(quotient | (quotient * divisor != dividend)), -shift);
  return true;
#else
  (void)digits, (void)exponent, (void)value;
  return false;
#endif
}

static double magnitude(const struct literal *l) {
  double value;
  if (l->digits == 0) return 0;
  int64_t exponent = l->point - (int64_t)l->digits;
  bool rounded = l->digits <= WORD_DIGITS && (round_in_hardware(l->leading, exponent, &value) ||
                                              round_wide(l->leading, exponent, &value));
  return rounded ? value : round_slowly(l);
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
  char digits[20], *first = digits + sizeof digits;
  for (; value >= 100; value /= 100) {
    unsigned pair = (unsigned)(value % 100);
    *--first = (char)('0' + pair % 10);
    *--first = (char)('0' + pair / 10);
  }
  if (value >= 10) *--first = (char)('0' + value % 10), value /= 10;
  *--first = (char)('0' + value);
  unsigned count = (unsigned)(digits + sizeof digits - first);
  memcpy(text, first, count);
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

#ifdef __SIZEOF_INT128__

/* A double as mantissa * 2^exponent, and its digits: value * 10^power = whole + rest / 2^-exponent,
 * where `whole` has 17 digits, and `rest` is exact. */
struct expansion {
  uint64_t mantissa;
  int exponent; /* -1 to -69 */
  int power;    /* 1 to 22 */
  wide gap;     /* 10^power: to the double above, in the unit of `rest` */
  uint64_t whole;
  wide rest;
};

static void scale(struct expansion *x, int power) {
  x->power = power;
  x->gap = power <= WHOLE_POWER_MAX
               ? whole_powers[power]
               : (wide)whole_powers[WHOLE_POWER_MAX] * whole_powers[power - WHOLE_POWER_MAX];
  wide product = x->mantissa * x->gap;
  x->whole = (uint64_t)(product >> -x->exponent);
  x->rest = product & (((wide)1 << -x->exponent) - 1);
}

/* The value is at least 1e-5, below 2^53 and not whole. */
static void expand(double value, struct expansion *x) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  x->mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
  x->exponent = (int)(bits >> 52) - 1075;
  int point =
      ((x->exponent + 52) * 1233) >> 12; /* of the power of two below it; 1233 / 4096 = log10(2) */
  scale(x, 16 - point);
  if (x->whole >= whole_powers[17]) scale(x, 15 - point);
}

/* Whether all that is so far from the value, upwards or downwards, reads back as it: up to half the
 * gap, which below a power of two is half as wide; at exactly half, the even mantissa is read. */
static bool reads_back(const struct expansion *x, wide distance, bool up) {
  bool narrow = !up && x->mantissa == (uint64_t)1 << 52;
  wide twice = (narrow ? 4 : 2) * distance;
  return twice < x->gap || (twice == x->gap && x->mantissa % 2 == 0);
}

/* With `unit` the value of the last digit that is left. Like shortest_decimal(). */
static inline bool try_unit(const struct expansion *x, unsigned unit, int dropped,
                            struct decimal *d) {
  wide below = ((wide)(x->whole % unit) << -x->exponent) + x->rest;
  wide above = ((wide)unit << -x->exponent) - below;
  bool up = below >= above;
  if (!reads_back(x, up ? above : below, up)) {
    if (up || !reads_back(x, above, true)) return false;
    up = true;
  }
  return set_decimal(d, x->whole / unit + up, x->power - dropped);
}

/* The shortest digits of common values. */
static bool wide_decimal(double value, struct decimal *d) {
  struct expansion x;
  if (value < 1e-5 || value >= exact_integer_limit) return false;
  if (value == floor(value)) return set_decimal(d, (uint64_t)value, 0);
  expand(value, &x);
  return try_unit(&x, 100, 2, d) || try_unit(&x, 10, 1, d) || try_unit(&x, 1, 0, d);
}

#else
static bool wide_decimal(double value, struct decimal *d) {
  bool whole = value < exact_integer_limit && value == floor(value);
  return whole && set_decimal(d, (uint64_t)value, 0);
}
#endif

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
  if (!wide_decimal(value, &d)) shortest_decimal(value, &d);
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
