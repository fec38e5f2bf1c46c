/* Notes of attempts: copies, kept in order. */
#include "../../src/net/observer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct sample {
  struct http_transfer transfer;
  struct http_probe probe;
};

static void fill(struct sample *sample) {
  *sample = (struct sample){.transfer = {.method = "POST",
                                         .url = "https://api.invalid/x",
                                         .body = "{}",
                                         .body_length = 2,
                                         .status = 200,
                                         .started = loop_now() - 1,
                                         .elapsed = 0.5}};
  sample->transfer.probe = &sample->probe;
  buf_init(&sample->probe.sent_headers, 100);
  buf_init(&sample->transfer.response_headers, 100);
  buf_init(&sample->transfer.response_body, 100);
  buf_append_text(&sample->probe.sent_headers, "POST /x HTTP/1.1\r\n");
  buf_append_text(&sample->transfer.response_body, "[]");
}

static void empty(struct sample *sample) {
  http_probe_free(&sample->probe);
  buf_free(&sample->transfer.response_headers);
  buf_free(&sample->transfer.response_body);
}

static void note(struct observer *observer, struct sample *sample, enum observed_end end) {
  struct observed observed = {
      .transfer = &sample->transfer, .attempt = 2, .end = end, .began = loop_now() - 3};
  observer_note(observer, &observed);
}

static void notes_outlive_the_request(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = true};
  struct sample sample;
  fill(&sample);
  note(&observer, &sample, OBSERVED_LAST);
  empty(&sample);
  const struct observation *first = observer.first;
  assert_memory_equal(first->url.data, "https://api.invalid/x", first->url.length);
  assert_memory_equal(first->request_body.data, "{}", first->request_body.length);
  assert_memory_equal(first->response_body.data, "[]", first->response_body.length);
  assert_int_equal(first->probe.sent_headers.length, strlen("POST /x HTTP/1.1\r\n"));
  assert_int_equal(first->attempt, 2);
  assert_true(first->total >= 3 && first->elapsed < 1);
  observer_free(&observer);
}

static void contents_are_kept_only_when_wanted(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = false};
  struct sample sample;
  fill(&sample);
  note(&observer, &sample, OBSERVED_LAST);
  assert_int_equal(observer.first->request_body.length, 0);
  assert_int_equal(observer.first->response_body.length, 0);
  assert_int_equal(observer.first->request_length, 2);
  empty(&sample);
  observer_free(&observer);
}

static void notes_are_taken_in_order(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = false};
  struct sample sample;
  fill(&sample);
  note(&observer, &sample, OBSERVED_REPEATED);
  note(&observer, &sample, OBSERVED_GIVEN_UP);
  assert_int_equal(observer.first->end, OBSERVED_REPEATED);
  observer_drop_first(&observer);
  assert_int_equal(observer.first->end, OBSERVED_GIVEN_UP);
  assert_true(observer.first->elapsed >= 1);
  assert_int_not_equal(observer.first->verdict, CURLE_OK);
  observer_drop_first(&observer);
  assert_null(observer.first);
  note(&observer, &sample, OBSERVED_LAST);
  assert_non_null(observer.first);
  empty(&sample);
  observer_free(&observer);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(notes_outlive_the_request),
                                     cmocka_unit_test(contents_are_kept_only_when_wanted),
                                     cmocka_unit_test(notes_are_taken_in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
