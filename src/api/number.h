/* JSON numbers as text and as C values, exactly: reading rounds correctly, writing gives the
 * shortest text that reads back as the same double. Does not depend on the locale. No Lua, no
 * allocation. */
#ifndef ANYREACH_NUMBER_H
#define ANYREACH_NUMBER_H

#include <stddef.h>
#include <stdint.h>

enum { NUMBER_TEXT_MAX = 32 };

enum number_kind {
  NUMBER_WRONG,   /* not a number by the grammar of RFC 8259 */
  NUMBER_INTEGER, /* no fraction, no exponent, within int64, not "-0" */
  NUMBER_FLOAT,   /* held by a double, rounded to nearest */
  NUMBER_BIG /* only its digits are exact: an integer beyond int64, or beyond a double's range */
};

struct number {
  enum number_kind kind;
  size_t length; /* bytes of the literal; when wrong, where it goes wrong */
  int64_t integer;
  double real;          /* the nearest double also for NUMBER_BIG: infinite or 0 beyond its range */
  const char *expected; /* when wrong: what the grammar expects there */
};

/* Reads the longest number at the start of `text`, which ends at `end`. */
struct number number_read(const char *text, const char *end);

/* Writes a finite double with a fraction or an exponent, so that it reads back as a float and not
 * as an integer: 1.0, 0.1, 1e300, -0.0. Returns the length; no NUL is written. */
size_t number_write_double(double value, char text[NUMBER_TEXT_MAX]);

/* Returns the length; no NUL is written. */
size_t number_write_integer(int64_t value, char text[NUMBER_TEXT_MAX]);

#endif
