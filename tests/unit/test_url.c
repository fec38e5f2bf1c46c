/* Building URLs: whatever a value holds, it stays one segment or one query value. */
#include "../../src/net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_text(struct buf *b, const char *expected) {
  assert_string_equal(buf_text(b), expected);
  buf_free(b);
}

static void encodes_all_but_unreserved(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 4096);
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  assert_int_equal(url_append_encoded(&b, plain, sizeof plain - 1), BUF_OK);
  check_text(&b, plain);
  static const char odd[] = "+ /?#%&=;:@!$'()*,[]\"<>\\^`{|}\x7f\0\r\n\xc3\xbc";
  assert_int_equal(url_append_encoded(&b, odd, sizeof odd - 1), BUF_OK);
  check_text(
      &b, "%2B%20%2F%3F%23%25%26%3D%3B%3A%40%21%24%27%28%29%2A%2C%5B%5D%22%3C%3E%5C%5E%60%7B%7C%7D"
          "%7F%00%0D%0A%C3%BC");
}

static void decodes_what_it_encodes(void **state) {
  (void)state;
  char bytes[256];
  struct buf encoded, decoded;
  buf_init(&encoded, 4096);
  buf_init(&decoded, 4096);
  for (int i = 0; i < 256; i++) bytes[i] = (char)i;
  assert_int_equal(url_append_encoded(&encoded, bytes, sizeof bytes), BUF_OK);
  assert_int_equal(url_append_decoded(&decoded, encoded.data, encoded.length), BUF_OK);
  assert_int_equal(decoded.length, sizeof bytes);
  assert_memory_equal(decoded.data, bytes, sizeof bytes);
  buf_free(&encoded);
  buf_free(&decoded);
}

static void leaves_broken_escapes_alone(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  static const char text[] = "a%4%zz%2%%41%4a%";
  assert_int_equal(url_append_decoded(&b, text, sizeof text - 1), BUF_OK);
  check_text(&b, "a%4%zz%2%AJ%");
}

static void reads_no_escape_beyond_the_end(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  assert_int_equal(url_append_decoded(&b, "x%41", 3), BUF_OK);
  check_text(&b, "x%4");
  assert_int_equal(url_append_decoded(&b, "%4a%4A%4f", 9), BUF_OK);
  check_text(&b, "JJO");
}

static void knows_what_can_be_a_segment(void **state) {
  (void)state;
  assert_true(url_is_segment("a", 1));
  assert_true(url_is_segment("...", 3));
  assert_true(url_is_segment(".a", 2));
  assert_true(url_is_segment("a/..", 4));
  assert_true(url_is_segment("\0", 1));
  assert_false(url_is_segment("", 0));
  assert_false(url_is_segment(".", 1));
  assert_false(url_is_segment("..", 2));
}

static void fills_templates(void **state) {
  (void)state;
  struct buf b;
  buf_init(&b, 100);
  const struct url_value values[] = {{.bytes = "a/b", .length = 3}, {.bytes = "7", .length = 1}};
  assert_int_equal(url_append_path(&b, "/x/{one}/y/{two}", values), BUF_OK);
  check_text(&b, "/x/a%2Fb/y/7");
  assert_int_equal(url_append_path(&b, "/x/{one}/{two}/z", values), BUF_OK);
  check_text(&b, "/x/a%2Fb/7/z");
  assert_int_equal(url_append_path(&b, "/plain", NULL), BUF_OK);
  check_text(&b, "/plain");
  assert_int_equal(url_append_path(&b, "/x/{unclosed", values), BUF_OK);
  check_text(&b, "/x/a%2Fb");
}

static void builds_queries(void **state) {
  (void)state;
  struct buf b;
  bool first = true;
  buf_init(&b, 100);
  assert_int_equal(url_append_query(&b, &first, "a b", "1&2", 3), BUF_OK);
  assert_int_equal(url_append_query(&b, &first, "a b", "", 0), BUF_OK);
  assert_false(first);
  check_text(&b, "?a%20b=1%262&a%20b=");
}

static void reports_a_full_buffer(void **state) {
  (void)state;
  struct buf b;
  bool first = true;
  const struct url_value value = {.bytes = "++++", .length = 4};
  buf_init(&b, 8);
  assert_int_equal(url_append_encoded(&b, "++++", 4), BUF_FULL);
  assert_int_equal(url_append_encoded(&b, "x", SIZE_MAX), BUF_FULL);
  assert_int_equal(url_append_path(&b, "/{x}", &value), BUF_FULL);
  assert_int_equal(url_append_query(&b, &first, "name", "value", 5), BUF_FULL);
  buf_free(&b);
}

static void knows_a_base_url(void **state) {
  (void)state;
  static const char *const fine[] = {
      "https://api.anyreach.ai", "https://x/y",  "http://localhost",        "http://LOCALHOST:8080",
      "http://127.0.0.1:1",      "http://[::1]", "http://127.255.255.255/", NULL};
  static const char *const wrong[] = {"",
                                      "api.anyreach.ai",
                                      "//api.anyreach.ai",
                                      "https://",
                                      "http://api.anyreach.ai",
                                      "http://127.0.0.1.evil.example",
                                      "http://127.evil.example",
                                      "http://127.0.0.256",
                                      "http://127.0.0.1.1",
                                      "http://127.",
                                      "http://localhost.evil.example",
                                      "http://localhost@evil.example",
                                      "http://[::2]",
                                      "http://10.0.0.1",
                                      "ftp://localhost",
                                      "file:///etc/passwd",
                                      "https://me@x",
                                      "https://me:pw@x",
                                      "https://x?y",
                                      "https://x#y",
                                      "https://x/ y",
                                      "https://x\r\n",
                                      "https://x:99999",
                                      NULL};
  for (int i = 0; fine[i]; i++) {
    const char *problem = NULL;
    if (!url_is_base(fine[i], &problem)) fail_msg("%s: %s", fine[i], problem);
  }
  for (int i = 0; wrong[i]; i++) {
    const char *problem = NULL;
    if (url_is_base(wrong[i], &problem)) fail_msg("%s was accepted", wrong[i]);
    assert_non_null(problem);
  }
}

/* Each with a word of what is said about it; NULL: nothing is wrong. */
static void says_what_makes_a_url_unsafe(void **state) {
  (void)state;
  static const struct {
    const char *url, *problem;
  } rows[] = {
      {"https://api.anyreach.ai/x?y=1#z", NULL},
      {"http://localhost/?y", NULL},
      {"https://x/ y", "space or control"},
      {"https://x/\x7f", "space or control"},
      {"https://x/\t", "space or control"},
      {"https://x:99999", "not a URL"},
      {"ftp://localhost", "https://"},
      {"http://api.anyreach.ai", "only for this machine"},
      {"https://me@x", "user name or password"},
      {"https://:pw@x", "user name or password"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *problem = "not set";
    bool is_safe = url_is_safe(rows[i].url, &problem);
    assert_int_equal(is_safe, rows[i].problem == NULL);
    if (is_safe)
      assert_null(problem);
    else if (!problem || !strstr(problem, rows[i].problem))
      fail_msg("%s: %s", rows[i].url, problem ? problem : "no problem");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(encodes_all_but_unreserved),
      cmocka_unit_test(decodes_what_it_encodes),
      cmocka_unit_test(leaves_broken_escapes_alone),
      cmocka_unit_test(knows_what_can_be_a_segment),
      cmocka_unit_test(fills_templates),
      cmocka_unit_test(builds_queries),
      cmocka_unit_test(reports_a_full_buffer),
      cmocka_unit_test(knows_a_base_url),
      cmocka_unit_test(says_what_makes_a_url_unsafe),
      cmocka_unit_test(reads_no_escape_beyond_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
