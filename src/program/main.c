/* anyreach: from the arguments to what to run; nothing else. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/nearest.h"
#include "api/operation.h"
#include "lua/modules.h"
#include "program/host.h"
#include "program/options.h"
#include "version.h"

/* A command is lua/anyreach/cli/commands/NAME.lua, a recipe scripts/NAME.lua, both embedded; only
 * `run` and running a script by its path are known here. */
#define COMMAND_PREFIX "lua/anyreach/cli/commands/"
#define RECIPE_PREFIX  "scripts/"

enum { NAMES_MAX = 64, NAME_MAX_LENGTH = 64 };

struct names {
  char storage[NAMES_MAX][NAME_MAX_LENGTH];
  const char *list[NAMES_MAX + 1]; /* NULL-terminated */
  int count;
};

static int usage(const char *message) {
  fprintf(stderr, "anyreach: %s\n", message);
  return EXIT_USAGE;
}

static int show_version(void) {
  puts("anyreach " ANYREACH_VERSION);
  return 0;
}

static void add_name(struct names *names, const char *name, size_t length) {
  if (names->count == NAMES_MAX || length >= NAME_MAX_LENGTH) return;
  memcpy(names->storage[names->count], name, length);
  names->storage[names->count][length] = '\0';
  names->list[names->count] = names->storage[names->count];
  names->list[++names->count] = NULL;
}

/* Adds the NAME of every embedded file PREFIX + NAME + ".lua", but not of files in folders below.
 */
static void add_embedded_names(struct names *names, const char *prefix) {
  size_t prefix_length = strlen(prefix);
  for (size_t i = 0; i < embedded_file_count; i++) {
    const char *file = embedded_files[i].name;
    if (strncmp(file, prefix, prefix_length) != 0) continue;
    const char *name = file + prefix_length;
    size_t length = strcspn(name, "./");
    if (strcmp(name + length, ".lua") == 0) add_name(names, name, length);
  }
}

/* The embedded file of a command or recipe, or NULL. */
static const char *find_embedded(const char *prefix, const char *name, char path[256]) {
  int length = snprintf(path, 256, "%s%s.lua", prefix, name);
  if (length >= 256 || strchr(name, '/') || strcmp(name, "init") == 0) return NULL;
  return embedded_find(path) ? path : NULL;
}

static int execute(const struct options *options, const struct program *program) {
  struct host *host = host_open(options);
  if (!host) return EXIT_SCRIPT;
  int code = host_run(host, program);
  host_close(host);
  return code;
}

/* Our own commands and recipes accept the global options anywhere. */
static int execute_own(struct options *options, struct program *program) {
  char error[OPTIONS_ERROR_MAX];
  if (!options_take(options, program->arguments, NULL, NULL, error)) return usage(error);
  if (options->values[OPTION_VERSION]) return show_version();
  return execute(options, program);
}

static bool has_field(const struct schema *body, const char *name) {
  return body && field_by_name(body->fields, body->field_count, name);
}

/* Whether --NAME is a field of the operation. One that only a live document describes, which is not
 * read as yet, may have any; what such a document adds to one of ours, the command looks after. */
static bool is_field(const char *option, const void *context) {
  const struct operation *operation = context;
  char name[64];
  if (!operation) return strcmp(option, "help") != 0;
  snprintf(name, sizeof name, "%s", option);
  for (char *c = name; *c; c++)
    if (*c == '-') *c = '_';
  return field_by_name(operation->parameters, operation->parameter_count, name) ||
         has_field(operation->body, name);
}

/* call [OPTIONS] OPERATION …: behind the operation its fields come before global options of the
 * same name. */
static int execute_call(struct options *options, struct program *program) {
  char error[OPTIONS_ERROR_MAX];
  int index = 0;
  if (!options_read(options, program->arguments, &index, error)) return usage(error);
  program->arguments += index;
  char **rest = program->arguments;
  const struct operation *operation = *rest ? operation_by_name(*rest) : NULL;
  if (*rest && !options_take(options, rest + 1, is_field, operation, error)) return usage(error);
  if (options->values[OPTION_VERSION]) return show_version();
  return execute(options, program);
}

/* Refuses a word that is neither one of our commands or recipes nor a file. */
static int refuse_word(const char *word, const char *kind, const char *prefix) {
  char message[OPTIONS_ERROR_MAX];
  struct names names = {.count = 0};
  add_embedded_names(&names, prefix);
  if (strcmp(prefix, COMMAND_PREFIX) == 0) add_name(&names, "run", strlen("run"));
  const char *near = nearest_name(word, names.list);
  if (near)
    snprintf(message, sizeof message, "'%.80s' is neither %s nor a file; did you mean '%s'?", word,
             kind, near);
  else
    snprintf(message, sizeof message, "'%.80s' is neither %s nor a file; see 'anyreach help'", word,
             kind);
  return usage(message);
}

static int explain_run(struct options *options, char **arguments) {
  struct program help = {.command = "help", .arguments = arguments};
  arguments[1] = NULL;
  return execute(options, &help);
}

/* run [OPTIONS] RECIPE|SCRIPT [ARGUMENT…]: a bundled recipe by its bare name, else a script by its
 * path. `arguments` begins with "run". */
static int run_recipe_or_script(struct options *options, char **arguments) {
  char path[256], error[OPTIONS_ERROR_MAX];
  int index = 1;
  if (!options_read(options, arguments, &index, error)) return usage(error);
  if (options->values[OPTION_VERSION]) return show_version();
  char *word = arguments[index];
  struct program program = {.recipe = word ? find_embedded(RECIPE_PREFIX, word, path) : NULL,
                            .arguments = arguments + index + 1};
  if (program.recipe) return execute_own(options, &program);
  if (options->values[OPTION_HELP]) return explain_run(options, arguments);
  if (!word) return usage("run: which recipe or script? See 'anyreach recipes'");
  if (access(word, F_OK) != 0) return refuse_word(word, "a recipe", RECIPE_PREFIX);
  program.file = word;
  return execute(options, &program);
}

static int run_word(struct options *options, char **arguments) {
  char path[256];
  const char *word = arguments[0];
  struct program program = {.arguments = arguments + 1};
  if (find_embedded(COMMAND_PREFIX, word, path)) {
    program.command = word;
    return strcmp(word, "call") == 0 ? execute_call(options, &program)
                                     : execute_own(options, &program);
  }
  if (strcmp(word, "run") == 0) return run_recipe_or_script(options, arguments);
  if (strcmp(word, "-") != 0 && access(word, F_OK) != 0)
    return refuse_word(word, "a command", COMMAND_PREFIX);
  program.file = word;
  return execute(options, &program);
}

/* If a standard descriptor is closed, the next file to be opened would get its number, and with it
 * what is printed. Each closed one is opened such that using it still fails, except that standard
 * input is at its end. */
static void occupy_standard_descriptors(void) {
  static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
  for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
    if (fcntl(i, F_GETFD) < 0 && open("/dev/null", modes[i]) != i) exit(EXIT_SCRIPT);
}

int main(int count, char **arguments) {
  struct options options = {.values = {0}};
  char error[OPTIONS_ERROR_MAX];
  int index = count > 0 ? 1 : 0;
  occupy_standard_descriptors();
  if (!options_read(&options, arguments, &index, error)) return usage(error);
  if (options.values[OPTION_VERSION]) return show_version();
  if (options.values[OPTION_EVALUATE]) {
    struct program program = {.text = options.values[OPTION_EVALUATE],
                              .arguments = arguments + index};
    return execute(&options, &program);
  }
  if (options.values[OPTION_HELP] || !arguments[index]) {
    struct program help = {.command = "help", .arguments = arguments + index};
    int code = execute(&options, &help);
    return options.values[OPTION_HELP] ? code : EXIT_USAGE;
  }
  return run_word(&options, arguments + index);
}
