/* Memory that is taken piece by piece and freed all at once. No Lua. */
#ifndef ANYREACH_ARENA_H
#define ANYREACH_ARENA_H

#include <stddef.h>

struct arena {
  struct arena_block *blocks; /* newest first */
  size_t used;                /* bytes taken from the newest */
  size_t total;               /* bytes of all blocks */
  size_t maximum;             /* that `total` never exceeds */
};

void arena_init(struct arena *arena, size_t maximum);

/* Zeroed memory, aligned for anything; NULL when the maximum is reached or memory runs out. */
void *arena_take(struct arena *arena, size_t size);

/* Frees everything; the arena is empty and usable afterwards. */
void arena_free(struct arena *arena);

#endif
