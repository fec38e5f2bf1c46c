/* A growing byte buffer with a maximum: the program has no other, so that nothing a server sends
 * can grow without bound. A failed append leaves the content as it was. No Lua:
 * json_new_buffer() gives a collectable one to code that may raise. */
#ifndef ANYREACH_BUF_H
#define ANYREACH_BUF_H

#include <stddef.h>
#include <string.h>

enum buf_status { BUF_OK = 0, BUF_FULL = -1, BUF_NO_MEMORY = -2 };

struct buf {
  char *data; /* NULL while empty; not NUL-terminated unless buf_text() was called */
  size_t length;
  size_t capacity;
  size_t maximum; /* bytes that `length` never exceeds */
};

void buf_init(struct buf *b, size_t maximum);

/* Frees the bytes; the buffer is empty and usable afterwards. */
void buf_free(struct buf *b);

/* Like buf_free(), and overwrites the bytes first: for text that held a credential. */
void buf_wipe(struct buf *b);

/* Makes room for `extra` more bytes. Returns BUF_OK, BUF_FULL or BUF_NO_MEMORY. */
int buf_reserve(struct buf *b, size_t extra);

int buf_append(struct buf *b, const void *bytes, size_t length);

static inline int buf_append_text(struct buf *b, const char *text) {
  return buf_append(b, text, strlen(text));
}

static inline int buf_append_char(struct buf *b, char c) {
  if (b->length < b->capacity && b->length < b->maximum) {
    b->data[b->length++] = c;
    return BUF_OK;
  }
  return buf_append(b, &c, 1);
}

int buf_append_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The content as a NUL-terminated string owned by the buffer, valid until the next append;
 * NULL when memory ran out. The NUL counts neither towards `length` nor towards `maximum`. */
const char *buf_text(struct buf *b);

#endif
