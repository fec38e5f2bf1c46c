#include "terminal/line_editor.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "terminal/line_screen.h"
#include "terminal/line_state.h"

struct line_editor *line_editor_of(EditLine *edit) {
  struct line_editor *editor = NULL;
  el_wget(edit, EL_CLIENTDATA, &editor);
  return editor;
}

/* {====== leaving the terminal as it was ====== */

#define PASTE_MARKS_ON  "\033[?2004h"
#define PASTE_MARKS_OFF "\033[?2004l"

static struct termios modes_before; /* of the terminal */
static bool has_paste_marks;
static volatile sig_atomic_t is_reading_now;

/* A process that changes the modes of a terminal which its shell has taken back is stopped. */
static bool is_in_background(void) {
  pid_t owner = tcgetpgrp(STDIN_FILENO);
  return owner >= 0 && owner != getpgrp();
}

/* Runs also when a hook ends the program while an entry is read. Safe in a signal handler. */
static void restore_terminal(void) {
  const char *farewell = has_paste_marks ? PASTE_MARKS_OFF "\r\n" : "\r\n";
  if (!is_reading_now || is_in_background()) return;
  is_reading_now = 0;
  ssize_t written = write(STDOUT_FILENO, farewell, strlen(farewell));
  (void)written;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
}

static void remember_terminal(void) {
  static bool is_remembered;
  has_paste_marks = line_screen_is_able();
  if (is_remembered) return;
  is_remembered = tcgetattr(STDIN_FILENO, &modes_before) == 0 && atexit(restore_terminal) == 0;
}

void line_editor_end_by_signal(int signal_number) {
  restore_terminal();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

static void mark_pastes(bool on) {
  if (has_paste_marks) fputs(on ? PASTE_MARKS_ON : PASTE_MARKS_OFF, stdout);
  fflush(stdout);
}

/* }====== */

/* {====== the prompt ====== */

/* Libedit draws an escape sequence together with the character after it, so it loses one at the
 * end. */
static void move_last_escape(wchar_t *prompt) {
  size_t length = wcslen(prompt);
  if (length < 3 || prompt[length - 1] != L'\1') return;
  wchar_t *escape = prompt + length - 2;
  while (escape > prompt && *escape != L'\1') escape--;
  if (escape == prompt || escape[-1] == L'\1') return;
  wchar_t last = escape[-1];
  wmemmove(escape - 1, escape, (size_t)(prompt + length - escape));
  prompt[length - 1] = last;
}

/* For the same reason two adjacent sequences must be one. */
static void join_escapes(wchar_t *prompt) {
  bool is_escape = false;
  wchar_t *end = prompt;
  for (const wchar_t *from = prompt; *from; from++) {
    if (*from == L'\1') is_escape = !is_escape;
    if (*from == L'\1' && is_escape && end > prompt && end[-1] == L'\1')
      end--;
    else
      *end++ = *from;
  }
  *end = L'\0';
}

static wchar_t *shown_prompt(struct line_editor *editor) {
  return editor->is_searching ? editor->search_prompt : editor->prompt;
}

static wchar_t *prompt_of(EditLine *edit) {
  return shown_prompt(line_editor_of(edit));
}

/* }====== */

/* {====== the screen ====== */

/* Where the cursor is, and where the entry ends. True as long as libedit has drawn what it holds:
 * while a key is waited for, and when a key's function starts. */
static struct line_place cursor_place(struct line_editor *editor, struct line_place *last) {
  const LineInfoW *line = el_wline(editor->edit);
  const wchar_t *prompt = shown_prompt(editor);
  struct line_place start = {0};
  start = line_screen_after(start, prompt, prompt + wcslen(prompt));
  struct line_place cursor = line_screen_after(start, line->buffer, line->cursor);
  if (last) *last = line_screen_after(cursor, line->cursor, line->lastchar);
  return cursor;
}

static void erase_hint(struct line_editor *editor) {
  if (!editor->has_hint) return;
  struct line_place last, cursor = cursor_place(editor, &last);
  line_screen_erase_below(cursor, last);
  editor->has_hint = false;
}

static void draw_hint(struct line_editor *editor) {
  if (!editor->hint) return;
  struct line_place last, cursor = cursor_place(editor, &last);
  editor->has_hint = line_screen_draw_below(cursor, last, editor->hint);
  fflush(stdout);
}

static void renew_hint(struct line_editor *editor) {
  size_t cursor = 0;
  free(editor->hint);
  editor->hint = NULL;
  if (editor->is_searching || !line_screen_is_able()) return;
  const char *text = line_keys_entry(editor, &cursor);
  const char *hint = text ? editor->hooks.hint(editor->hooks.context, text, cursor) : NULL;
  if (hint && *hint) editor->hint = line_screen_decode(hint);
  draw_hint(editor);
}

void line_editor_write_above(struct line_editor *editor, const char *text, size_t length) {
  line_screen_erase(cursor_place(editor, NULL));
  editor->has_hint = false;
  line_screen_write(text, length);
  fflush(stdout);
  el_wset(editor->edit, EL_REFRESH);
}

void line_editor_print(struct line_editor *editor, const char *text, size_t length) {
  if (editor->is_reading) {
    bool had_hint = editor->has_hint;
    line_editor_write_above(editor, text, length);
    if (had_hint) draw_hint(editor);
  } else {
    fwrite(text, 1, length, stdout);
    fflush(stdout);
  }
}

/* }====== */

/* {====== the terminal ====== */

static volatile sig_atomic_t is_terminal_changed, is_stop_due;

void line_editor_note_signal(int signal_number) {
  if (signal_number == SIGTSTP)
    is_stop_due = 1;
  else
    is_terminal_changed = 1;
}

bool line_editor_has_signal(void) {
  return is_terminal_changed || is_stop_due;
}

/* The modes and the size may have changed while another process had the terminal. */
static void take_terminal(struct line_editor *editor) {
  is_terminal_changed = 0;
  el_wset(editor->edit, EL_PREP_TERM, 1);
  mark_pastes(true);
  el_resize(editor->edit);
  el_wset(editor->edit, EL_REFRESH);
}

static void give_terminal(struct line_editor *editor) {
  mark_pastes(false);
  el_wset(editor->edit, EL_PREP_TERM, 0);
}

/* A terminal wraps its lines again when its width changes, so the new width says where the cursor
 * is. */
static void follow_change(struct line_editor *editor) {
  line_screen_erase(cursor_place(editor, NULL));
  give_terminal(editor);
  take_terminal(editor);
}

/* Stops until the shell continues the program in the foreground. Until then SIGTERM ends it at
 * once: an orderly end would need the terminal. */
static void stop_until_continued(struct line_editor *editor) {
  struct sigaction stop = {.sa_handler = SIG_DFL}, stop_before;
  struct sigaction end = {.sa_handler = line_editor_end_by_signal}, end_before;
  sigaction(SIGTSTP, &stop, &stop_before);
  sigaction(SIGTERM, &end, &end_before);
  raise(SIGTSTP);
  take_terminal(editor);
  sigaction(SIGTERM, &end_before, NULL);
  sigaction(SIGTSTP, &stop_before, NULL);
}

static void stop_program(struct line_editor *editor) {
  struct line_place last, cursor = cursor_place(editor, &last);
  is_stop_due = 0;
  erase_hint(editor);
  line_screen_go_below(cursor, last);
  give_terminal(editor);
  stop_until_continued(editor);
}

static void heed_signals(struct line_editor *editor) {
  bool had_hint = editor->has_hint;
  if (is_stop_due)
    stop_program(editor);
  else
    follow_change(editor);
  editor->has_hint = false;
  if (had_hint) draw_hint(editor);
}

/* }====== */

/* {====== keys ====== */

/* Waits for bytes and reads them; false at the end of input, or when the entry is abandoned. */
static bool fill_input(struct line_editor *editor) {
  for (;;) {
    if (line_editor_has_signal()) heed_signals(editor);
    if (!editor->hooks.wait(editor->hooks.context)) {
      editor->status = LINE_GIVEN_UP;
      return false;
    }
    if (line_editor_has_signal()) continue;
    ssize_t count = read(STDIN_FILENO, editor->input, sizeof editor->input);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return false;
    editor->input_start = 0;
    editor->input_end = (size_t)count;
    return true;
  }
}

bool line_editor_next_character(struct line_editor *editor, wchar_t *character) {
  mbstate_t state = {0};
  for (;;) {
    if (editor->input_start == editor->input_end && !fill_input(editor)) return false;
    size_t size = mbrtowc(character, &editor->input[editor->input_start], 1, &state);
    editor->input_start++;
    if (size != (size_t)-1 && size != (size_t)-2) return true;
    if (size == (size_t)-1) state = (mbstate_t){0};
  }
}

/* For libedit: the next key. The hint is visible while we wait for it. */
static int read_key(EditLine *edit, wchar_t *key) {
  struct line_editor *editor = line_editor_of(edit);
  if (editor->initial) {
    el_winsertstr(edit, editor->initial);
    editor->initial = NULL;
    *key = LINE_REDRAW_KEY;
    return 1;
  }
  if (editor->input_start == editor->input_end) renew_hint(editor);
  bool is_read = line_editor_next_character(editor, key);
  erase_hint(editor);
  if (!is_read) return -1;
  if (*key != L'\t') editor->was_tab = false;
  if (editor->is_searching) {
    line_keys_redirect(editor, key);
  } else if (*key >= L' ' && wcwidth(*key) == 0) {
    /* Libedit assumes that a combining character moves the cursor. */
    el_winsertstr(edit, (wchar_t[]){*key, L'\0'});
    *key = LINE_REDRAW_KEY;
  }
  return 1;
}

/* }====== */

/* {====== setting up ====== */

/* The locale of no language: Lua's string functions depend on it, too. */
static void use_utf8(void) {
  if (!setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "");
}

static void set_up(struct line_editor *editor) {
  EditLine *edit = editor->edit;
  el_wset(edit, EL_CLIENTDATA, editor);
  el_wset(edit, EL_EDITOR, L"emacs");
  el_wset(edit, EL_EDITMODE, 1);
  el_wset(edit, EL_SIGNAL, 0);
  el_wset(edit, EL_PROMPT_ESC, prompt_of, L'\1');
  el_wset(edit, EL_GETCFN, read_key);
  line_keys_bind(edit);
}

struct line_editor *line_editor_new(const struct line_hooks *hooks, const char *history) {
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return NULL;
  struct line_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  use_utf8();
  remember_terminal();
  editor->hooks = *hooks;
  editor->edit = el_init("anyreach", stdin, stdout, stderr);
  editor->history = line_history_new(history);
  if (editor->edit && editor->history) {
    set_up(editor);
    return editor;
  }
  line_editor_free(editor);
  return NULL;
}

void line_editor_free(struct line_editor *editor) {
  el_end(editor->edit);
  line_history_free(editor->history);
  free(editor->prompt);
  free(editor->text);
  free(editor->hint);
  free(editor->draft);
  free(editor->recalled);
  free(editor);
}

/* }====== */

/* {====== reading ====== */

static void start_reading(struct line_editor *editor) {
  editor->is_reading = true;
  is_reading_now = 1;
  editor->status = LINE_END;
  editor->was_tab = editor->has_hint = editor->is_searching = false;
  free(editor->recalled);
  editor->recalled = NULL;
  mark_pastes(true);
}

/* What was typed ahead is dropped together with an abandoned entry. */
static void stop_reading(struct line_editor *editor) {
  struct line_place last, cursor = cursor_place(editor, &last);
  line_screen_go_below(cursor, last);
  mark_pastes(false);
  editor->is_reading = false;
  is_reading_now = 0;
  if (editor->status == LINE_GIVEN_UP) editor->input_start = editor->input_end;
}

static bool take_prompt(struct line_editor *editor, const char *prompt) {
  free(editor->prompt);
  editor->prompt = line_screen_decode(prompt);
  if (!editor->prompt) return false;
  move_last_escape(editor->prompt);
  join_escapes(editor->prompt);
  return true;
}

enum line_status line_editor_read(struct line_editor *editor, const char *prompt,
                                  const char *initial, const char **text) {
  int unused;
  *text = "";
  if (!take_prompt(editor, prompt)) return LINE_END;
  wchar_t *wide_initial = initial ? line_screen_decode(initial) : NULL;
  editor->initial = wide_initial;
  start_reading(editor);
  el_wgets(editor->edit, &unused);
  stop_reading(editor);
  editor->initial = NULL;
  free(wide_initial);
  if (editor->text) *text = editor->text;
  return editor->status;
}

/* }====== */

void line_editor_add_history(struct line_editor *editor, const char *text) {
  wchar_t *wide = line_screen_decode(text);
  if (wide && *wide) line_history_add(editor->history, wide);
  free(wide);
}
