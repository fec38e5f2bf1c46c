/* Many byte strings that are looked for at once. However many there are, a text is read once: a
 * filter of their first four bytes says at nearly all places that none begins there, and where it
 * does not, the longest one is found by bisection. No Lua. */
#ifndef ANYREACH_NEEDLES_H
#define ANYREACH_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NEEDLE_SHORTEST = 4 }; /* bytes of one that is found within a text */

struct needle {
  char *bytes;
  size_t length;
  size_t shorter; /* the place of the longest other one that it begins with, or SIZE_MAX */
};

/* Zero-initialise; needles_free() at the end. */
struct needles {
  struct needle *list; /* sorted by bytes, unless is_unsorted */
  size_t count, capacity;
  bool is_unsorted;
  uint64_t *filter; /* NULL while there are none; 1 << filter_bits bits */
  unsigned filter_bits;
  size_t compared; /* how many have been compared with texts: tests count with it */
};

/* Adds a copy of the bytes, unless it is there. False when memory runs out. */
bool needles_add(struct needles *n, const char *bytes, size_t length);

/* To be called after needles_add(), before anything is looked for. False when memory runs out. */
bool needles_prepare(struct needles *n);

/* The length of the longest one that the text at `at` begins with, or 0. */
size_t needles_match(struct needles *n, const char *at, const char *end);

/* Overwrites and frees all of them. */
void needles_free(struct needles *n);

static inline uint32_t needles_hash(const char *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word * 2654435761u;
}

/* Whether one may begin at `at`, where four bytes must be. */
static inline bool needles_may_begin(const struct needles *n, const char *at) {
  uint32_t bit = needles_hash(at) >> (32 - n->filter_bits);
  return n->filter[bit / 64] >> bit % 64 & 1;
}

#endif
