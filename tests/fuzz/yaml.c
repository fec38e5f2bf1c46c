/* YAML: see yaml.lua. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_run_lua("yaml", data, size);
  return 0;
}
