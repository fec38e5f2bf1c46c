/* The command line: the input's lines are the arguments. What is taken are the arguments' own
 * bytes, in bounds; what is refused is refused with a message. */
#include "../../src/program/options.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { ARGUMENTS_MAX = 64 };

/* The lines of `text`, each a block of its own, with NULL behind the last. Returns their number. */
static int split(char *text, char *arguments[ARGUMENTS_MAX + 1]) {
  int count = 0;
  for (char *line = text; line && count < ARGUMENTS_MAX; count++) {
    char *end = strchr(line, '\n');
    size_t length = end ? (size_t)(end - line) : strlen(line);
    arguments[count] = fuzz_copy_text((const uint8_t *)line, length);
    line = end ? end + 1 : NULL;
  }
  arguments[count] = NULL;
  return count;
}

static void expect_message(const char error[OPTIONS_ERROR_MAX]) {
  fuzz_expect(strnlen(error, OPTIONS_ERROR_MAX) > 0);
  fuzz_expect(strnlen(error, OPTIONS_ERROR_MAX) < OPTIONS_ERROR_MAX);
}

/* A number that was accepted must be one that the program can use. */
static void check_values(const struct options *options) {
  for (int i = 0; i < OPTION_COUNT; i++) {
    const char *value = options->values[i];
    if (!value) continue;
    switch (option_rows[i].kind) {
    case OPTION_FLAG: fuzz_expect(*value == '\0'); break;
    case OPTION_TEXT: fuzz_expect(*value != '\0'); break;
    case OPTION_NUMBER: fuzz_expect(strtod(value, NULL) > 0); break;
    case OPTION_INTEGER: fuzz_expect(strtod(value, NULL) >= 1); break;
    default: break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = fuzz_copy_text(data, size), *arguments[ARGUMENTS_MAX + 1], *all[ARGUMENTS_MAX];
  char error[OPTIONS_ERROR_MAX] = "";
  int count = split(text, arguments), index = 0;
  memcpy(all, arguments, (size_t)count * sizeof *all);

  struct options options = {0};
  bool read = options_read(&options, arguments, &index, error);
  fuzz_expect(index >= 0 && index <= count);
  if (!read) expect_message(error);
  check_values(&options);

  if (read && !options_take(&options, arguments + index, NULL, NULL, error)) expect_message(error);
  check_values(&options);

  for (int i = 0; i < count; i++) free(all[i]);
  free(text);
  return 0;
}
