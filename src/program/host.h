/* The host: a Lua state with our libraries, the loop it waits on, and the sandbox while one runs.
 */
#ifndef ANYREACH_HOST_H
#define ANYREACH_HOST_H

#include <lua.h>
#include <stdbool.h>

#include "program/options.h"

struct host;

/* The exit codes that C decides on; lua/anyreach/errors.lua has the others. */
enum { EXIT_SCRIPT = 1, EXIT_USAGE = 64 };

/* NULL when memory or libcurl fails. `options` must outlive the host. */
struct host *host_open(const struct options *options);
void host_close(struct host *host);

/* What to run: one of these. */
struct program {
  const char *file;    /* a script on disk; "-" is standard input */
  const char *text;    /* Lua code */
  const char *command; /* one of lua/anyreach/cli/commands */
  const char *recipe;  /* an embedded script */
  char **arguments;    /* NULL-terminated: what is in `arg` */
};

/* Runs a program to its end and reports errors. Returns the exit code. */
int host_run(struct host *host, const struct program *program);

#endif
