#include "terminal/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lua/modules.h"
#include "lua/task.h"
#include "net/loop.h"
#include "terminal/line_editor.h"
#include "terminal/line_screen.h"

#define EDITOR_TYPE "anyreach.line_editor"

/* User values of an editor: its options, and the texts that hooks returned. */
enum {
  EDITOR_OPTIONS = 1,
  EDITOR_HINT,
  EDITOR_INSERT,
  EDITOR_LISTING,
  EDITOR_VALUES = EDITOR_LISTING
};

struct editor {
  struct line_editor *lines; /* NULL: closed */
  struct loop_source keys;   /* wakes the loop while an entry is read */
  lua_State *reader;         /* who is in read(), or NULL */
  int index;                 /* of the editor on the reader's stack */
};

/* {====== signals that the terminal sends ====== */

static void on_signal(int signal_number) {
  line_editor_note_signal(signal_number);
  loop_wake();
}

/* With SA_RESTART: a change of the window's size must not interrupt reading. */
static void handle_signal(int signal_number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, NULL);
}

static bool follows_terminal; /* one editor does */

static void follow_terminal(void) {
  follows_terminal = true;
  handle_signal(SIGWINCH, on_signal);
  handle_signal(SIGCONT, on_signal);
  handle_signal(SIGQUIT, line_editor_end_by_signal);
}

static void leave_terminal(void) {
  follows_terminal = false;
  handle_signal(SIGWINCH, SIG_DFL);
  handle_signal(SIGCONT, SIG_DFL);
  handle_signal(SIGQUIT, SIG_DFL);
}

/* }====== */

/* {====== hooks: called by the line editor, never raising ====== */

/* Pushes an option's function, if it is given. */
static bool push_option(struct editor *editor, const char *name) {
  lua_State *L = editor->reader;
  lua_getiuservalue(L, editor->index, EDITOR_OPTIONS);
  bool given = lua_getfield(L, -1, name) != LUA_TNIL;
  lua_remove(L, -2);
  if (!given) lua_pop(L, 1);
  return given;
}

/* Pops the text on top, keeps it alive, and returns its bytes; NULL when it is not a text.
 */
static const char *keep_text(struct editor *editor, int slot) {
  const char *text =
      lua_type(editor->reader, -1) == LUA_TSTRING ? lua_tostring(editor->reader, -1) : NULL;
  lua_setiuservalue(editor->reader, editor->index, slot);
  return text;
}

static int turn(lua_State *L) {
  task_turn(L);
  return 0;
}

static bool has_key(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

static bool wait_for_key(void *context) {
  lua_State *L = ((struct editor *)context)->reader;
  while (!loop_cancelled()) {
    if (line_editor_has_signal() || has_key()) return true;
    lua_pushcfunction(L, turn);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
  }
  return false;
}

static bool is_complete(void *context, const char *text) {
  struct editor *editor = context;
  lua_State *L = editor->reader;
  if (!push_option(editor, "is_complete")) return true;
  lua_pushstring(L, text);
  bool complete = lua_pcall(L, 1, 1, 0) != LUA_OK || lua_toboolean(L, -1);
  lua_pop(L, 1);
  return complete;
}

/* edit(complete, text, cursor, again) -> length, insert?, listing? */
static int edit(lua_State *L) {
  bool again = lua_toboolean(L, 4);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_call(L, 2, 1);
  embedded_require(L, "anyreach.repl.completion");
  lua_getfield(L, -1, "edit");
  lua_pushvalue(L, -3);
  lua_pushvalue(L, 3);
  lua_pushboolean(L, again);
  lua_pushinteger(L, line_screen_columns());
  lua_pushinteger(L, line_screen_rows());
  lua_call(L, 5, 3);
  return 3;
}

static void complete(void *context, const char *text, size_t cursor, bool again,
                     struct line_completion *completion) {
  struct editor *editor = context;
  lua_State *L = editor->reader;
  lua_pushcfunction(L, edit);
  if (!push_option(editor, "complete")) {
    lua_pop(L, 1);
    return;
  }
  lua_pushstring(L, text);
  lua_pushinteger(L, (lua_Integer)cursor);
  lua_pushboolean(L, again);
  if (lua_pcall(L, 4, 3, 0) != LUA_OK) {
    lua_pop(L, 1);
    return;
  }
  completion->listing = keep_text(editor, EDITOR_LISTING);
  completion->insert = keep_text(editor, EDITOR_INSERT);
  completion->length = (size_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
}

static const char *hint(void *context, const char *text, size_t cursor) {
  struct editor *editor = context;
  lua_State *L = editor->reader;
  if (!push_option(editor, "hint")) return NULL;
  lua_pushstring(L, text);
  lua_pushinteger(L, (lua_Integer)cursor);
  if (lua_pcall(L, 2, 1, 0) == LUA_OK) return keep_text(editor, EDITOR_HINT);
  lua_pop(L, 1);
  return NULL;
}

/* }====== */

/* {====== an editor ====== */

static struct editor *check_editor(lua_State *L) {
  struct editor *editor = luaL_checkudata(L, 1, EDITOR_TYPE);
  if (!editor->lines) luaL_error(L, "the editor is closed");
  return editor;
}

static const char *option_text(lua_State *L, const char *name) {
  lua_getiuservalue(L, 1, EDITOR_OPTIONS);
  lua_getfield(L, -1, name);
  const char *text = lua_tostring(L, -1);
  lua_pop(L, 2); /* the table keeps it alive */
  return text;
}

static void do_nothing(void *context) {
  (void)context;
}

static enum line_status read_entry(lua_State *L, struct editor *editor, const char **text) {
  const char *prompt = luaL_checkstring(L, 2), *initial = NULL;
  if (lua_istable(L, 3) && lua_getfield(L, 3, "initial") == LUA_TSTRING)
    initial = lua_tostring(L, -1);
  luaL_checkstack(L, 2 * LUA_MINSTACK, "reading an entry");
  editor->reader = L;
  editor->index = 1;
  editor->keys = (struct loop_source){.descriptor = STDIN_FILENO, .run = do_nothing};
  loop_add_source(task_loop(L), &editor->keys);
  handle_signal(SIGTSTP, on_signal);
  enum line_status status = line_editor_read(editor->lines, prompt, initial, text);
  handle_signal(SIGTSTP, SIG_DFL);
  loop_remove_source(task_loop(L), &editor->keys);
  editor->reader = NULL;
  return status;
}

/* read(prompt[, {initial=}]) -> the entry; nil at the end of input; false after Ctrl-C, even right
 * after Enter. Other tasks run meanwhile. Raises when the program must end. */
static int l_editor_read(lua_State *L) {
  struct editor *editor = check_editor(L);
  const char *text;
  if (editor->reader) return luaL_error(L, "an entry is already being read");
  lua_settop(L, 3);
  enum line_status status = read_entry(L, editor, &text);
  if (loop_cancelled()) status = LINE_GIVEN_UP;
  if (loop_cancelled() && !loop_forget_interrupt()) return luaL_error(L, "interrupted");
  if (status == LINE_READ)
    lua_pushstring(L, text);
  else if (status == LINE_END)
    lua_pushnil(L);
  else
    lua_pushboolean(L, false);
  return 1;
}

static bool is_to_be_kept(lua_State *L) {
  lua_getiuservalue(L, 1, EDITOR_OPTIONS);
  if (lua_getfield(L, -1, "keep") == LUA_TNIL) return true;
  lua_pushvalue(L, 2);
  lua_call(L, 1, 1);
  return lua_toboolean(L, -1);
}

/* add(text): adds an entry to the history, unless `keep` returns false. */
static int l_editor_add(lua_State *L) {
  struct editor *editor = check_editor(L);
  const char *text = luaL_checkstring(L, 2);
  if (is_to_be_kept(L)) line_editor_add_history(editor->lines, text);
  return 0;
}

/* print(text): writes lines above the entry that is being read. */
static int l_editor_print(lua_State *L) {
  struct editor *editor = check_editor(L);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  line_editor_print(editor->lines, text, length);
  return 0;
}

static int l_editor_is_reading(lua_State *L) {
  lua_pushboolean(L, check_editor(L)->reader != NULL);
  return 1;
}

static int l_editor_close(lua_State *L) {
  struct editor *editor = luaL_checkudata(L, 1, EDITOR_TYPE);
  if (editor->lines && !editor->reader) {
    line_editor_free(editor->lines);
    leave_terminal();
    editor->lines = NULL;
  }
  return 0;
}

/* }====== */

/* editor{history=, complete=, hint=, keep=, is_complete=} -> editor. */
static int l_terminal_editor(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (follows_terminal) return luaL_error(L, "there is already an editor");
  lua_settop(L, 1);
  struct editor *editor = lua_newuserdatauv(L, sizeof *editor, EDITOR_VALUES);
  *editor = (struct editor){0};
  luaL_setmetatable(L, EDITOR_TYPE);
  lua_insert(L, 1);
  lua_setiuservalue(L, 1, EDITOR_OPTIONS);
  struct line_hooks hooks = {.context = editor,
                             .wait = wait_for_key,
                             .is_complete = is_complete,
                             .complete = complete,
                             .hint = hint};
  editor->lines = line_editor_new(&hooks, option_text(L, "history"));
  if (!editor->lines) return luaL_error(L, "stdin and stdout are not a terminal");
  follow_terminal();
  return 1;
}

/* {====== input that is not shown ====== */

enum { LINE_MAX_LENGTH = 4096 }; /* the longest line of a terminal */

/* Waits for a line. Signals get in only during the wait itself, so a Ctrl-C just before it is not
 * missed: it fails with EINTR then. */
static ssize_t read_line(int terminal, char line[LINE_MAX_LENGTH]) {
  struct pollfd input = {.fd = terminal, .events = POLLIN};
  sigset_t all, before;
  int ready = 0;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  while (ready <= 0 && !loop_cancelled()) {
    ready = ppoll(&input, 1, NULL, &before);
    if (ready < 0 && errno != EINTR) break;
  }
  int problem = loop_cancelled() ? EINTR : errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = problem;
  return ready > 0 ? read(terminal, line, LINE_MAX_LENGTH) : -1;
}

/* Shows the prompt and reads a line without echo. Returns its length, or -1 with errno. */
static ssize_t read_hidden(int terminal, const char *prompt, char line[LINE_MAX_LENGTH]) {
  struct termios before, hidden;
  if (tcgetattr(terminal, &before) != 0) return -1;
  hidden = before;
  hidden.c_lflag &= ~(tcflag_t)ECHO;
  hidden.c_lflag |= ICANON | ECHONL;
  if (tcsetattr(terminal, TCSAFLUSH, &hidden) != 0) return -1;
  ssize_t length = write(terminal, prompt, strlen(prompt));
  if (length >= 0) length = read_line(terminal, line);
  int problem = errno;
  tcsetattr(terminal, TCSAFLUSH, &before);
  errno = problem;
  return length;
}

/* read_hidden(prompt) -> text, a line of the terminal without its end; or nil, message, errno:
 * EINTR after Ctrl-C. */
static int l_terminal_read_hidden(lua_State *L) {
  char line[LINE_MAX_LENGTH];
  const char *prompt = luaL_checkstring(L, 1);
  int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  ssize_t length = terminal < 0 ? -1 : read_hidden(terminal, prompt, line);
  int problem = errno;
  if (terminal >= 0) close(terminal);
  errno = problem;
  if (length < 0) return luaL_fileresult(L, 0, NULL);
  if (length > 0 && line[length - 1] == '\n') length--;
  lua_pushlstring(L, line, (size_t)length);
  explicit_bzero(line, sizeof line);
  return 1;
}

/* }====== */

static const luaL_Reg editor_metamethods[] = {
    {"__gc", l_editor_close}, {"__close", l_editor_close}, {NULL, NULL}};

static const luaL_Reg editor_methods[] = {
    {"read", l_editor_read},   {"add", l_editor_add},
    {"print", l_editor_print}, {"is_reading", l_editor_is_reading},
    {"close", l_editor_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"editor", l_terminal_editor}, {"read_hidden", l_terminal_read_hidden}, {NULL, NULL}};

int luaopen_anyreach_terminal(lua_State *L) {
  luaL_newmetatable(L, EDITOR_TYPE);
  luaL_setfuncs(L, editor_metamethods, 0);
  luaL_newlib(L, editor_methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
