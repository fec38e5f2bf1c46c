/* The sandbox's way from a request to an answer: see sandbox.lua. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_run_lua("sandbox", data, size);
  return 0;
}
