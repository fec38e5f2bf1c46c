#include "program/host.h"

#include <curl/curl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "lua/answerer.h"
#include "lua/binding.h"
#include "lua/chunk.h"
#include "lua/coroutine.h"
#include "lua/disk.h"
#include "lua/error.h"
#include "lua/guard.h"
#include "lua/libraries.h"
#include "lua/modules.h"
#include "lua/observer.h"
#include "lua/redact.h"
#include "lua/task.h"
#include "lua/task_library.h"
#include "net/curl_memory.h"
#include "net/loop.h"
#include "net/write_tally.h"
#include "sandbox/server.h"
#include "terminal/line_editor.h"
#include "terminal/terminal.h"
#include "version.h"

int luaopen_cjson(lua_State *L);

struct host {
  lua_State *L;
  struct loop *loop;
  struct server *server; /* the sandbox, or NULL */
  const struct options *options;
};

/* {====== modules ====== */

static const luaL_Reg client_modules[] = {{"anyreach.client_core", luaopen_anyreach_client_core},
                                          {"anyreach.answerer", luaopen_anyreach_answerer},
                                          {"anyreach.observer", luaopen_anyreach_observer},
                                          {"anyreach.redact", luaopen_anyreach_redact},
                                          {"anyreach.directory", luaopen_anyreach_directory},
                                          {"anyreach.disk", luaopen_anyreach_disk},
                                          {"anyreach.terminal", luaopen_anyreach_terminal},
                                          {"anyreach.text_width", luaopen_anyreach_text_width},
                                          {"cjson", luaopen_cjson},
                                          {NULL, NULL}};

/* Pushes package[name] without its entries that depend on the working directory. */
static const char *push_absolute_path(lua_State *L, int package, const char *name) {
  lua_getfield(L, package, name);
  const char *path = luaL_gsub(L, lua_tostring(L, -1), ";./?.lua", "");
  path = luaL_gsub(L, path, ";./?/init.lua", "");
  return luaL_gsub(L, path, ";./?.so", "");
}

/* Modules are looked for beside the script first, and never in the working directory by accident.
 * [-0, +0, m] */
static void set_search_path(lua_State *L, const char *directory) {
  int top = lua_gettop(L);
  lua_getglobal(L, "package");
  push_absolute_path(L, top + 1, "cpath");
  lua_setfield(L, top + 1, "cpath");
  const char *path = push_absolute_path(L, top + 1, "path");
  if (directory) lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", directory, directory, path);
  lua_setfield(L, top + 1, "path");
  lua_settop(L, top);
}

/* }====== */

/* {====== module "anyreach.host": what our own Lua code asks of the host ====== */

static struct host *host_upvalue(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* sandbox_url() -> the base URL of the sandbox in this process, or nil. */
static int l_host_sandbox_url(lua_State *L) {
  const struct host *host = host_upvalue(L);
  if (!host->server) return 0;
  lua_pushstring(L, server_base_url(host->server));
  return 1;
}

static void start_sandbox(lua_State *L, struct host *host, const struct server_options *options) {
  char error[SERVER_ERROR_MAX];
  if (host->server) luaL_error(L, "a sandbox is already running");
  host->server = server_start(host->loop, options, error);
  if (!host->server) raise_error(L, "sandbox", "%s", error);
}

static const char *text_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 1); /* the table keeps it alive */
  return text;
}

/* start_sandbox{ port?, file?, faults?, seed? } -> its description as JSON text. */
static int l_host_start_sandbox(lua_State *L) {
  struct host *host = host_upvalue(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "port");
  struct server_options options = {.port = (uint16_t)luaL_optinteger(L, -1, 0),
                                   .file = text_field(L, "file"),
                                   .faults = text_field(L, "faults"),
                                   .seed = text_field(L, "seed")};
  start_sandbox(L, host, &options);
  lua_pushstring(L, server_description(host->server));
  return 1;
}

/* clock() -> seconds on a clock that never jumps. */
static int l_host_clock(lua_State *L) {
  lua_pushnumber(L, loop_now());
  return 1;
}

/* is_terminal("stdin"|"stdout"|"stderr") */
static int l_host_is_terminal(lua_State *L) {
  static const char *const names[] = {"stdin", "stdout", "stderr", NULL};
  lua_pushboolean(L, isatty(luaL_checkoption(L, 1, NULL, names)));
  return 1;
}

/* terminal_size("stdout"|"stderr") -> columns, rows; nothing when it is not a terminal, or does not
 * report its size. */
static int l_host_terminal_size(lua_State *L) {
  static const char *const names[] = {"stdout", "stderr", NULL};
  struct winsize size;
  int descriptor = STDOUT_FILENO + luaL_checkoption(L, 1, NULL, names);
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  lua_pushinteger(L, size.ws_col);
  lua_pushinteger(L, size.ws_row);
  return 2;
}

/* embedded(prefix) -> array of the names of embedded files that start with it. */
static int l_host_embedded_names(lua_State *L) {
  const char *prefix = luaL_checkstring(L, 1);
  lua_newtable(L);
  for (size_t i = 0; i < embedded_file_count; i++) {
    if (strncmp(embedded_files[i].name, prefix, strlen(prefix)) != 0) continue;
    lua_pushstring(L, embedded_files[i].name);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  }
  return 1;
}

/* embedded_text(name) -> the bytes of an embedded file, or nil. */
static int l_host_embedded_text(lua_State *L) {
  const struct embedded_file *file = embedded_find(luaL_checkstring(L, 1));
  if (!file) return 0;
  lua_pushlstring(L, file->text, file->length);
  return 1;
}

/* load_embedded(name [, environment]) -> an embedded Lua file as a function. */
static int l_host_load_embedded(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 2);
  if (embedded_load(L, name) != LUA_OK) return lua_error(L);
  lua_pushvalue(L, 2);
  if (!lua_isnil(L, 2)) lua_setupvalue(L, 3, 1);
  lua_settop(L, 3);
  return 1;
}

/* option_rows() -> array of {name, letter?, value_name?, help}, for help and completion. */
static int l_host_option_rows(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; i < OPTION_COUNT; i++) {
    const struct option *option = &option_rows[i];
    lua_createtable(L, 0, 4);
    lua_pushstring(L, option->name);
    lua_setfield(L, -2, "name");
    if (option->letter) lua_pushfstring(L, "%c", option->letter), lua_setfield(L, -2, "letter");
    lua_pushstring(L, option->value_name);
    lua_setfield(L, -2, "value_name");
    lua_pushstring(L, option->help);
    lua_setfield(L, -2, "help");
    lua_pushboolean(L, option_value_is_optional(option));
    lua_setfield(L, -2, "value_is_optional");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* Pushes the global options by name: a flag as true, a number as a number. */
static void push_options(lua_State *L, const struct options *options) {
  lua_newtable(L);
  for (int i = 0; i < OPTION_COUNT; i++) {
    const char *value = options->values[i];
    if (!value) continue;
    enum option_kind kind = option_rows[i].kind;
    bool is_number = kind == OPTION_NUMBER || kind == OPTION_INTEGER || kind == OPTION_WHOLE;
    if (kind == OPTION_FLAG)
      lua_pushboolean(L, 1);
    else if (!is_number || !lua_stringtonumber(L, value))
      lua_pushstring(L, value);
    lua_setfield(L, -2, option_rows[i].name);
  }
}

/* Pushes {name = true} of those that stood among the command's own arguments. */
static void push_options_behind(lua_State *L, const struct options *options) {
  lua_newtable(L);
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (!options->is_behind[i]) continue;
    lua_pushboolean(L, true);
    lua_setfield(L, -2, option_rows[i].name);
  }
}

/* Pushes {applied, open, texts}: what was written after the tally had these counts. [-0, +1, m] */
static void push_write_tally(lua_State *L, unsigned long applied, unsigned long open) {
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, (lua_Integer)(write_tally_applied() - applied));
  lua_setfield(L, -2, "applied");
  lua_pushinteger(L, (lua_Integer)(write_tally_open() - open));
  lua_setfield(L, -2, "open");
  lua_newtable(L);
  for (unsigned long i = open; i < write_tally_open() && i < WRITE_TALLY_NAMED_MAX; i++) {
    lua_pushstring(L, write_tally_open_text(i));
    lua_rawseti(L, -2, (lua_Integer)(i - open) + 1);
  }
  lua_setfield(L, -2, "texts");
}

/* run_interruptible(f, ...) -> true, results; false, error; or nil, {applied, open, texts} after
 * Ctrl-C. Runs the function as a task that Ctrl-C ends, and nothing else. Other tasks run
 * meanwhile, and on. */
static int l_host_run_interruptible(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  unsigned long applied = write_tally_applied(), open = write_tally_open();
  int status = task_run_interruptible(L, lua_gettop(L) - 1);
  if (loop_cancelled() && !loop_forget_interrupt()) return luaL_error(L, "interrupted");
  if (status == TASK_INTERRUPTED) {
    lua_pushnil(L);
    push_write_tally(L, applied, open);
    return 2;
  }
  lua_pushboolean(L, status == LUA_OK);
  lua_insert(L, 1);
  return lua_gettop(L);
}

static const luaL_Reg host_functions[] = {{"sandbox_url", l_host_sandbox_url},
                                          {"start_sandbox", l_host_start_sandbox},
                                          {"clock", l_host_clock},
                                          {"restrict_writes", l_guard_restrict_writes},
                                          {"guard_scope", l_guard_scope},
                                          {"set_read_only", l_guard_set_read_only},
                                          {"lift_protection", l_guard_lift_protection},
                                          {"protection_is_lifted", l_guard_protection_is_lifted},
                                          {"run_interruptible", l_host_run_interruptible},
                                          {"is_terminal", l_host_is_terminal},
                                          {"terminal_size", l_host_terminal_size},
                                          {"embedded_names", l_host_embedded_names},
                                          {"embedded_text", l_host_embedded_text},
                                          {"load_embedded", l_host_load_embedded},
                                          {"option_rows", l_host_option_rows},
                                          {NULL, NULL}};

static int open_host_module(lua_State *L) {
  luaL_newlibtable(L, host_functions);
  lua_pushvalue(L, lua_upvalueindex(1));
  luaL_setfuncs(L, host_functions, 1);
  task_register(L);
  lua_pushliteral(L, ANYREACH_VERSION);
  lua_setfield(L, -2, "version");
  push_options(L, host_upvalue(L)->options);
  lua_setfield(L, -2, "options");
  push_options_behind(L, host_upvalue(L)->options);
  lua_setfield(L, -2, "options_behind");
  return 1;
}

/* }====== */

/* {====== signals ====== */

/* The first Ctrl-C stops the script in good order; a second one, before a session has taken note of
 * the first, ends the program. */
static void on_interrupt(int signal_number) {
  enum loop_reason reason = signal_number == SIGTERM ? LOOP_TERMINATED : LOOP_INTERRUPTED;
  if (loop_cancelled() & reason)
    line_editor_end_by_signal(signal_number);
  else
    coroutine_cancel(reason);
}

static void on_deadline(int signal_number) {
  (void)signal_number;
  coroutine_cancel(LOOP_DEADLINE_OVER);
}

/* Without SA_RESTART, so that a blocking read or write of the script ends too. */
static void handle_signal(int signal_number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, NULL);
}

/* The run is over: another signal ends the program at once. Returns the reasons for which the run
 * was stopped. */
static unsigned take_cancel(void) {
  unsigned reasons = loop_cancelled();
  if (reasons & LOOP_INTERRUPTED) handle_signal(SIGINT, line_editor_end_by_signal);
  if (reasons & LOOP_TERMINATED) handle_signal(SIGTERM, line_editor_end_by_signal);
  loop_forget_cancel();
  return reasons;
}

/* The clock of the whole run. */
static void start_deadline(const char *seconds) {
  if (!seconds) return;
  double left = strtod(seconds, NULL);
  struct itimerval timer = {
      .it_value = {.tv_sec = (time_t)left, .tv_usec = (suseconds_t)((left - floor(left)) * 1e6)}};
  if (!timer.it_value.tv_sec && !timer.it_value.tv_usec) timer.it_value.tv_usec = 1;
  setitimer(ITIMER_REAL, &timer, NULL);
}

static void install_signals(void) {
  handle_signal(SIGINT, on_interrupt);
  handle_signal(SIGTERM, on_interrupt);
  handle_signal(SIGALRM, on_deadline);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* writing beyond `ulimit -f` fails with EFBIG instead */
}

/* }====== */

/* {====== opening and closing ====== */

static int open_libraries(lua_State *L) {
  struct host *host = lua_touserdata(L, 1);
  luaL_openlibs(L);
  chunk_wrap_library(L);
  task_open(L, host->loop);
  coroutine_wrap_library(L);
  modules_open(L);
  modules_preload(L, client_modules);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushlightuserdata(L, host);
  lua_pushcclosure(L, open_host_module, 1);
  lua_setfield(L, -2, "anyreach.host");
  if (host->options->values[OPTION_READ_ONLY]) guard_set_read_only();
  if (host->options->values[OPTION_WRITE]) guard_lift_protection();
  embedded_require(L, "anyreach");
  lua_setglobal(L, "anyreach");
  return 0;
}

struct host *host_open(const struct options *options) {
  struct host *host = calloc(1, sizeof *host);
  if (!host) return NULL;
  host->options = options;
  install_signals();
  start_deadline(options->values[OPTION_DEADLINE]);
  curl_memory_start();
  host->loop = loop_new();
  host->L = luaL_newstate();
  if (!host->loop || !host->L || !lua_keep_stack_room(host->L)) {
    host_close(host);
    return NULL;
  }
  lua_pushcfunction(host->L, open_libraries);
  lua_pushlightuserdata(host->L, host);
  if (lua_pcall(host->L, 1, 0, 0) != LUA_OK) {
    fprintf(stderr, "anyreach: cannot start: %s\n", lua_tostring(host->L, -1));
    host_close(host);
    return NULL;
  }
  return host;
}

void host_close(struct host *host) {
  if (host->server) server_stop(host->server);
  if (host->L) lua_close(host->L);
  guard_forget();
  loop_free(host->loop);
  curl_global_cleanup();
  free(host);
}

/* }====== */

/* {====== running ====== */

struct run {
  struct host *host;
  const struct program *program;
  int code;
};

static void set_arg(lua_State *L, const char *name, char **arguments) {
  lua_newtable(L);
  lua_pushstring(L, name);
  lua_rawseti(L, -2, 0);
  for (lua_Integer i = 0; arguments[i]; i++) {
    lua_pushstring(L, arguments[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setglobal(L, "arg");
}

/* Pushes the directory of a file, as package.path wants it. */
static const char *push_directory(lua_State *L, const char *file) {
  const char *slash = strrchr(file, '/');
  if (!slash) return lua_pushliteral(L, ".");
  return lua_pushlstring(L, file, slash == file ? 1 : (size_t)(slash - file));
}

/* Pushes the program as a function. Returns its Lua status; an error message is pushed then. */
static int load_program(lua_State *L, const struct program *program) {
  if (program->command) {
    embedded_require(L, "anyreach.cli.commands");
    lua_getfield(L, -1, "run");
    return LUA_OK;
  }
  if (program->recipe) {
    set_search_path(L, NULL);
    return embedded_load(L, program->recipe);
  }
  if (program->text) {
    set_search_path(L, ".");
    return chunk_load_text(L, program->text, "=(-e)");
  }
  bool is_input = strcmp(program->file, "-") == 0;
  set_search_path(L, is_input ? "." : push_directory(L, program->file));
  return chunk_load_file(L, is_input ? NULL : program->file);
}

/* Makes the program on top add the operations of the document given by --openapi before it begins.
 * [-1, +1, e] */
static void add_document(lua_State *L, const struct host *host) {
  if (!host->options->values[OPTION_OPENAPI]) return;
  embedded_require(L, "anyreach.openapi.live_documents");
  lua_getfield(L, -1, "with_document");
  lua_pushvalue(L, -3);
  lua_pushstring(L, host->options->values[OPTION_OPENAPI]);
  lua_call(L, 2, 1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* Pushes the arguments of the program's function and returns their count. */
static int push_arguments(lua_State *L, const struct program *program) {
  int count = 0;
  if (program->command) {
    lua_pushstring(L, program->command);
    lua_getglobal(L, "arg");
    return 2;
  }
  while (program->arguments[count]) count++;
  luaL_checkstack(L, count, "too many arguments");
  for (int i = 0; i < count; i++) lua_pushstring(L, program->arguments[i]);
  return count;
}

/* Reports the error value on top and returns its exit code. */
static int report(lua_State *L, const char *trace) {
  embedded_require(L, "anyreach.report");
  lua_getfield(L, -1, "failure");
  lua_pushvalue(L, -3);
  lua_pushstring(L, trace);
  lua_call(L, 2, 1);
  return (int)lua_tointeger(L, -1);
}

/* Reports a run that was stopped by a signal or its deadline. Returns the exit code. */
static int report_stop(lua_State *L) {
  unsigned reasons = take_cancel();
  embedded_require(L, "anyreach.report");
  lua_getfield(L, -1, "stopped");
  lua_pushboolean(L, (reasons & LOOP_DEADLINE_OVER) != 0);
  push_write_tally(L, 0, 0);
  lua_call(L, 2, 1);
  return (int)lua_tointeger(L, -1);
}

static void start_requested_sandbox(lua_State *L, struct host *host) {
  const char *file = host->options->values[OPTION_SANDBOX];
  if (!file) return;
  struct server_options options = {.file = *file ? file : NULL,
                                   .faults = host->options->values[OPTION_SANDBOX_FAULTS]};
  start_sandbox(L, host, &options);
}

static bool is_observing(const struct options *options) {
  return options->values[OPTION_TRACE] || options->values[OPTION_HAR] ||
         options->values[OPTION_STATS] || options->values[OPTION_RECORD] ||
         options->values[OPTION_REPLAY];
}

/* Calls start() before the program or finish() after it; the name is light userdata. Returns true
 * unless what was observed could not be written. */
static int call_observing(lua_State *L) {
  const char *name = lua_touserdata(L, 1);
  embedded_require(L, "anyreach.observe");
  lua_getfield(L, -1, name);
  lua_call(L, 0, 1);
  return 1;
}

/* Returns false with an error on the stack. */
static bool start_observing(lua_State *L) {
  lua_pushcfunction(L, call_observing);
  lua_pushlightuserdata(L, (void *)"start");
  return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

static int exit_code(lua_State *L, int results) {
  if (results == 0 || !lua_isinteger(L, -results)) return EXIT_SUCCESS;
  lua_Integer code = lua_tointeger(L, -results);
  return code >= 0 && code <= 255 ? (int)code : EXIT_SCRIPT;
}

static int run(lua_State *L) {
  struct run *run = lua_touserdata(L, 1);
  const struct program *program = run->program;
  lua_settop(L, 0);
  if (is_observing(run->host->options) && !start_observing(L)) {
    run->code = report(L, NULL);
    return 0;
  }
  start_requested_sandbox(L, run->host);
  const char *name = program->file ? program->file : program->recipe;
  set_arg(L, name ? name : "anyreach", program->arguments);
  if (load_program(L, program) != LUA_OK) {
    run->code = report(L, NULL);
    return 0;
  }
  add_document(L, run->host);
  lua_insert(L, 1);
  lua_settop(L, 1);
  int status = task_run(L, push_arguments(L, program));
  if (status == TASK_INTERRUPTED) {
    run->code = report_stop(L);
  } else if (status != LUA_OK) {
    run->code = report(L, task_traceback(L));
  } else {
    run->code = exit_code(L, lua_gettop(L));
    if (task_push_unnoticed_error(L)) run->code = report(L, NULL);
  }
  return 0;
}

/* True when output could not be written, unless its reader has gone away, as in `| head`. print()
 * flushes each line and reports no failure, so the stream's error mark decides. */
static bool output_is_lost(void) {
  struct pollfd output = {.fd = STDOUT_FILENO};
  if (fflush(stdout) == 0 && !ferror(stdout)) return false;
  return poll(&output, 1, 0) < 1 || !(output.revents & POLLERR);
}

/* Ends the observation, whether or not the program succeeded. */
static void finish_observing(struct host *host, struct run *run) {
  if (!is_observing(host->options)) return;
  lua_settop(host->L, 0);
  lua_pushcfunction(host->L, call_observing);
  lua_pushlightuserdata(host->L, (void *)"finish"); /* a string could not be made unprotected */
  bool ran = lua_pcall(host->L, 1, 1, 0) == LUA_OK;
  if (!ran) fprintf(stderr, "anyreach: %s\n", luaL_tolstring(host->L, -1, NULL));
  if ((!ran || !lua_toboolean(host->L, 1)) && !run->code) run->code = EXIT_SCRIPT;
}

int host_run(struct host *host, const struct program *program) {
  struct run context = {host, program, EXIT_SCRIPT};
  lua_pushcfunction(host->L, run);
  lua_pushlightuserdata(host->L, &context);
  if (lua_pcall(host->L, 1, 0, 0) != LUA_OK) {
    const char *message = luaL_tolstring(host->L, -1, NULL);
    fprintf(stderr, "anyreach: %s\n", message);
    context.code = EXIT_SCRIPT;
  }
  finish_observing(host, &context);
  if (output_is_lost()) {
    fputs("anyreach: standard output could not be written\n", stderr);
    return context.code ? context.code : EXIT_SCRIPT;
  }
  return context.code;
}

/* }====== */
