/* The nearest valid name for a mistyped one: by edit distance, swapped neighbours counting once. */
#ifndef ANYREACH_NEAREST_H
#define ANYREACH_NEAREST_H

/* Returns the name of the NULL-terminated list that is nearest to `word`, or NULL when none is near
 * enough to be meant (distance at most a third of the longer length, at least 1). Case and the
 * difference of '-' and '_' do not count. */
const char *nearest_name(const char *word, const char *const *names);

#endif
