#include "net/observer.h"

#include <stdlib.h>
#include <time.h>

static double seconds_since_1970(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void free_observation(struct observation *note) {
  buf_free(&note->method);
  buf_free(&note->url);
  buf_wipe(&note->request_body);
  buf_free(&note->response_headers);
  buf_free(&note->response_body);
  tap_free(&note->tap);
  free(note);
}

static int copy(struct buf *target, const void *bytes, size_t length) {
  buf_init(target, length);
  return length ? buf_append(target, bytes, length) : BUF_OK;
}

static int copy_texts(struct observation *note, const struct http_request *http) {
  int status = copy(&note->method, http->method, strlen(http->method));
  if (status == BUF_OK) status = copy(&note->url, http->url, strlen(http->url));
  const struct buf *sent = &http->tap->sent_headers;
  if (status == BUF_OK) status = copy(&note->tap.sent_headers, sent->data, sent->length);
  return status;
}

static int copy_contents(struct observation *note, const struct http_request *http) {
  const struct buf *headers = &http->response_headers, *body = &http->response_body;
  int status = copy(&note->request_body, http->body, http->body_length);
  if (status == BUF_OK) status = copy(&note->response_headers, headers->data, headers->length);
  if (status == BUF_OK) status = copy(&note->response_body, body->data, body->length);
  return status;
}

static void copy_facts(struct observation *note, const struct observed *observed) {
  const struct http_request *http = observed->http;
  double now = loop_now();
  bool given_up = observed->end == OBSERVED_GIVEN_UP, forsaken = observed->end == OBSERVED_FORSAKEN;
  note->attempt = observed->attempt;
  note->end = observed->end;
  note->presigned = observed->presigned;
  note->verdict = given_up || forsaken ? CURLE_ABORTED_BY_CALLBACK : http->verdict;
  note->status = forsaken ? 0 : http->status;
  note->too_large = http->too_large;
  note->elapsed = given_up ? now - http->started : http->elapsed;
  note->started = seconds_since_1970() - (now - http->started);
  note->total = now - observed->began;
  note->request_length = http->body_length;
  note->tap = *http->tap;
  buf_init(&note->tap.sent_headers, 0); /* copied with the texts */
  memcpy(note->error, http->error, sizeof note->error);
}

static void append(struct observer *observer, struct observation *note) {
  if (observer->last)
    observer->last->next = note;
  else
    observer->first = note;
  observer->last = note;
}

void observer_note(struct observer *observer, const struct observed *observed) {
  struct observation *note = calloc(1, sizeof *note);
  if (!note) return;
  copy_facts(note, observed);
  int status = copy_texts(note, observed->http);
  if (status == BUF_OK && observer->wants_contents) status = copy_contents(note, observed->http);
  if (status == BUF_OK)
    append(observer, note);
  else
    free_observation(note);
}

void observer_drop_first(struct observer *observer) {
  struct observation *note = observer->first;
  observer->first = note->next;
  if (!observer->first) observer->last = NULL;
  free_observation(note);
}

void observer_free(struct observer *observer) {
  while (observer->first) observer_drop_first(observer);
}
