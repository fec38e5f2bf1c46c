#include "program/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/nearest.h"

const struct option option_rows[OPTION_COUNT] = {
    [OPTION_PROFILE] = {"profile", 0, OPTION_TEXT, "PROFILE",
                        "use this profile of the config file (ANYREACH_PROFILE)"},
    [OPTION_SANDBOX] = {"sandbox", 0, OPTION_OPTIONAL_TEXT, "FILE",
                        "use the built-in sandbox; keep its state in FILE, if given"},
    [OPTION_SANDBOX_FAULTS] = {"sandbox-faults", 0, OPTION_TEXT, "FAULTS",
                               "make the sandbox fail, such as 'latency=20' or 'rate=0.1;503'"},
    [OPTION_BASE_URL] = {"base-url", 0, OPTION_TEXT, "URL",
                         "the API's base URL (ANYREACH_BASE_URL; https://api.anyreach.ai)"},
    [OPTION_ORG] = {"org", 0, OPTION_TEXT, "ID", "the organisation (ANYREACH_ORG_ID)"},
    [OPTION_CA_FILE] = {"ca-file", 0, OPTION_TEXT, "FILE",
                        "trust these certificate authorities instead of the system's"},
    [OPTION_HTTP2] = {"http2", 0, OPTION_FLAG, NULL,
                      "offer HTTP/2 for requests that may be repeated; all others use HTTP/1.1"},
    [OPTION_OPENAPI] = {"openapi", 0, OPTION_TEXT, "FILE|URL",
                        "add the operations of an OpenAPI document"},
    [OPTION_CONCURRENCY] = {"concurrency", 0, OPTION_INTEGER, "N",
                            "requests in flight at once in recipes and anyreach.map (24)"},
    [OPTION_TIMEOUT] = {"timeout", 0, OPTION_NUMBER, "SECONDS", "time limit for a request (60)"},
    [OPTION_DEADLINE] = {"deadline", 0, OPTION_NUMBER, "SECONDS", "time limit for the whole run"},
    [OPTION_RETRIES] = {"retries", 0, OPTION_WHOLE, "N",
                        "how often to retry a failed request that is safe to repeat (4)"},
    [OPTION_MAX_WAIT] = {"max-wait", 0, OPTION_NUMBER, "SECONDS",
                         "how long in all a request waits while the server refuses it (300)"},
    [OPTION_RATE] = {"rate", 0, OPTION_NUMBER, "N", "send at most N requests a second"},
    [OPTION_READ_ONLY] = {"read-only", 0, OPTION_FLAG, NULL,
                          "refuse every write before it is sent"},
    [OPTION_WRITE] = {"write", 0, OPTION_FLAG, NULL, "allow writes with a protected profile"},
    [OPTION_RECORD] = {"record", 0, OPTION_TEXT, "DIR",
                       "save all requests and answers to DIR, for --replay"},
    [OPTION_REPLAY] = {"replay", 0, OPTION_TEXT, "DIR",
                       "send nothing; answer requests from DIR, as --record saved them"},
    [OPTION_TRACE] = {"trace", 0, OPTION_TRACE_TEXT, "full",
                      "show each request on stderr; with =full, headers and bodies too"},
    [OPTION_HAR] = {"har", 0, OPTION_TEXT, "FILE", "save all requests to FILE as HAR"},
    [OPTION_STATS] = {"stats", 0, OPTION_FLAG, NULL,
                      "print a summary of all requests on stderr at the end"},
    [OPTION_JSON] = {"json", 0, OPTION_FLAG, NULL, "print one JSON event per line"},
    [OPTION_QUIET] = {"quiet", 'q', OPTION_FLAG, NULL, "print only results and errors"},
    [OPTION_VERBOSE] = {"verbose", 'v', OPTION_FLAG, NULL, "print more, including stack traces"},
    [OPTION_COLOR] = {"color", 0, OPTION_WHEN, "WHEN", "auto, always or never (auto)"},
    [OPTION_EVALUATE] = {"evaluate", 'e', OPTION_ANY_TEXT, "CODE", "run Lua code"},
    [OPTION_HELP] = {"help", 'h', OPTION_FLAG, NULL, "show help"},
    [OPTION_VERSION] = {"version", 'V', OPTION_FLAG, NULL, "show the version"},
};

static const struct option *by_letter(char letter) {
  for (int i = 0; i < OPTION_COUNT; i++)
    if (letter && option_rows[i].letter == letter) return &option_rows[i];
  return NULL;
}

static const struct option *by_name(const char *name, size_t length) {
  for (int i = 0; i < OPTION_COUNT; i++)
    if (strncmp(option_rows[i].name, name, length) == 0 && !option_rows[i].name[length])
      return &option_rows[i];
  return NULL;
}

/* The option that an argument names, or NULL. `*value` is what follows '=', or the letter as in
 * -eCODE. */
static const struct option *find(const char *argument, const char **value) {
  *value = NULL;
  if (argument[0] != '-' || argument[1] == '\0') return NULL;
  if (argument[1] != '-') {
    if (argument[2]) *value = argument + 2;
    return by_letter(argument[1]);
  }
  size_t length = strcspn(argument + 2, "=");
  if (argument[2 + length] == '=') *value = argument + 2 + length + 1;
  return by_name(argument + 2, length);
}

bool option_value_is_optional(const struct option *option) {
  return option->kind == OPTION_OPTIONAL_TEXT || option->kind == OPTION_TRACE_TEXT;
}

static bool takes_next(const struct option *option) {
  return option->kind != OPTION_FLAG && !option_value_is_optional(option);
}

static const char *expectation(const struct option *option, const char *value) {
  char *end;
  double number = strtod(value, &end);
  bool is_number = *value && *end == '\0' && number == number && number < 1e9;
  switch (option->kind) {
  case OPTION_NUMBER: return is_number && number > 0 ? NULL : "a number of more than 0";
  case OPTION_INTEGER:
    return is_number && number >= 1 && number == (double)(long)number ? NULL
                                                                      : "an integer of at least 1";
  case OPTION_WHOLE:
    return is_number && number >= 0 && number == (double)(long)number ? NULL
                                                                      : "an integer of at least 0";
  case OPTION_WHEN:
    return strcmp(value, "auto") && strcmp(value, "always") && strcmp(value, "never")
               ? "auto, always or never"
               : NULL;
  case OPTION_TRACE_TEXT: return strcmp(value, "full") ? "full, or no value" : NULL;
  case OPTION_TEXT: return *value ? NULL : "a value";
  default: return NULL;
  }
}

/* Stores an option; `next` is the argument after it, or NULL. Returns the number of arguments used,
 * or 0 with a message. */
static int store(struct options *options, const struct option *option, const char *value,
                 const char *next, char error[OPTIONS_ERROR_MAX]) {
  int taken = 1;
  if (option->kind == OPTION_FLAG && value) {
    snprintf(error, OPTIONS_ERROR_MAX, "--%s takes no value", option->name);
    return 0;
  }
  if (takes_next(option) && !value) {
    if (!next) {
      snprintf(error, OPTIONS_ERROR_MAX, "--%s needs a value: %s", option->name,
               option->value_name);
      return 0;
    }
    value = next;
    taken = 2;
  }
  const char *expected = value ? expectation(option, value) : NULL;
  if (expected) {
    snprintf(error, OPTIONS_ERROR_MAX, "--%s: expected %s, got '%.80s'", option->name, expected,
             value);
    return 0;
  }
  options->values[option - option_rows] = value ? value : "";
  return taken;
}

static void report_unknown(const char *argument, char error[OPTIONS_ERROR_MAX]) {
  const char *names[OPTION_COUNT + 1];
  for (int i = 0; i < OPTION_COUNT; i++) names[i] = option_rows[i].name;
  names[OPTION_COUNT] = NULL;
  char name[64];
  snprintf(name, sizeof name, "%s", argument + strspn(argument, "-"));
  name[strcspn(name, "=")] = '\0';
  const char *near = nearest_name(name, names);
  if (near)
    snprintf(error, OPTIONS_ERROR_MAX, "unknown option '%.80s'; did you mean '--%s'?", argument,
             near);
  else
    snprintf(error, OPTIONS_ERROR_MAX, "unknown option '%.80s'; see 'anyreach --help'", argument);
}

bool options_read(struct options *options, char **arguments, int *index,
                  char error[OPTIONS_ERROR_MAX]) {
  while (arguments[*index] && arguments[*index][0] == '-' && arguments[*index][1]) {
    const char *argument = arguments[*index], *value;
    if (strcmp(argument, "--") == 0) {
      ++*index;
      return true;
    }
    const struct option *option = find(argument, &value);
    if (!option) {
      report_unknown(argument, error);
      return false;
    }
    int taken = store(options, option, value, arguments[*index + 1], error);
    if (!taken) return false;
    *index += taken;
  }
  return true;
}

/* As find(), after a command: there, only letters of flags are ours, and only one letter per
 * argument. */
static const struct option *find_behind_command(const char *argument, const char **value) {
  const struct option *option = find(argument, value);
  bool is_letter = argument[0] == '-' && argument[1] != '-';
  if (option && is_letter && (option->kind != OPTION_FLAG || *value)) return NULL;
  return option;
}

bool options_take(struct options *options, char **arguments, options_is_other *is_other,
                  const void *context, char error[OPTIONS_ERROR_MAX]) {
  char **kept = arguments;
  while (*arguments && strcmp(*arguments, "--") != 0) {
    const char *value;
    const struct option *option = find_behind_command(*arguments, &value);
    bool is_long = strncmp(*arguments, "--", 2) == 0;
    if (!option || (is_long && is_other && is_other(option->name, context))) {
      *kept++ = *arguments++;
      continue;
    }
    int taken = store(options, option, value, arguments[1], error);
    if (!taken) return false;
    options->is_behind[option - option_rows] = true;
    arguments += taken;
  }
  while (*arguments) *kept++ = *arguments++;
  *kept = NULL;
  return true;
}
