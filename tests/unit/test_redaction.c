/* Many strings found at once, and secrets hidden in texts and JSON: compared with slow and simple
 * ways to do the same, on random input. */
#include "../../src/api/redaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 1;

static unsigned random_below(unsigned limit) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % limit;
}

static void assert_text(const struct buf *actual, const char *expected) {
  assert_int_equal(actual->length, strlen(expected));
  assert_memory_equal(actual->data, expected, actual->length);
}

/* {====== needles ====== */

enum { LONGEST = 9, MANY = 40, TEXT = 300 };

/* Of two letters, so that they begin with and contain each other. */
static size_t random_letters(char *text, size_t longest) {
  size_t length = 1 + random_below((unsigned)longest);
  for (size_t i = 0; i < length; i++) text[i] = (char)('a' + random_below(2));
  return length;
}

static void the_longest_is_found_wherever_one_begins(void **state) {
  (void)state;
  for (int round = 0; round < 200; round++) {
    struct needles n = {0};
    char all[MANY][LONGEST], text[TEXT];
    size_t lengths[MANY], count = 1 + random_below(MANY), length = random_letters(text, TEXT);
    for (size_t i = 0; i < count; i++) {
      lengths[i] = random_letters(all[i], LONGEST);
      assert_true(needles_add(&n, all[i], lengths[i]));
      if (random_below(4) == 0) assert_true(needles_prepare(&n));
    }
    assert_true(needles_prepare(&n));
    for (size_t at = 0; at < length; at++) {
      size_t longest = 0;
      for (size_t i = 0; i < count; i++) {
        bool begins = lengths[i] <= length - at && memcmp(text + at, all[i], lengths[i]) == 0;
        if (begins && lengths[i] > longest) longest = lengths[i];
      }
      assert_int_equal(needles_match(&n, text + at, text + length), longest);
      if (longest >= NEEDLE_SHORTEST) assert_true(needles_may_begin(&n, text + at));
    }
    needles_free(&n);
  }
}

static size_t comparisons_for(unsigned count) {
  struct redactor r;
  struct buf out;
  char secret[32], text[20000];
  redactor_init(&r);
  buf_init(&out, 2 * sizeof text);
  for (unsigned i = 0; i < count; i++) {
    snprintf(secret, sizeof secret, "prefix-%08x", i * 2654435761u);
    assert_true(redactor_add(&r, secret, strlen(secret)));
  }
  assert_true(redactor_prepare(&r));
  for (size_t i = 0; i < sizeof text; i++) text[i] = "prefix-and more "[i % 16];
  assert_int_equal(redactor_text(&r, text, sizeof text, REDACT_KNOWN, &out), BUF_OK);
  assert_int_equal(out.length, sizeof text);
  size_t compared = r.known.compared;
  buf_free(&out);
  redactor_free(&r);
  return compared;
}

/* A hundred times as many secrets, in a text full of what they begin with, cost a few more steps.
 */
static void the_effort_hardly_grows_with_their_number(void **state) {
  (void)state;
  size_t few = comparisons_for(100), many = comparisons_for(10000);
  assert_true(few > 0);
  assert_true(many < 3 * few);
}

/* }====== */

/* {====== texts ====== */

static struct redactor redactor_of(const char *secret) {
  struct redactor r;
  redactor_init(&r);
  if (secret) assert_true(redactor_add(&r, secret, strlen(secret)));
  assert_true(redactor_prepare(&r));
  return r;
}

static void expect_shown(struct redactor *r, const char *text, unsigned parts,
                         const char *expected) {
  struct buf out;
  buf_init(&out, 100000);
  assert_int_equal(redactor_text(r, text, strlen(text), parts, &out), BUF_OK);
  assert_text(&out, expected);
  buf_free(&out);
}

static void encodings_are_seen_through(void **state) {
  (void)state;
  struct redactor r = redactor_of("hush/7c 55+\xC3\xA9\"");
  static const char *const forms[] = {"hush/7c 55+\xC3\xA9\"",
                                      "hush%2F7c%2055%2B%C3%A9%22",
                                      "hush%2f7c+55%2b%c3%a9%22",
                                      "%68%75%73%68%2F7c%2055%2b%c3%a9%22",
                                      "hush\\/7c 55+\\u00e9\\\"",
                                      "hush\\u002F7c 55+\\u00E9\\u0022",
                                      "hush\\\\/7c 55+\\\\u00e9\\\\\\\"",
                                      "hush%5C%2F7c%2055%2B%5Cu00e9%5C%22"};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    char text[200], expected[200];
    snprintf(text, sizeof text, "a=<%s>&b", forms[i]);
    expect_shown(&r, text, REDACT_KNOWN, "a=<[secret]>&b");
    snprintf(text, sizeof text, "%s%s", forms[i], forms[i]);
    snprintf(expected, sizeof expected, "[secret][secret]");
    expect_shown(&r, text, REDACT_KNOWN, expected);
  }
  redactor_free(&r);
}

static void codes_that_are_none_stay(void **state) {
  (void)state;
  struct redactor r = redactor_of("hush-hush");
  static const char *const texts[] = {"100%",  "%",       "%4",     "%zz%",           "\\",
                                      "\\u12", "\\ud800", "\\q%41", "\\ud83d\\ude00", "a+b",
                                      "",      "ab\\"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char text[100], expected[100];
    expect_shown(&r, texts[i], REDACT_KNOWN | REDACT_SHAPES, texts[i]);
    snprintf(text, sizeof text, "%s hush-hush%s", texts[i], texts[i]);
    snprintf(expected, sizeof expected, "%s [secret]%s", texts[i], texts[i]);
    expect_shown(&r, text, REDACT_KNOWN, expected);
  }
  redactor_free(&r);
}

static void overlapping_secrets_leave_nothing(void **state) {
  (void)state;
  struct redactor r = redactor_of("abcdef");
  assert_true(redactor_add(&r, "defghi", 6) && redactor_add(&r, "cd%65f", 6));
  assert_true(redactor_prepare(&r));
  expect_shown(&r, "xabcdefghix", REDACT_KNOWN, "x[secret]x");
  expect_shown(&r, "xabcd%65fghix", REDACT_KNOWN, "x[secret]x");
  redactor_free(&r);
}

/* }====== */

/* {====== JSON ====== */

static void expect_json(const char *text, unsigned indent, const char *expected) {
  struct redactor r = redactor_of("hush-hush");
  struct redaction_layout layout = {.indent = indent};
  struct buf out;
  buf_init(&out, 100000);
  int status = redactor_json(&r, text, strlen(text), &layout, &out);
  assert_int_equal(status, expected ? BUF_OK : REDACTION_NO_JSON);
  if (expected) assert_text(&out, expected);
  buf_free(&out);
  redactor_free(&r);
}

static void json_comes_out_as_it_was(void **state) {
  (void)state;
  static const char *const texts[] = {"{}",
                                      "[]",
                                      " [ ] ",
                                      "null",
                                      "-0.5e+3",
                                      "\"\"",
                                      "{\"a\" : [1, {\"b\":\"\\u00e9\\\"\\\\\"} ],\n\"a\":true}",
                                      "\"\xFF\xC3\"",
                                      "\"\x7F\"",
                                      "[\"\\ud83d\",0,1E9]",
                                      "{\"max_tokens\":12,\"name\":\"token\"}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect_json(texts[i], 0, texts[i]);
}

static void what_is_no_json_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",        " ",           "{",        "[1,]",       "[1 2]",
                                      "{\"a\"}", "{\"a\":}",    "{a:1}",    "{\"a\":1,}", "nul",
                                      "01",      "-",           "1.",       "1e",         "\"",
                                      "\"\\q\"", "\"\\u12g4\"", "\"\n\"",   "[1]]",       "tru",
                                      "\"a\"b",  "[\"",         "{\"a\":1", "+1",         "\"\\"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect_json(texts[i], 0, NULL);
  char deep[1100];
  memset(deep, '[', 520), memset(deep + 520, ']', 520), deep[1040] = '\0';
  expect_json(deep, 0, NULL);
  expect_json(deep + 10, 0, NULL); /* not balanced */
  deep[1030] = '\0';
  expect_json(deep + 10, 0, deep + 10);
}

static void json_is_laid_out(void **state) {
  (void)state;
  expect_json("{\"a\":[1,{ }, [ ] ],\"b\" :\"x\"}", 2,
              "{\n  \"a\": [\n    1,\n    {},\n    []\n  ],\n  \"b\": \"x\"\n}");
}

static void names_hide_values(void **state) {
  (void)state;
  expect_json("{\"t\\u006fken\":\"a\",\"Client-Secret\":7,\"passWord\":\"\",\"apiKey\":null,\"X-"
              "Api-Key\":[\"a\",true,{\"b\":2}]}",
              0,
              "{\"t\\u006fken\":\"[secret]\",\"Client-Secret\":\"[secret]\",\"passWord\":\"\","
              "\"apiKey\":null,"
              "\"X-Api-Key\":[\"[secret]\",true,{\"b\":\"[secret]\"}]}");
  expect_json("[{\"name\":\"X-Api-Key\",\"value\":\"abc\"},{\"value\":{\"a\":1},\"key\":"
              "\"Authorization\"}]",
              0,
              "[{\"name\":\"X-Api-Key\",\"value\":\"[secret]\"},{\"value\":\"[secret]\",\"key\":"
              "\"Authorization\"}]");
  expect_json("[{\"name\":\"Color\",\"value\":\"abc\"},{\"value\":true,\"name\":\"token\"},{"
              "\"value\":\"\",\"name\":\"token\"}]",
              0,
              "[{\"name\":\"Color\",\"value\":\"abc\"},{\"value\":true,\"name\":\"token\"},{"
              "\"value\":\"\",\"name\":\"token\"}]");
}

static void an_input_that_was_refused_is_hidden(void **state) {
  (void)state;
  expect_json("[{\"loc\":[\"body\",\"token\",0],\"input\":\"abc\"}]", 0,
              "[{\"loc\":[\"body\",\"token\",0],\"input\":\"[secret]\"}]");
  expect_json("[{\"input\":\"abc\",\"loc\":[\"body\",\"name\"]}]", 0,
              "[{\"input\":\"abc\",\"loc\":[\"body\",\"name\"]}]");
}

static void known_secrets_and_addresses_are_hidden(void **state) {
  (void)state;
  expect_json("{\"hush-hush\":\"a hush\\u002dhush\\n\"}", 0, "{\"[secret]\":\"a [secret]\\n\"}");
  expect_json("{\"presigned_url\":\"https://a/b?c=1\",\"download_url\":\"https:\\/\\/a/"
              "b?c=1\",\"url\":\"http://a?c=1\"}",
              0,
              "{\"presigned_url\":\"https://a/b?[secret]\",\"download_url\":\"https:\\/\\/a/"
              "b?[secret]\",\"url\":\"http://a?c=1\"}");
}

/* Cut anywhere, or with a byte changed, a document is refused or comes out, and is never overrun.
 */
static void damaged_documents_do_no_harm(void **state) {
  (void)state;
  static const char text[] =
      "{\"a\":[1.5e3,{\"name\":\"token\",\"value\":\"\\u00e9\\n%41 hush-hush\"},true],"
      "\"token\":\"Bearer abc123abc123abc\",\"u\":\"https://a:b1c2d3@h/?token=abcdef&sig=123456\"}";
  struct redactor r = redactor_of("hush-hush");
  for (int round = 0; round < 4000; round++) {
    size_t length = random_below(sizeof text);
    char *copy = malloc(length + 1);
    memcpy(copy, text, length);
    for (unsigned i = random_below(4); length > 0 && i > 0; i--)
      copy[random_below((unsigned)length)] = (char)random_below(256);
    struct redaction_layout layout = {.indent = random_below(2) * 2};
    struct buf out;
    buf_init(&out, 100000);
    int status = redactor_json(&r, copy, length, &layout, &out);
    assert_true(status == BUF_OK || status == REDACTION_NO_JSON);
    out.length = 0;
    unsigned parts = random_below(32);
    assert_int_equal(redactor_text(&r, copy, length, parts, &out), BUF_OK);
    if (parts & REDACT_KNOWN && out.length)
      assert_null(memmem(out.data, out.length, "hush-hush", 9));
    buf_free(&out);
    free(copy);
  }
  redactor_free(&r);
}

/* }====== */

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_longest_is_found_wherever_one_begins),
                                     cmocka_unit_test(the_effort_hardly_grows_with_their_number),
                                     cmocka_unit_test(encodings_are_seen_through),
                                     cmocka_unit_test(codes_that_are_none_stay),
                                     cmocka_unit_test(overlapping_secrets_leave_nothing),
                                     cmocka_unit_test(json_comes_out_as_it_was),
                                     cmocka_unit_test(what_is_no_json_is_refused),
                                     cmocka_unit_test(json_is_laid_out),
                                     cmocka_unit_test(names_hide_values),
                                     cmocka_unit_test(an_input_that_was_refused_is_hidden),
                                     cmocka_unit_test(known_secrets_and_addresses_are_hidden),
                                     cmocka_unit_test(damaged_documents_do_no_harm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
