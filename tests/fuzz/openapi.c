/* OpenAPI documents, from their text to rows in the operation table: see openapi.lua. The table is
 * the built-in one again for every input; the unit under test is included for what only it can
 * free. */
#include "../../src/api/operation.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_run_lua("openapi", data, size);
  rows = operations;
  row_count = sizeof operations / sizeof *operations;
  free_definitions();
  return 0;
}
