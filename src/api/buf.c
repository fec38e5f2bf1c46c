#include "api/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST_CAPACITY = 256 };

void buf_init(struct buf *b, size_t maximum) {
  *b = (struct buf){.maximum = maximum};
}

void buf_free(struct buf *b) {
  free(b->data);
  buf_init(b, b->maximum);
}

void buf_wipe(struct buf *b) {
  if (b->data) explicit_bzero(b->data, b->capacity);
  buf_free(b);
}

/* Grows to hold `needed` bytes, the NUL of buf_text() included. */
static int grow(struct buf *b, size_t needed) {
  if (needed <= b->capacity) return BUF_OK;
  size_t capacity = b->capacity ? b->capacity : BUF_FIRST_CAPACITY;
  while (capacity < needed) capacity *= 2;
  char *data = realloc(b->data, capacity);
  if (!data) return BUF_NO_MEMORY;
  b->data = data;
  b->capacity = capacity;
  return BUF_OK;
}

int buf_reserve(struct buf *b, size_t extra) {
  if (extra > b->maximum - b->length) return BUF_FULL;
  return grow(b, b->length + extra);
}

int buf_append(struct buf *b, const void *bytes, size_t length) {
  int status = buf_reserve(b, length);
  if (status != BUF_OK) return status;
  if (length) memcpy(b->data + b->length, bytes, length);
  b->length += length;
  return BUF_OK;
}

int buf_append_format(struct buf *b, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) return BUF_NO_MEMORY;
  int status = buf_reserve(b, (size_t)length);
  if (status == BUF_OK) status = grow(b, b->length + (size_t)length + 1);
  if (status != BUF_OK) return status;
  va_start(arguments, format);
  vsnprintf(b->data + b->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  b->length += (size_t)length;
  return BUF_OK;
}

const char *buf_text(struct buf *b) {
  if (grow(b, b->length + 1) != BUF_OK) return NULL;
  b->data[b->length] = '\0';
  return b->data;
}
