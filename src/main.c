/* anyreach: arguments -> what to run; nothing else. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "embedded.h"
#include "host.h"
#include "nearest.h"
#include "options.h"
#include "version.h"

static const struct {
  const char *name, *module;
} commands[] = {{"call", "anyreach.command.call"},
                {"help", "anyreach.command.help"},
                {"recipes", "anyreach.command.recipes"},
                {"sandbox", "anyreach.command.sandbox"}};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands, RECIPES_MAX = 64 };

static int usage(const char *message) {
  fprintf(stderr, "anyreach: %s\n", message);
  return EXIT_USAGE;
}

static const char *module_of(const char *command) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, command) == 0) return commands[i].module;
  return NULL;
}

static int execute(const struct options *options, const struct program *program) {
  struct host *host = host_open(options);
  if (!host) return EXIT_SCRIPT;
  int code = host_run(host, program);
  host_close(host);
  return code;
}

/* Commands and recipes of ours take the global options anywhere. */
static int execute_own(struct options *options, struct program *program) {
  char error[OPTIONS_ERROR_MAX];
  if (!options_take(options, program->arguments, error)) return usage(error);
  return execute(options, program);
}

static int refuse_word(const char *word, const char *what, const char *const *names) {
  char message[OPTIONS_ERROR_MAX];
  const char *near = nearest_name(word, names);
  if (near)
    snprintf(message, sizeof message, "'%.80s' is neither %s nor a file; did you mean '%s'?", word,
             what, near);
  else
    snprintf(message, sizeof message, "'%.80s' is neither %s nor a file; see 'anyreach help'", word,
             what);
  return usage(message);
}

static int refuse_command(const char *word) {
  const char *names[COMMAND_COUNT + 2];
  for (int i = 0; i < COMMAND_COUNT; i++) names[i] = commands[i].name;
  names[COMMAND_COUNT] = "run";
  names[COMMAND_COUNT + 1] = NULL;
  return refuse_word(word, "a command", names);
}

/* "scripts/NAME.lua" -> NAME, for the recipes among the embedded files. */
static int refuse_recipe(const char *word) {
  static char storage[RECIPES_MAX][64];
  const char *names[RECIPES_MAX + 1];
  int count = 0;
  for (size_t i = 0; i < embedded_file_count && count < RECIPES_MAX; i++) {
    char tail[2];
    if (sscanf(embedded_files[i].name, "scripts/%63[^./].lu%1[a]", storage[count], tail) == 2) {
      names[count] = storage[count];
      count++;
    }
  }
  names[count] = NULL;
  return refuse_word(word, "a recipe", names);
}

/* run RECIPE|SCRIPT [ARGUMENT…]: a bundled recipe by its bare name, else a script by its path. */
static int run_recipe_or_script(struct options *options, char **arguments) {
  char recipe[128];
  if (!arguments[0]) return usage("run: which recipe or script? See 'anyreach recipes'");
  snprintf(recipe, sizeof recipe, "scripts/%.100s.lua", arguments[0]);
  struct program program = {.arguments = arguments + 1};
  if (!strchr(arguments[0], '/') && embedded_find(recipe)) {
    program.recipe = recipe;
    return execute_own(options, &program);
  }
  if (access(arguments[0], F_OK) != 0) return refuse_recipe(arguments[0]);
  program.file = arguments[0];
  return execute(options, &program);
}

static int run_word(struct options *options, char **arguments) {
  const char *word = arguments[0];
  struct program program = {.module = module_of(word), .arguments = arguments + 1};
  if (program.module) return execute_own(options, &program);
  if (strcmp(word, "run") == 0) return run_recipe_or_script(options, arguments + 1);
  if (strcmp(word, "-") != 0 && access(word, F_OK) != 0) return refuse_command(word);
  program.file = word;
  return execute(options, &program);
}

int main(int count, char **arguments) {
  struct options options = {{0}};
  char error[OPTIONS_ERROR_MAX];
  int index = count > 0 ? 1 : 0;
  if (!options_read(&options, arguments, &index, error)) return usage(error);
  if (options.values[OPTION_VERSION]) {
    puts("anyreach " ANYREACH_VERSION);
    return 0;
  }
  if (options.values[OPTION_EVALUATE]) {
    struct program program = {.text = options.values[OPTION_EVALUATE],
                              .arguments = arguments + index};
    return execute(&options, &program);
  }
  if (options.values[OPTION_HELP] || !arguments[index]) {
    struct program help = {.module = "anyreach.command.help", .arguments = arguments + index};
    int code = execute(&options, &help);
    return options.values[OPTION_HELP] ? code : EXIT_USAGE;
  }
  return run_word(&options, arguments + index);
}
