/* Notes of attempts: copies, kept in order. */
#include "../../src/net/observer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

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
                                         .too_large = true,
                                         .error = "why",
                                         .started = loop_now() - 1,
                                         .elapsed = 0.5}};
  sample->transfer.probe = &sample->probe;
  buf_init(&sample->probe.sent_headers, 100);
  buf_init(&sample->transfer.response_headers, 100);
  buf_init(&sample->transfer.response_body, 100);
  buf_append_text(&sample->probe.sent_headers, "POST /x HTTP/1.1\r\n");
  buf_append_text(&sample->transfer.response_headers, "HTTP/1.1 200 OK\r\n");
  buf_append_text(&sample->transfer.response_body, "[]");
  sample->probe.bytes_out = 18;
}

static void empty(struct sample *sample) {
  http_probe_free(&sample->probe);
  buf_free(&sample->transfer.response_headers);
  buf_free(&sample->transfer.response_body);
}

static void note(struct observer *observer, struct sample *sample, enum observed_end end) {
  struct observed observed = {.transfer = &sample->transfer,
                              .attempt = 2,
                              .end = end,
                              .presigned = true,
                              .began = loop_now() - 3};
  observer_note(observer, &observed);
}

static void assert_text(const struct buf *actual, const char *expected) {
  assert_int_equal(actual->length, strlen(expected));
  assert_memory_equal(actual->data, expected, actual->length);
}

static void notes_outlive_the_request(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = true};
  struct sample sample;
  fill(&sample);
  note(&observer, &sample, OBSERVED_LAST);
  empty(&sample);
  const struct observation *first = observer.first;
  assert_text(&first->method, "POST");
  assert_text(&first->url, "https://api.invalid/x");
  assert_text(&first->request_body, "{}");
  assert_text(&first->response_headers, "HTTP/1.1 200 OK\r\n");
  assert_text(&first->response_body, "[]");
  assert_text(&first->probe.sent_headers, "POST /x HTTP/1.1\r\n");
  assert_int_equal(first->probe.bytes_out, 18);
  assert_string_equal(first->error, "why");
  assert_int_equal(first->attempt, 2);
  assert_int_equal(first->status, 200);
  assert_int_equal(first->verdict, CURLE_OK);
  assert_true(first->too_large && first->presigned);
  assert_true(first->elapsed == 0.5);
  observer_free(&observer);
}

/* By the clock of the wall, and by one that never jumps; however slow the machine is. */
static void notes_say_when(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = false};
  struct sample sample;
  time_t before = time(NULL);
  double start = loop_now();
  fill(&sample);
  note(&observer, &sample, OBSERVED_GIVEN_UP);
  double took = loop_now() - start, slack = took + 1;
  const struct observation *first = observer.first;
  assert_true(first->elapsed >= 1 && first->elapsed <= 1 + took);
  assert_true(first->total >= 3 && first->total <= 3 + took);
  assert_true(fabs(first->started - ((double)before - 1)) <= 1 + slack);
  empty(&sample);
  observer_free(&observer);
}

static void who_waits_has_no_answer_of_its_own(void **state) {
  (void)state;
  struct observer observer = {.wants_contents = false};
  struct sample sample;
  fill(&sample);
  note(&observer, &sample, OBSERVED_ABANDONED);
  note(&observer, &sample, OBSERVED_GIVEN_UP);
  const struct observation *abandoned = observer.first, *given_up = abandoned->next;
  assert_int_equal(abandoned->status, 0);
  assert_int_equal(abandoned->verdict, CURLE_ABORTED_BY_CALLBACK);
  assert_true(abandoned->elapsed == 0.5);
  assert_int_equal(given_up->status, 200);
  assert_int_equal(given_up->verdict, CURLE_ABORTED_BY_CALLBACK);
  empty(&sample);
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
  note(&observer, &sample, OBSERVED_LAST);
  assert_int_equal(observer.first->next->end, OBSERVED_LAST);
  observer_drop_first(&observer);
  assert_int_equal(observer.first->end, OBSERVED_LAST);
  observer_drop_first(&observer);
  assert_null(observer.first);
  note(&observer, &sample, OBSERVED_LAST);
  note(&observer, &sample, OBSERVED_REPEATED);
  assert_int_equal(observer.first->end, OBSERVED_LAST);
  assert_int_equal(observer.first->next->end, OBSERVED_REPEATED);
  assert_null(observer.first->next->next);
  empty(&sample);
  observer_free(&observer);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(notes_outlive_the_request),
                                     cmocka_unit_test(notes_say_when),
                                     cmocka_unit_test(who_waits_has_no_answer_of_its_own),
                                     cmocka_unit_test(contents_are_kept_only_when_wanted),
                                     cmocka_unit_test(notes_are_taken_in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
