/* Reading gathers the digits and rounds once, in hardware where both operands are exact, else with
 * strtod(). Writing tries the few digits that most values have, and else counts in natural numbers
 * of any size. */
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

/* ---- writing: natural numbers of any size a double needs ---- */

enum { NATURAL_WORDS = 36 }; /* 1152 bits; 1082 are needed */

struct natural {
  unsigned count; /* words in use; the last one is not 0 */
  uint32_t words[NATURAL_WORDS];
};

static void natural_set(struct natural *n, uint64_t value) {
  n->count = 0;
  for (; value; value >>= 32) n->words[n->count++] = (uint32_t)value;
}

static void natural_multiply(struct natural *n, uint32_t factor) {
  uint64_t carry = 0;
  for (unsigned i = 0; i < n->count; i++) {
    carry += (uint64_t)n->words[i] * factor;
    n->words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry) n->words[n->count++] = (uint32_t)carry;
}

static void natural_multiply_power_of_ten(struct natural *n, unsigned power) {
  for (; power >= 9; power -= 9) natural_multiply(n, 1000000000);
  for (; power > 0; power--) natural_multiply(n, 10);
}

static void natural_shift_left(struct natural *n, unsigned bits) {
  if (n->count == 0) return;
  unsigned words = bits / 32;
  memmove(n->words + words, n->words, n->count * sizeof n->words[0]);
  memset(n->words, 0, words * sizeof n->words[0]);
  n->count += words;
  natural_multiply(n, (uint32_t)1 << bits % 32);
}

static int natural_compare(const struct natural *a, const struct natural *b) {
  if (a->count != b->count) return a->count < b->count ? -1 : 1;
  for (unsigned i = a->count; i-- > 0;)
    if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
  return 0;
}

static void natural_add(struct natural *a, const struct natural *b) {
  uint64_t carry = 0;
  for (unsigned i = 0; i < b->count || (carry && i < a->count); i++) {
    if (i >= a->count) a->words[a->count++] = 0;
    carry += (uint64_t)a->words[i] + (i < b->count ? b->words[i] : 0);
    a->words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry) a->words[a->count++] = (uint32_t)carry;
}

/* a -= b, where a >= b. */
static void natural_subtract(struct natural *a, const struct natural *b) {
  uint64_t borrow = 0;
  for (unsigned i = 0; i < a->count; i++) {
    uint64_t difference = (uint64_t)a->words[i] - (i < b->count ? b->words[i] : 0) - borrow;
    a->words[i] = (uint32_t)difference;
    borrow = difference >> 63;
  }
  while (a->count && a->words[a->count - 1] == 0) a->count--;
}

/* ---- writing: the shortest digits ---- */

/* value = 0.d1d2d3... * 10^point */
struct decimal {
  char digits[NUMBER_TEXT_MAX];
  unsigned count;
  int point;
};

/* A value and half its distances to the neighbouring doubles, as fractions over one denominator.
 * All that lies between the halves reads back as the value; so do the halves themselves when the
 * mantissa is even, because reading rounds ties to even. */
struct interval {
  struct natural value, below, above, denominator;
  bool closed;
};

static bool reaches_next_digit(const struct interval *i) {
  struct natural upper = i->value;
  natural_add(&upper, &i->above);
  return natural_compare(&upper, &i->denominator) >= (i->closed ? 0 : 1);
}

static bool reaches_digit_itself(const struct interval *i) {
  return natural_compare(&i->value, &i->below) < (i->closed ? 1 : 0);
}

/* Sets up value = mantissa * 2^exponent. The gap below a power of two is half the gap above. */
static void interval_set(struct interval *i, uint64_t mantissa, int exponent, bool narrow_below) {
  unsigned extra = narrow_below ? 2 : 1; /* doubles everything so that the halves are whole */
  i->closed = mantissa % 2 == 0;
  natural_set(&i->value, mantissa);
  natural_set(&i->below, 1);
  natural_set(&i->above, 1);
  natural_set(&i->denominator, 1);
  natural_shift_left(&i->value, extra);
  natural_shift_left(&i->denominator, extra);
  if (narrow_below) natural_shift_left(&i->above, 1);
  if (exponent < 0) {
    natural_shift_left(&i->denominator, (unsigned)-exponent);
  } else {
    natural_shift_left(&i->value, (unsigned)exponent);
    natural_shift_left(&i->below, (unsigned)exponent);
    natural_shift_left(&i->above, (unsigned)exponent);
  }
}

static void interval_multiply_by_ten(struct interval *i) {
  natural_multiply(&i->value, 10);
  natural_multiply(&i->below, 10);
  natural_multiply(&i->above, 10);
}

/* Divides by the power of ten that brings the value into [0.1, 1), and returns it. `magnitude` is
 * floor(log2(value)), from which the power is known up to one. */
static int interval_normalize(struct interval *i, int magnitude_of_two) {
  int point = (int)ceil(magnitude_of_two * 0.30102999566398119521 - 1e-10);
  if (point >= 0) {
    natural_multiply_power_of_ten(&i->denominator, (unsigned)point);
  } else {
    natural_multiply_power_of_ten(&i->value, (unsigned)-point);
    natural_multiply_power_of_ten(&i->below, (unsigned)-point);
    natural_multiply_power_of_ten(&i->above, (unsigned)-point);
  }
  if (!reaches_next_digit(i)) return point;
  natural_multiply(&i->denominator, 10);
  return point + 1;
}

/* Takes the next digit off the value, and leaves the rest as the value. */
static unsigned interval_take_digit(struct interval *i) {
  unsigned digit = 0;
  interval_multiply_by_ten(i);
  for (; natural_compare(&i->value, &i->denominator) >= 0; digit++)
    natural_subtract(&i->value, &i->denominator);
  return digit;
}

static bool is_nearer_above(const struct interval *i) {
  struct natural twice = i->value;
  natural_multiply(&twice, 2);
  return natural_compare(&twice, &i->denominator) >= 0;
}

/* Digit by digit until the digits, or the digits plus one in the last place, name the value and no
 * other double (Steele and White 1990; Burger and Dybvig 1996). */
static void shortest_decimal(double value, struct decimal *d) {
  struct interval i;
  int exponent;
  uint64_t mantissa = (uint64_t)ldexp(frexp(value, &exponent), DBL_MANT_DIG);
  int magnitude_of_two = exponent - 1;
  exponent -= DBL_MANT_DIG;
  int subnormal = DBL_MIN_EXP - DBL_MANT_DIG - exponent;
  if (subnormal > 0) mantissa >>= subnormal, exponent += subnormal;
  bool narrow_below = mantissa == (uint64_t)1 << (DBL_MANT_DIG - 1) && value > DBL_MIN;
  interval_set(&i, mantissa, exponent, narrow_below);
  d->point = interval_normalize(&i, magnitude_of_two);
  d->count = 0;
  for (;;) {
    unsigned digit = interval_take_digit(&i);
    bool low = reaches_digit_itself(&i), high = reaches_next_digit(&i);
    if (high && (!low || is_nearer_above(&i))) digit++;
    d->digits[d->count++] = (char)('0' + digit);
    if (low || high) return;
  }
}

static unsigned write_natural(uint64_t value, char *text) {
  char reversed[20];
  unsigned count = 0;
  do reversed[count++] = (char)('0' + value % 10);
  while (value /= 10);
  for (unsigned i = 0; i < count; i++) text[i] = reversed[count - 1 - i];
  return count;
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

static char *put_digits(char *at, const char *digits, unsigned count) {
  memcpy(at, digits, count);
  return at + count;
}

static char *put_zeros(char *at, int count) {
  for (; count > 0; count--) *at++ = '0';
  return at;
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
  *at++ = 'e';
  if (exponent < 0) *at++ = '-';
  return at + write_natural((uint64_t)abs(exponent), at);
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
