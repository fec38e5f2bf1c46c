#include "api/needles.h"

#include <stdlib.h>

enum { FEWEST_FILTER_BITS = 16, MOST_FILTER_BITS = 22, BITS_PER_NEEDLE = 256 };

#define NO_NEEDLE SIZE_MAX

static int compare(const void *a, const void *b) {
  const struct needle *left = a, *right = b;
  size_t common = left->length < right->length ? left->length : right->length;
  int order = common ? memcmp(left->bytes, right->bytes, common) : 0;
  if (order != 0) return order;
  return (left->length > right->length) - (left->length < right->length);
}

static void wipe(struct needle *needle) {
  explicit_bzero(needle->bytes, needle->length);
  free(needle->bytes);
}

static bool has_room(struct needles *n) {
  if (n->count < n->capacity) return true;
  size_t capacity = n->capacity ? 2 * n->capacity : 8;
  struct needle *list = realloc(n->list, capacity * sizeof *list);
  if (!list) return false;
  n->list = list;
  n->capacity = capacity;
  return true;
}

bool needles_add(struct needles *n, const char *bytes, size_t length) {
  if (length == 0) return true;
  char *copy = has_room(n) ? malloc(length) : NULL;
  if (!copy) return false;
  memcpy(copy, bytes, length);
  n->list[n->count++] = (struct needle){.bytes = copy, .length = length, .shorter = NO_NEEDLE};
  n->is_unsorted = true;
  return true;
}

static void drop_doubles(struct needles *n) {
  size_t kept = 0;
  for (size_t i = 0; i < n->count; i++) {
    if (kept > 0 && compare(&n->list[kept - 1], &n->list[i]) == 0)
      wipe(&n->list[i]);
    else
      n->list[kept++] = n->list[i];
  }
  n->count = kept;
}

static bool begins_with(const struct needle *needle, const struct needle *shorter) {
  return shorter->length < needle->length &&
         memcmp(needle->bytes, shorter->bytes, shorter->length) == 0;
}

/* What a needle begins with stands before it in the order, and so does what that one begins with:
 * they are a chain. */
static void link_beginnings(struct needles *n) {
  for (size_t i = 0; i < n->count; i++) {
    size_t before = i > 0 ? i - 1 : NO_NEEDLE;
    while (before != NO_NEEDLE && !begins_with(&n->list[i], &n->list[before]))
      before = n->list[before].shorter;
    n->list[i].shorter = before;
  }
}

static bool make_filter(struct needles *n) {
  unsigned bits = FEWEST_FILTER_BITS;
  while (bits < MOST_FILTER_BITS && (size_t)1 << bits < n->count * BITS_PER_NEEDLE) bits++;
  uint64_t *filter = calloc(((size_t)1 << bits) / 64, sizeof *filter);
  if (!filter) return false;
  free(n->filter);
  n->filter = filter;
  n->filter_bits = bits;
  for (size_t i = 0; i < n->count; i++) {
    if (n->list[i].length < NEEDLE_SHORTEST) continue;
    uint32_t bit = needles_hash(n->list[i].bytes) >> (32 - bits);
    filter[bit / 64] |= (uint64_t)1 << bit % 64;
  }
  return true;
}

bool needles_prepare(struct needles *n) {
  if (!n->is_unsorted) return true;
  qsort(n->list, n->count, sizeof *n->list, compare);
  drop_doubles(n);
  link_beginnings(n);
  n->is_unsorted = !make_filter(n);
  return !n->is_unsorted;
}

/* How the needle and the text that begins at `at` are ordered; 0 when it begins with the needle. */
static int compare_text(struct needles *n, const struct needle *needle, const char *at,
                        size_t length) {
  size_t common = needle->length < length ? needle->length : length;
  int order = memcmp(needle->bytes, at, common);
  n->compared++;
  return order != 0 ? order : needle->length > length;
}

/* The last needle that is not after the text is the longest that it begins with, or begins with
 * that one. */
size_t needles_match(struct needles *n, const char *at, const char *end) {
  size_t length = (size_t)(end - at), low = 0, high = n->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_text(n, &n->list[middle], at, length) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  size_t found = low > 0 ? low - 1 : NO_NEEDLE;
  while (found != NO_NEEDLE && compare_text(n, &n->list[found], at, length) != 0)
    found = n->list[found].shorter;
  return found == NO_NEEDLE ? 0 : n->list[found].length;
}

void needles_free(struct needles *n) {
  for (size_t i = 0; i < n->count; i++) wipe(&n->list[i]);
  free(n->list);
  free(n->filter);
  *n = (struct needles){0};
}
