/* The nearest valid name for a mistyped one, by edit distance, in which swapped neighbours count
 * once. No Lua. */
#ifndef ANYREACH_NEAREST_H
#define ANYREACH_NEAREST_H

/* Returns the name in the NULL-terminated list that is nearest to `word`, or NULL when none is near
 * enough to be meant (a distance of at most a third of the longer length, or of 1). Case, and the
 * difference between '-' and '_', do not count. */
const char *nearest_name(const char *word, const char *const *names);

/* The same with a distance of at most a part-th of the longer length, for words that may well be
 * right: 5 is strict. */
const char *nearest_name_within(const char *word, const char *const *names, unsigned part);

#endif
