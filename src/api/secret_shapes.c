#include "api/secret_shapes.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* {====== names ====== */

struct ending {
  const char *text;
  size_t length;
};

#define ENDING(text)                                                                               \
  { text, sizeof text - 1 }

/* Ends of the names of fields whose values are secret, in lower case, without "-" and "_". */
static const struct ending endings[] = {
    ENDING("token"),     ENDING("password"),   ENDING("passwd"),       ENDING("passphrase"),
    ENDING("secret"),    ENDING("secretkey"),  ENDING("patkey"),       ENDING("apikey"),
    ENDING("accesskey"), ENDING("privatekey"), ENDING("credential"),   ENDING("credentials"),
    ENDING("cookie"),    ENDING("signature"),  ENDING("authorization")};

enum { SHORTEST_ENDING = 5, SHORTEST_GROUP = sizeof "credential" - 1 };

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ends_with(const char *name, size_t length, const struct ending *ending) {
  size_t left = ending->length;
  while (left > 0 && length > 0) {
    char c = name[--length];
    if (c == '-' || c == '_') continue;
    if (lower(c) != ending->text[--left]) return false;
  }
  return left == 0;
}

bool secret_name(const char *name, size_t length) {
  if (length < SHORTEST_ENDING) return length == 3 && strncasecmp(name, "sig", 3) == 0;
  char last = lower(name[length - 1]), before = lower(name[length - 2]);
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    const char *end = endings[i].text + endings[i].length;
    if (end[-1] == last && end[-2] == before && ends_with(name, length, &endings[i])) return true;
  }
  return false;
}

bool secret_group_name(const char *name, size_t length) {
  static const struct ending groups[] = {ENDING("credential"), ENDING("credentials"),
                                         ENDING("authorization")};
  for (size_t i = 0; length >= SHORTEST_GROUP && i < sizeof groups / sizeof *groups; i++)
    if (ends_with(name, length, &groups[i])) return true;
  return false;
}

/* }====== */

/* {====== patterns ====== */

/* Words that are secrets: Lua patterns without backtracking, of single characters, classes and
 * sets, the first two once each. What follows "(" is the secret; without it all is. It has at least
 * `shortest` bytes and, where that is more than 0, a digit and more than one sign. Nothing of the
 * class `before` stands before it. */
static const struct word {
  char first[4]; /* the characters that the first item takes */
  const char *kind, *pattern;
  size_t shortest;
  const char *before;
} words[] = {
    {"e", "a JSON web token", "eyJ[%w_-]+%.eyJ[%w_-]+%.?[%w_-]*", 0, "[%w_-]"},
    {"s", "an API key", "sk-[%w_-]+", 20, "[%w_-]"},
    {"srp", "an API key", "[srp]k_%l+_%w+", 20, "[%w_-]"},
    {"a", "an API key", "ak_[%w-]+%.[%w_-]+", 20, "[%w_-]"},
    {"p", "an access token", "pat_[%w_-]+", 16, "[%w_-]"},
    {"g", "an access token", "gh[pousr]_%w+", 36, "[%w_-]"},
    {"g", "an access token", "github_pat_[%w_]+", 30, "[%w_-]"},
    {"x", "an access token", "xox[abeprs]-[%w-]+", 20, "[%w_-]"},
    {"A", "an API key", "AIza[%w_-]+", 39, "[%w_-]"},
    {"Bb", "a bearer token", "[Bb]earer%s+([%w%-._~+/]+=*", 12, "%a"},
    {"B", "a bearer token", "BEARER%s+([%w%-._~+/]+=*", 12, "%a"},
    {"Bb", "a password", "[Bb]asic%s+([%w%-._~+/]+=*", 16, "%a"},
};

enum { WORDS = sizeof words / sizeof *words };

static bool in_class(char class, unsigned char c) {
  switch (class) {
  case 'a': return c < 0x80 && isalpha(c);
  case 'l': return c >= 'a' && c <= 'z';
  case 's': return c == ' ' || (c >= '\t' && c <= '\r');
  case 'w': return c < 0x80 && isalnum(c);
  default: return (unsigned char)class == c;
  }
}

/* Whether the item of a pattern is for this byte; `*next` is what follows the item. */
static bool item_takes(const char *item, unsigned char c, const char **next) {
  bool takes = false;
  if (*item == '%') {
    *next = item + 2;
    return in_class(item[1], c);
  }
  if (*item != '[') {
    *next = item + 1;
    return (unsigned char)*item == c;
  }
  for (item++; *item != ']'; item++) {
    bool is_class = *item == '%';
    if (is_class) item++;
    if (is_class ? in_class(*item, c) : (unsigned char)*item == c) takes = true;
  }
  *next = item + 1;
  return takes;
}

/* Advances *at over what an item takes with its quantifier. False when it must take more. */
static bool pass_item(const char **item, const char *text, size_t length, size_t *at) {
  const char *next;
  size_t taken = 0;
  item_takes(*item, 0, &next);
  bool many = *next == '+' || *next == '*', optional = *next == '*' || *next == '?';
  while ((many || taken == 0) && *at < length &&
         item_takes(*item, (unsigned char)text[*at], &next)) {
    ++*at;
    taken++;
  }
  *item = next + (many || optional);
  return taken > 0 || optional;
}

static bool match(const char *pattern, const char *text, size_t length, size_t at,
                  struct secret_shape *shape) {
  shape->from = at;
  while (*pattern) {
    if (*pattern == '(') {
      shape->from = at;
      pattern++;
    }
    if (!pass_item(&pattern, text, length, &at)) return false;
  }
  shape->to = at;
  return true;
}

/* A long word with a digit, of no single sign, is a token; "Bearer authentication" has none. */
static bool is_token(const char *text, size_t length, size_t shortest) {
  bool has_digit = false, differ = false;
  for (size_t i = 0; i < length; i++) {
    has_digit = has_digit || (text[i] >= '0' && text[i] <= '9');
    differ = differ || text[i] != text[0];
  }
  return length >= shortest && has_digit && differ;
}

static bool is_word(const struct word *word, const char *text, size_t length, size_t at,
                    struct secret_shape *shape) {
  const char *next;
  if (!memchr(word->first, text[at], sizeof word->first)) return false;
  if (!match(word->pattern, text, length, at, shape)) return false;
  if (at > 0 && item_takes(word->before, (unsigned char)text[at - 1], &next)) return false;
  shape->kind = word->kind;
  return word->shortest == 0 ||
         is_token(text + shape->from, shape->to - shape->from, word->shortest);
}

/* }====== */

/* {====== other shapes ====== */

enum { LONGEST_NAME = 64, LONGEST_LABEL = 64, SHORTEST_VALUE = 6 };

static bool begins(const char *text, size_t length, size_t at, const char *beginning) {
  size_t wanted = strlen(beginning);
  return length - at >= wanted && memcmp(text + at, beginning, wanted) == 0;
}

/* Where a line such as "-----BEGIN RSA PRIVATE KEY-----" that is at `at` ends, or 0. */
static size_t label_end(const char *text, size_t length, size_t at, const char *beginning) {
  if (!begins(text, length, at, beginning)) return 0;
  at += strlen(beginning);
  for (size_t last = at + LONGEST_LABEL; at < length && at < last; at++) {
    if (begins(text, length, at, "PRIVATE KEY-----")) return at + strlen("PRIVATE KEY-----");
    if (text[at] != ' ' && !(text[at] >= 'A' && text[at] <= 'Z')) return 0;
  }
  return 0;
}

/* To its end, or to the end of a text in which it has none. */
static bool is_private_key(const char *text, size_t length, size_t at, struct secret_shape *shape) {
  size_t body = label_end(text, length, at, "-----BEGIN "), end = 0;
  if (body == 0) return false;
  while (body < length && end == 0) {
    const char *dashes = memchr(text + body, '-', length - body);
    if (!dashes) break;
    body = (size_t)(dashes - text);
    end = label_end(text, length, body++, "-----END ");
  }
  *shape = (struct secret_shape){at, end ? end : length, "a private key"};
  return true;
}

static bool all_of(const char *text, size_t length, const char *set) {
  const char *next;
  for (size_t i = 0; i < length; i++)
    if (!item_takes(set, (unsigned char)text[i], &next)) return false;
  return true;
}

static bool is_place(char first) {
  return memchr("{$<%[:", first, 6) != NULL;
}

/* Whether a value is still to be filled in, or the password of an example. */
static bool is_open(const char *value, size_t length) {
  static const char *const examples[] = {"pass", "passwd", "password", "secret", "[secret]"};
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
    if (strlen(examples[i]) == length && strncasecmp(value, examples[i], length) == 0) return true;
  return is_place(value[0]) || all_of(value, length, "[ABCDEFGHIJKLMNOPQRSTUVWXYZ_]") ||
         all_of(value, length, "[xX*.]");
}

static size_t run_end(const char *text, size_t length, size_t at, const char *stops) {
  size_t count = strlen(stops);
  while (at < length && !in_class('s', (unsigned char)text[at]) && !memchr(stops, text[at], count))
    at++;
  return at;
}

/* Whether a scheme stands before the colon at `at`. */
static bool has_scheme(const char *text, size_t at) {
  const char *next;
  while (at > 0 && item_takes("[%w+.-]", (unsigned char)text[at - 1], &next))
    if (in_class('a', (unsigned char)text[--at])) return true;
  return false;
}

/* scheme://user:password@host */
static bool is_password_in_url(const char *text, size_t length, size_t at,
                               struct secret_shape *shape) {
  if (!begins(text, length, at, "://") || !has_scheme(text, at)) return false;
  size_t user = run_end(text, length, at + 3, "/@:?#\"'");
  if (user >= length || text[user] != ':') return false;
  size_t end = run_end(text, length, user + 1, "/@?#\"'");
  *shape = (struct secret_shape){user + 1, end, "a password in a URL"};
  return end > shape->from && end < length && text[end] == '@' &&
         !is_open(text + shape->from, end - shape->from);
}

/* ?token=… or &token=… */
static bool is_parameter(const char *text, size_t length, size_t at, struct secret_shape *shape) {
  size_t name = at + 1, end = name;
  const char *next;
  while (end < length && item_takes("[%w_.-]", (unsigned char)text[end], &next)) end++;
  if (end == name || end == length || text[end] != '=') return false;
  if (!secret_name(text + name, end - name)) return false;
  size_t value = end + 1;
  if (value < length && is_place(text[value])) return false;
  size_t value_end = run_end(text, length, value, "&#\"'<>`\\");
  *shape = (struct secret_shape){value, value_end, "a token in a URL"};
  return value_end - value >= SHORTEST_VALUE && !is_open(text + value, value_end - value);
}

static size_t pass_space(const char *text, size_t length, size_t at) {
  while (at < length && in_class('s', (unsigned char)text[at])) at++;
  return at;
}

/* The quote before the name of a field that ends before `end`, or `end` when there is none. */
static size_t find_opening(const char *text, size_t end) {
  size_t at = end;
  char quote = text[end];
  while (at > 0 && end - at < LONGEST_NAME) {
    if (text[--at] == quote) return at;
    if (text[at] == '\n') break;
  }
  return end;
}

/* "token": "…" in a text that is no JSON, or was cut. */
static bool is_field(const char *text, size_t length, size_t at, struct secret_shape *shape) {
  size_t colon = pass_space(text, length, at + 1);
  if (colon >= length || text[colon] != ':') return false;
  size_t opening = find_opening(text, at);
  if (opening == at || !secret_name(text + opening + 1, at - opening - 1)) return false;
  size_t value = pass_space(text, length, colon + 1);
  if (value >= length || (text[value] != '"' && text[value] != '\'')) return false;
  char quote = text[value++];
  size_t end = value;
  while (end < length && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
  if (end > length) end = length;
  *shape = (struct secret_shape){value, end, "a field with the name of a secret"};
  return end - value >= SHORTEST_VALUE && !is_open(text + value, end - value);
}

bool secret_shape_at(const char *text, size_t length, size_t at, bool in_fields,
                     struct secret_shape *shape) {
  switch (text[at]) {
  case '-': return is_private_key(text, length, at, shape);
  case ':': return is_password_in_url(text, length, at, shape);
  case '?':
  case '&': return is_parameter(text, length, at, shape);
  case '"':
  case '\'': return in_fields && is_field(text, length, at, shape);
  default: break;
  }
  if (at > 0 && in_class('a', (unsigned char)text[at - 1])) return false; /* by all `before` */
  for (size_t i = 0; i < WORDS; i++)
    if (is_word(&words[i], text, length, at, shape)) return true;
  return false;
}

/* }====== */

/* {====== where one may begin ====== */

static void mark(unsigned char *pairs, unsigned char bit, const char *pattern) {
  const char *second, *next;
  char pair[2];
  for (int a = 1; a < 128; a++) {
    if (!item_takes(pattern, (unsigned char)a, &second)) continue;
    for (int b = 1; b < 128; b++) {
      pair[0] = (char)a, pair[1] = (char)b;
      if (item_takes(second, (unsigned char)b, &next)) pairs[secret_pair(pair)] |= bit;
    }
  }
}

void secret_mark_pairs(unsigned char pairs[SECRET_PAIRS], unsigned char bit) {
  static const char *const others[] = {"--", ":/", "[?&][%w_.-]", "[\"'][%s:]"};
  for (size_t i = 0; i < WORDS; i++) mark(pairs, bit, words[i].pattern);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) mark(pairs, bit, others[i]);
}

/* }====== */
