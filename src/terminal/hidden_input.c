#include "terminal/hidden_input.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_LENGTH = 4096 }; /* what a terminal takes for one line */

/* Shows the prompt and reads a line without showing it. Returns its length, or -1 with errno. */
static ssize_t read_hidden(int terminal, const char *prompt, char line[LINE_MAX_LENGTH]) {
  struct termios before, hidden;
  if (tcgetattr(terminal, &before) != 0) return -1;
  hidden = before;
  hidden.c_lflag &= ~(tcflag_t)ECHO;
  hidden.c_lflag |= ICANON | ECHONL;
  if (tcsetattr(terminal, TCSAFLUSH, &hidden) != 0) return -1;
  ssize_t length = write(terminal, prompt, strlen(prompt));
  if (length >= 0) length = read(terminal, line, LINE_MAX_LENGTH);
  int problem = errno;
  tcsetattr(terminal, TCSAFLUSH, &before);
  errno = problem;
  return length;
}

/* read(prompt) -> text, a line of the terminal without its end; or nil, message, errno: EINTR
 * after Ctrl-C. */
static int l_hidden_input_read(lua_State *L) {
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

static const luaL_Reg functions[] = {{"read", l_hidden_input_read}, {NULL, NULL}};

int luaopen_anyreach_hidden_input(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
