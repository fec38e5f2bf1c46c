/* The global options of the command line: their rows, parsing and help. No Lua. */
#ifndef ANYREACH_OPTIONS_H
#define ANYREACH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_id {
  OPTION_PROFILE,
  OPTION_SANDBOX,
  OPTION_SANDBOX_FAULTS,
  OPTION_BASE_URL,
  OPTION_ORG,
  OPTION_CA_FILE,
  OPTION_HTTP2,
  OPTION_OPENAPI,
  OPTION_CONCURRENCY,
  OPTION_TIMEOUT,
  OPTION_DEADLINE,
  OPTION_RETRIES,
  OPTION_MAX_WAIT,
  OPTION_RATE,
  OPTION_READ_ONLY,
  OPTION_WRITE,
  OPTION_RECORD,
  OPTION_REPLAY,
  OPTION_TRACE,
  OPTION_HAR,
  OPTION_STATS,
  OPTION_JSON,
  OPTION_QUIET,
  OPTION_VERBOSE,
  OPTION_COLOR,
  OPTION_EVALUATE,
  OPTION_HELP,
  OPTION_VERSION,
  OPTION_COUNT
};

enum option_kind {
  OPTION_FLAG,
  OPTION_TEXT,          /* not empty */
  OPTION_ANY_TEXT,      /* may be empty */
  OPTION_OPTIONAL_TEXT, /* --name or --name=VALUE */
  OPTION_TRACE_TEXT,    /* --name or --name=full */
  OPTION_NUMBER,        /* more than 0 */
  OPTION_INTEGER,       /* at least 1 */
  OPTION_WHOLE,         /* an integer of at least 0 */
  OPTION_WHEN           /* auto, always or never */
};

struct option {
  const char *name; /* without the dashes */
  char letter;      /* or 0 */
  enum option_kind kind;
  const char *value_name; /* or NULL */
  const char *help;
};

extern const struct option option_rows[OPTION_COUNT];

/* True when the value may be left out, and is given only after '='. */
bool option_value_is_optional(const struct option *option);

struct options {
  const char *values[OPTION_COUNT]; /* NULL: not given; "" when given without a value */
  bool is_behind[OPTION_COUNT];     /* given among a command's own arguments */
};

enum { OPTIONS_ERROR_MAX = 256 };

/* Reads options from arguments[*index] up to the first argument that is not an option (or past
 * "--"), and leaves *index there. Returns false with a message in `error` for an unknown or
 * malformed option.
 */
bool options_read(struct options *options, char **arguments, int *index,
                  char error[OPTIONS_ERROR_MAX]);

/* Removes the known options from a command's own arguments (NULL-terminated; "--" ends the search)
 * and leaves the others for the command, among them those of which `is_other` (unless NULL) says
 * that their name means something else there. Returns false, as above, for a malformed one. */
typedef bool options_is_other(const char *name, const void *context);
bool options_take(struct options *options, char **arguments, options_is_other *is_other,
                  const void *context, char error[OPTIONS_ERROR_MAX]);

#endif
