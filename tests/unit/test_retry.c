/* What is sent again and when, and Retry-After: whatever a server sends, the wait is sane. */
#include "../../src/net/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1445412480 }; /* Wed, 21 Oct 2015 07:28:00 GMT */

static double seconds(const char *text) {
  return retry_after_seconds(text, strlen(text), NOW);
}

static void understands_seconds(void **state) {
  (void)state;
  assert_true(seconds("0") == 0);
  assert_true(seconds("7") == 7);
  assert_true(seconds("0.5") == 0.5);
  assert_true(seconds("3600") == 3600);
}

static void understands_dates(void **state) {
  (void)state;
  assert_true(seconds("Wed, 21 Oct 2015 07:28:30 GMT") == 30);
  assert_true(seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  assert_true(seconds("Wednesday, 21-Oct-15 07:28:30 GMT") == 30);
  assert_true(seconds("Wed Oct 21 07:28:30 2015") == 30);
}

static void clamps(void **state) {
  (void)state;
  assert_true(seconds("3601") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("99999999999999999999") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("1e300") == RETRY_AFTER_MAX_SECONDS);
  assert_true(seconds("Wed, 21 Oct 2015 07:27:00 GMT") == 0);
  assert_true(seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  assert_true(seconds("Sun, 21 Oct 2035 07:28:00 GMT") == RETRY_AFTER_MAX_SECONDS);
}

static void refuses_the_rest(void **state) {
  (void)state;
  static const char *const texts[] = {"",   "soon", "-5",  "7 seconds", "7,8",
                                      "+7", " 7",   "NaN", "inf",       NULL};
  for (int i = 0; texts[i]; i++)
    if (seconds(texts[i]) != -1) fail_msg("'%s' was understood", texts[i]);
  char endless[100];
  memset(endless, '1', sizeof endless);
  assert_true(retry_after_seconds(endless, sizeof endless, NOW) == -1);
  memset(endless, '0',
         sizeof endless); /* the shortest text that is too long, and the longest one that is not */
  assert_true(retry_after_seconds(endless, 64, NOW) == -1);
  assert_true(retry_after_seconds(endless, 63, NOW) == 0);
}

static void reads_no_further_than_it_may(void **state) {
  (void)state;
  assert_true(retry_after_seconds("78", 1, NOW) == 7);
}

/* As servers write it, by RateLimit, RateLimit-Reset and X-RateLimit-Reset. */
static void understands_resets(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } rows[] = {{"30", 30},
              {"0", 0},
              {"0.5", 0.5},
              {"120", 120},
              {"1445412490", 10},
              {"1445412490000", 10},
              {"1445412400", 0}, /* past */
              {"\"default\";r=0;t=30", 30},
              {"\"default\";r=50", -1},
              {"\"a\";t=7, \"b\";t=9", 7},
              {"limit=100, remaining=0, reset=5", 5},
              {"t=3", 3},
              {"121", -1},
              {"1445416080", -1},
              {"2513", -1},
              {"", -1},
              {"soon", -1},
              {"-5", -1},
              {"t=x", -1},
              {"30 s", 30},
              {"30s", -1},
              {"1e300", -1},
              {"Wed, 21 Oct 2015 07:28:30 GMT", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double actual = retry_reset_seconds(rows[i].text, strlen(rows[i].text), NOW);
    if (actual != rows[i].seconds) fail_msg("'%s': %g", rows[i].text, actual);
  }
  char endless[200];
  memset(endless, '1', sizeof endless);
  assert_true(retry_reset_seconds(endless, sizeof endless, NOW) == -1);
  assert_true(retry_reset_seconds("78", 1, NOW) == 7);
}

/* {====== what is sent again ====== */

enum {
  SAFE = 1,
  IDEMPOTENT = 2,
  NEVER = 4,
  REPEATABLE = SAFE | IDEMPOTENT,
  ALL = REPEATABLE | NEVER
};

struct row {
  struct retry_outcome outcome;
  unsigned allowed; /* the classes that may be sent again */
  bool throttled;
};

/* A status with the seconds of its Retry-After, and a failure before or after something was sent.
 */
#define ANSWER(code, after)                                                                        \
  { .verdict = CURLE_OK, .status = (code), .may_have_been_sent = true, .retry_after = (after) }
#define FAILURE(code, sent)                                                                        \
  { .verdict = (code), .may_have_been_sent = (sent), .retry_after = -1 }

static const struct row rows[] = {
    {ANSWER(200, -1), 0, false},
    {ANSWER(204, 5), 0, false},
    {ANSWER(302, -1), 0, false},
    {ANSWER(400, -1), 0, false},
    {ANSWER(401, -1), 0, false},
    {ANSWER(404, 5), 0, false},
    {ANSWER(409, -1), 0, false},
    {ANSWER(422, -1), 0, false},
    {ANSWER(501, -1), 0, false},
    {ANSWER(408, -1), REPEATABLE, false},
    {ANSWER(500, -1), REPEATABLE, false},
    {ANSWER(500, 5), REPEATABLE, false},
    {ANSWER(502, -1), REPEATABLE, false},
    {ANSWER(503, -1), REPEATABLE, false},
    {ANSWER(504, 5), REPEATABLE, false},
    {ANSWER(429, -1), ALL, true},
    {ANSWER(429, 0), ALL, true},
    {ANSWER(429, 5), ALL, true},
    {ANSWER(429, RETRY_LONGEST_WAIT), ALL, true},
    {ANSWER(429, RETRY_LONGEST_WAIT + 1), 0, true},
    {ANSWER(429, RETRY_AFTER_MAX_SECONDS), 0, true},
    {ANSWER(503, 0), ALL, true},
    {ANSWER(503, 5), ALL, true},
    {ANSWER(503, RETRY_LONGEST_WAIT + 1), 0, true},
    {ANSWER(500, RETRY_LONGEST_WAIT + 1), 0, false},
    {FAILURE(CURLE_COULDNT_RESOLVE_HOST, false), ALL, false},
    {FAILURE(CURLE_COULDNT_CONNECT, false), ALL, false},
    {FAILURE(CURLE_SSL_CONNECT_ERROR, false), ALL, false},
    {FAILURE(CURLE_OPERATION_TIMEDOUT, false), ALL, false},
    {FAILURE(CURLE_OPERATION_TIMEDOUT, true), REPEATABLE, false},
    {FAILURE(CURLE_SEND_ERROR, true), REPEATABLE, false},
    {FAILURE(CURLE_SEND_FAIL_REWIND, true), REPEATABLE, false},
    {FAILURE(CURLE_RECV_ERROR, true), REPEATABLE, false},
    {FAILURE(CURLE_GOT_NOTHING, true), REPEATABLE, false},
    {FAILURE(CURLE_PARTIAL_FILE, true), REPEATABLE, false},
    {FAILURE(CURLE_HTTP2, true), REPEATABLE, false},
    {FAILURE(CURLE_HTTP2_STREAM, true), REPEATABLE, false},
    {FAILURE(CURLE_PEER_FAILED_VERIFICATION, false), 0, false},
    {FAILURE(CURLE_SSL_CACERT_BADFILE, false), 0, false},
    {FAILURE(CURLE_URL_MALFORMAT, false), 0, false},
    {FAILURE(CURLE_UNSUPPORTED_PROTOCOL, false), 0, false},
    {FAILURE(CURLE_WRITE_ERROR, true), 0, false},
    {FAILURE(CURLE_BAD_CONTENT_ENCODING, true), 0, false},
    {FAILURE(CURLE_OUT_OF_MEMORY, false), 0, false},
};

static unsigned classes_allowed(const struct retry_outcome *outcome) {
  return (retry_is_allowed(RETRY_SAFE, outcome) ? SAFE : 0) |
         (retry_is_allowed(RETRY_IDEMPOTENT, outcome) ? IDEMPOTENT : 0) |
         (retry_is_allowed(RETRY_NEVER, outcome) ? NEVER : 0);
}

static void knows_what_may_be_sent_again(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct retry_outcome *outcome = &rows[i].outcome;
    if (classes_allowed(outcome) != rows[i].allowed)
      fail_msg("verdict %d, status %ld, Retry-After %g: classes %u", outcome->verdict,
               outcome->status, outcome->retry_after, classes_allowed(outcome));
    assert_int_equal(retry_is_rate_limited(outcome), rows[i].throttled);
  }
}

/* Whatever curl or a server may come up with: once means once. */
static void never_repeats_what_may_have_arrived(void **state) {
  (void)state;
  for (int verdict = 1; verdict < CURL_LAST; verdict++) {
    for (long status = 0; status < 600; status += 100) {
      struct retry_outcome outcome = {verdict, status, true, -1};
      assert_false(retry_is_allowed(RETRY_NEVER, &outcome));
      assert_false(retry_is_rate_limited(&outcome));
    }
  }
  for (long status = 0; status < 1000; status++) {
    struct retry_outcome outcome = ANSWER(status, -1);
    assert_int_equal(retry_is_allowed(RETRY_NEVER, &outcome), status == 429);
  }
}

/* A broken answer that begins with 429 is a broken answer. */
static void a_refusal_is_a_whole_answer(void **state) {
  (void)state;
  struct retry_outcome outcome = {CURLE_PARTIAL_FILE, 429, true, 1};
  assert_false(retry_is_rate_limited(&outcome));
  assert_int_equal(classes_allowed(&outcome), REPEATABLE);
}

/* }====== */

static double delay(unsigned attempt, double retry_after, double random) {
  struct retry_outcome outcome = ANSWER(503, retry_after);
  return retry_delay(attempt, &outcome, random);
}

static void waits_longer_each_time(void **state) {
  (void)state;
  static const struct {
    unsigned attempt;
    double ceiling;
  } ceilings[] = {{0, 0.5}, {1, 0.5}, {2, 1},  {3, 2},   {4, 4},          {5, 8},
                  {6, 16},  {7, 30},  {8, 30}, {31, 30}, {UINT32_MAX, 30}};
  for (size_t i = 0; i < sizeof ceilings / sizeof *ceilings; i++) {
    assert_true(delay(ceilings[i].attempt, -1, 0) == 0);
    assert_true(delay(ceilings[i].attempt, -1, 0.5) == ceilings[i].ceiling / 2);
    assert_true(delay(ceilings[i].attempt, -1, 0.999) < ceilings[i].ceiling);
  }
}

static void waits_as_long_as_asked(void **state) {
  (void)state;
  assert_true(delay(1, 7, 0) == 7);
  assert_true(delay(1, 7, 0.999) == 7);
  assert_true(delay(5, 1, 0.5) == 4);
  assert_true(delay(1, 0, 0.5) == 0.25);
  assert_true(delay(1, RETRY_LONGEST_WAIT, 0) == RETRY_LONGEST_WAIT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(understands_seconds),
      cmocka_unit_test(understands_dates),
      cmocka_unit_test(clamps),
      cmocka_unit_test(refuses_the_rest),
      cmocka_unit_test(reads_no_further_than_it_may),
      cmocka_unit_test(understands_resets),
      cmocka_unit_test(knows_what_may_be_sent_again),
      cmocka_unit_test(never_repeats_what_may_have_arrived),
      cmocka_unit_test(a_refusal_is_a_whole_answer),
      cmocka_unit_test(waits_longer_each_time),
      cmocka_unit_test(waits_as_long_as_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
