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
  http_probe_free(&note->probe);
  free(note);
}

static int copy(struct buf *target, const void *bytes, size_t length) {
  buf_init(target, length);
  return length ? buf_append(target, bytes, length) : BUF_OK;
}

static int copy_texts(struct observation *note, const struct http_transfer *transfer) {
  int status = copy(&note->method, transfer->method, strlen(transfer->method));
  if (status == BUF_OK) status = copy(&note->url, transfer->url, strlen(transfer->url));
  const struct buf *sent = &transfer->probe->sent_headers;
  if (status == BUF_OK) status = copy(&note->probe.sent_headers, sent->data, sent->length);
  return status;
}

static int copy_contents(struct observation *note, const struct http_transfer *transfer) {
  const struct buf *headers = &transfer->response_headers, *body = &transfer->response_body;
  int status = copy(&note->request_body, transfer->body, transfer->body_length);
  if (status == BUF_OK) status = copy(&note->response_headers, headers->data, headers->length);
  if (status == BUF_OK) status = copy(&note->response_body, body->data, body->length);
  return status;
}

static void copy_facts(struct observation *note, const struct observed *observed) {
  const struct http_transfer *transfer = observed->transfer;
  double now = loop_now();
  bool given_up = observed->end == OBSERVED_GIVEN_UP,
       abandoned = observed->end == OBSERVED_ABANDONED;
  note->attempt = observed->attempt;
  note->end = observed->end;
  note->presigned = observed->presigned;
  note->verdict = given_up || abandoned ? CURLE_ABORTED_BY_CALLBACK : transfer->verdict;
  note->status = abandoned ? 0 : transfer->status;
  note->too_large = transfer->too_large;
  note->elapsed = given_up ? now - transfer->started : transfer->elapsed;
  note->started = seconds_since_1970() - (now - transfer->started);
  note->total = now - observed->began;
  note->request_length = transfer->body_length;
  note->probe = *transfer->probe;
  buf_init(&note->probe.sent_headers, 0); /* copied with the texts */
  memcpy(note->error, transfer->error, sizeof note->error);
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
  int status = copy_texts(note, observed->transfer);
  if (status == BUF_OK && observer->wants_contents)
    status = copy_contents(note, observed->transfer);
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
