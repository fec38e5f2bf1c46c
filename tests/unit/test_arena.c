/* The arena: alignment, zeroes, bounds, and that everything is given back. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/arena.h"

enum { MAXIMUM = 1024 * 1024 };

static void test_pieces_are_zeroed_aligned_and_apart(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, MAXIMUM);
  unsigned char *last = NULL;
  for (size_t size = 1; size < 2000; size += 7) {
    unsigned char *piece = arena_take(&arena, size);
    assert_non_null(piece);
    assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++) assert_int_equal(piece[i], 0);
    memset(piece, 1, size);
    assert_ptr_not_equal(piece, last);
    last = piece;
  }
  arena_free(&arena);
}

static void test_maximum_holds(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, MAXIMUM);
  assert_null(arena_take(&arena, SIZE_MAX));
  assert_null(arena_take(&arena, SIZE_MAX - 8));
  assert_null(arena_take(&arena, MAXIMUM + 1));
  size_t taken = 0;
  while (arena_take(&arena, 100 * 1000)) taken += 100 * 1000;
  assert_true(taken > 0 && taken <= MAXIMUM);
  arena_free(&arena);
  assert_non_null(arena_take(&arena, MAXIMUM));
  arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
      cmocka_unit_test(test_maximum_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
