/* Regular expressions of schemas: see pattern.lua. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_run_lua("pattern", data, size);
  return 0;
}
