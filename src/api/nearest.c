#include "api/nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { MAX_LENGTH = 80 }; /* longer words are no mistyped names */

static char fold(char c) {
  if (c >= 'A' && c <= 'Z') return (char)(c + ('a' - 'A'));
  return c == '-' ? '_' : c;
}

static unsigned smaller(unsigned a, unsigned b) {
  return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other,
 * by the usual table of prefixes, of which three rows are kept. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length) {
  unsigned rows[3][MAX_LENGTH + 1];
  unsigned *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b_length; j++) last[j] = (unsigned)j;
  for (size_t i = 1; i <= a_length; i++) {
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= b_length; j++) {
      char x = fold(a[i - 1]), y = fold(b[j - 1]);
      row[j] = smaller(smaller(last[j], row[j - 1]) + 1, last[j - 1] + (x != y));
      if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]))
        row[j] = smaller(row[j], before[j - 2] + 1);
    }
    unsigned *free_row = before;
    before = last;
    last = row;
    row = free_row;
  }
  return last[b_length];
}

const char *nearest_name_within(const char *word, const char *const *names, unsigned part) {
  size_t word_length = strlen(word);
  const char *nearest = NULL;
  unsigned nearest_distance = UINT_MAX;
  if (word_length == 0 || word_length > MAX_LENGTH) return NULL;
  for (; *names; names++) {
    size_t length = strlen(*names);
    if (length == 0 || length > MAX_LENGTH) continue;
    size_t longer = length > word_length ? length : word_length;
    unsigned allowed = longer < part ? 1 : (unsigned)(longer / part);
    unsigned d = distance(word, word_length, *names, length);
    if (d <= allowed && d < longer && d < nearest_distance) {
      nearest = *names;
      nearest_distance = d;
    }
  }
  return nearest;
}

const char *nearest_name(const char *word, const char *const *names) {
  return nearest_name_within(word, names, 3);
}
