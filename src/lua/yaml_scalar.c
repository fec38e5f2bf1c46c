/* What the core schema of YAML 1.2 makes of a plain scalar (yaml_scalar.h). */
#include "lua/yaml_scalar.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "lua/json.h"

struct number {
  bool negative;
  bool is_float;
  const char *whole, *fraction, *exponent; /* digits; the exponent with its sign */
  size_t whole_length, fraction_length, exponent_length;
};

static size_t count_digits(const char *s, const char *end) {
  const char *start = s;
  while (s < end && *s >= '0' && *s <= '9') s++;
  return (size_t)(s - start);
}

/* Reads [-+] digits [. digits] [e [-+] digits], with at least one digit before the exponent. */
static bool scan_number(const char *s, const char *end, struct number *n) {
  *n = (struct number){0};
  if (s < end && (*s == '-' || *s == '+')) n->negative = *s++ == '-';
  n->whole = s;
  s += n->whole_length = count_digits(s, end);
  if (s < end && *s == '.') {
    n->is_float = true;
    n->fraction = ++s;
    s += n->fraction_length = count_digits(s, end);
  }
  if (n->whole_length + n->fraction_length == 0) return false;
  if (s < end && (*s == 'e' || *s == 'E')) {
    n->is_float = true;
    n->exponent = ++s;
    if (s < end && (*s == '-' || *s == '+')) s++;
    size_t digits = count_digits(s, end);
    if (digits == 0) return false;
    s += digits;
    n->exponent_length = (size_t)(s - n->exponent);
  }
  return s == end;
}

/* Pushes the number's JSON spelling, which YAML relaxes: +1, 010, 1., .5 */
static void push_json_spelling(lua_State *L, const struct number *n) {
  size_t zeros = 0;
  while (zeros < n->whole_length && n->whole[zeros] == '0') zeros++;
  bool whole_is_zero = zeros == n->whole_length;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  if (n->negative && (n->is_float || !whole_is_zero)) luaL_addchar(&b, '-');
  if (whole_is_zero) luaL_addchar(&b, '0');
  luaL_addlstring(&b, n->whole + zeros, n->whole_length - zeros);
  if (n->is_float) {
    luaL_addchar(&b, '.');
    luaL_addlstring(&b, n->fraction_length ? n->fraction : "0",
                    n->fraction_length ? n->fraction_length : 1);
  }
  if (n->exponent) {
    luaL_addchar(&b, 'e');
    luaL_addlstring(&b, n->exponent, n->exponent_length);
  }
  luaL_pushresult(&b);
}

enum { PREFIXED_DIGITS_MAX = 512, DECIMAL_DIGITS_MAX = 640 };

/* The value of a digit to the base 1 << shift, or -1. */
static int digit_value(char c, int shift) {
  const char *digits = "0123456789abcdef";
  const char *found = memchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c, (size_t)1 << shift);
  return found ? (int)(found - digits) : -1;
}

/* Multiplies a decimal number, whose last digit is the first, and adds to it. Returns its new
 * length. */
static size_t multiply(unsigned char *decimal, size_t length, unsigned factor, unsigned carry) {
  for (size_t i = 0; i < length; i++, carry /= 10) {
    carry += decimal[i] * factor;
    decimal[i] = (unsigned char)(carry % 10);
  }
  for (; carry; carry /= 10) decimal[length++] = (unsigned char)(carry % 10);
  return length;
}

/* 0x1F and 0o17; nothing is pushed when it is neither, or too long. */
static bool push_prefixed_integer(lua_State *L, const char *text, size_t length) {
  if (length < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'o')) return false;
  int shift = text[1] == 'x' ? 4 : 3;
  unsigned char decimal[DECIMAL_DIGITS_MAX];
  size_t decimal_length = 0;
  if (length > PREFIXED_DIGITS_MAX + 2) return false;
  for (size_t i = 2; i < length; i++) {
    int digit = digit_value(text[i], shift);
    if (digit < 0) return false;
    decimal_length = multiply(decimal, decimal_length, 1U << shift, (unsigned)digit);
  }
  char spelling[DECIMAL_DIGITS_MAX];
  for (size_t i = 0; i < decimal_length; i++)
    spelling[i] = (char)('0' + decimal[decimal_length - 1 - i]);
  if (decimal_length == 0) spelling[decimal_length++] = '0';
  return json_push_number(L, spelling, decimal_length);
}

static bool push_number(lua_State *L, const char *text, size_t length) {
  struct number n;
  if (push_prefixed_integer(L, text, length)) return true;
  if (!scan_number(text, text + length, &n)) return false;
  push_json_spelling(L, &n);
  size_t spelling_length;
  const char *spelling = lua_tolstring(L, -1, &spelling_length);
  json_push_number(L, spelling, spelling_length);
  lua_remove(L, -2);
  return true;
}

enum word_kind { WORD_NULL, WORD_BOOLEAN, WORD_FLOAT };

static const struct word {
  const char *text;
  enum word_kind kind;
  double value;
} words[] = {
    {"", WORD_NULL, 0},
    {"~", WORD_NULL, 0},
    {"null", WORD_NULL, 0},
    {"Null", WORD_NULL, 0},
    {"NULL", WORD_NULL, 0},
    {"true", WORD_BOOLEAN, 1},
    {"True", WORD_BOOLEAN, 1},
    {"TRUE", WORD_BOOLEAN, 1},
    {"false", WORD_BOOLEAN, 0},
    {"False", WORD_BOOLEAN, 0},
    {"FALSE", WORD_BOOLEAN, 0},
    {".inf", WORD_FLOAT, INFINITY},
    {".Inf", WORD_FLOAT, INFINITY},
    {".INF", WORD_FLOAT, INFINITY},
    {"+.inf", WORD_FLOAT, INFINITY},
    {"+.Inf", WORD_FLOAT, INFINITY},
    {"+.INF", WORD_FLOAT, INFINITY},
    {"-.inf", WORD_FLOAT, -INFINITY},
    {"-.Inf", WORD_FLOAT, -INFINITY},
    {"-.INF", WORD_FLOAT, -INFINITY},
    {".nan", WORD_FLOAT, NAN},
    {".NaN", WORD_FLOAT, NAN},
    {".NAN", WORD_FLOAT, NAN},
};

static const struct word *find_word(const char *text, size_t length) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    const struct word *w = &words[i];
    if (strlen(w->text) == length && memcmp(w->text, text, length) == 0) return w;
  }
  return NULL;
}

void yaml_push_plain(lua_State *L, const char *text, size_t length) {
  const struct word *w = find_word(text, length);
  if (!w) {
    if (!push_number(L, text, length)) lua_pushlstring(L, text, length);
  } else if (w->kind == WORD_NULL) {
    lua_pushlightuserdata(L, NULL);
  } else if (w->kind == WORD_BOOLEAN) {
    lua_pushboolean(L, w->value != 0);
  } else {
    lua_pushnumber(L, w->value);
  }
}

static bool is_integer(lua_State *L) {
  size_t length;
  const char *digits = json_big_number(L, -1, &length);
  return lua_isinteger(L, -1) || (digits && !strpbrk(digits, ".eE"));
}

bool yaml_push_base64(lua_State *L, const char *text, size_t length) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  size_t count = 0, padding = 0;
  bool wrong = false;
  for (size_t i = 0; i < length && !wrong; i++) {
    char c = text[i], lower = (char)(c | 0x20);
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    bool letter = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    wrong = c == '=' ? ++padding > 2 : !letter || padding > 0;
    luaL_addchar(&b, c);
    count++;
  }
  luaL_pushresult(&b);
  if (!wrong && count % 4 == 0) return true;
  lua_pop(L, 1);
  return false;
}

bool yaml_apply_standard_tag(lua_State *L, const char *kind) {
  if (strcmp(kind, "null") == 0) return lua_islightuserdata(L, -1);
  if (strcmp(kind, "bool") == 0) return lua_isboolean(L, -1);
  if (strcmp(kind, "int") == 0) return is_integer(L);
  if (strcmp(kind, "float") != 0) return false;
  if (json_big_number(L, -1, NULL)) return true;
  if (lua_type(L, -1) != LUA_TNUMBER) return false;
  lua_pushnumber(L, lua_tonumber(L, -1));
  lua_replace(L, -2);
  return true;
}
