/* What the fuzzers share. Each fuzzer is one file and one program: libFuzzer calls its
 * LLVMFuzzerTestOneInput() with input after input; a crash, a report of a sanitizer, or an
 * expectation that does not hold ends the program, and libFuzzer keeps the input. */
#ifndef ANYREACH_FUZZ_H
#define ANYREACH_FUZZ_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program unless the condition holds. */
#define fuzz_expect(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *expectation);

/* Bytes of exactly that size (so that AddressSanitizer sees a step beyond), the second with a NUL
 * behind them. The caller frees them. */
char *fuzz_copy_bytes(const uint8_t *data, size_t size);
char *fuzz_copy_text(const uint8_t *data, size_t size);

/* A state with the modules of the program. */
lua_State *fuzz_new_state(void);

/* Calls tests/fuzz/NAME.lua, a chunk that returns a function, with the input. What it raises is a
 * failure. The lines of Lua that an input reaches guide libFuzzer like branches in C do. The state
 * is made at the first call, and the same in every call. */
void fuzz_run_lua(const char *name, const uint8_t *data, size_t size);

#endif
