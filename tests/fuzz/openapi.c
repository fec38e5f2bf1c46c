/* OpenAPI documents, from their text to rows in the operation table: see openapi.lua. The table is
 * the built-in one again for every input; the unit under test is included for what only it can
 * free. */
#include "../../src/api/operation_define.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t count;
  const struct operation *built_in = operation_all(&count);
  fuzz_run_lua("openapi", data, size);
  operation_use(built_in, count);
  free_definitions();
  return 0;
}
