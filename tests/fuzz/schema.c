/* JSON Schema: see schema.lua. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_run_lua("schema", data, size);
  return 0;
}
