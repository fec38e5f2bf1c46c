#include "api/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct arena_block {
  struct arena_block *next;
  size_t size;
  alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t maximum) {
  *arena = (struct arena){.maximum = maximum};
}

static struct arena_block *add_block(struct arena *arena, size_t size) {
  if (size < BLOCK_SIZE) size = BLOCK_SIZE;
  if (size > arena->maximum - arena->total) return NULL;
  struct arena_block *block = calloc(1, sizeof *block + size);
  if (!block) return NULL;
  block->size = size;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->used = 0;
  arena->total += size;
  return block;
}

void *arena_take(struct arena *arena, size_t size) {
  if (size > arena->maximum) return NULL;
  size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
  struct arena_block *block = arena->blocks;
  if (!block || size > block->size - arena->used) block = add_block(arena, size);
  if (!block) return NULL;
  void *piece = block->bytes + arena->used;
  arena->used += size;
  return piece;
}

void arena_free(struct arena *arena) {
  while (arena->blocks) {
    struct arena_block *block = arena->blocks;
    arena->blocks = block->next;
    free(block);
  }
  arena_init(arena, arena->maximum);
}
