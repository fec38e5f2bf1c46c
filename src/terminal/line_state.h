/* What the two halves of the line editor share: line_editor.c waits for keys and looks after the
 * screen, line_keys.c does what keys do. */
#ifndef ANYREACH_LINE_STATE_H
#define ANYREACH_LINE_STATE_H

#include <histedit.h>
#include <wchar.h>

#include "terminal/line_editor.h"
#include "terminal/line_history.h"

/* Keys that no keyboard sends (C1 controls): libedit receives them to run a function of ours. */
#define LINE_REDRAW_KEY L'\x9f'
#define LINE_SEARCH_KEY L'\x9e'

#define LINE_CONTROL(letter) ((letter) - '@')

enum { LINE_INPUT_SIZE = 4096, LINE_SEARCH_MAX = 64 };

struct line_editor {
  struct line_hooks hooks;
  EditLine *edit;
  struct line_history *history;
  enum line_status status;
  bool is_reading;
  bool was_tab;  /* the last key was Tab */
  bool has_hint; /* one is on the screen */
  wchar_t *prompt;
  wchar_t *hint;          /* for the entry as it is, or NULL */
  char *text;             /* the entry, in UTF-8 */
  const wchar_t *initial; /* to be inserted before the first key, or NULL */

  wchar_t *draft;       /* the entry that the user wrote before going to the history */
  size_t prefix_length; /* of the draft, that entries of the history begin with */
  wchar_t *recalled;    /* what came from the history, or NULL */

  bool is_searching;
  wchar_t search_key;
  wchar_t wanted[LINE_SEARCH_MAX];
  wchar_t search_prompt[LINE_SEARCH_MAX + 20];

  char input[LINE_INPUT_SIZE]; /* bytes that were read but not used yet */
  size_t input_start, input_end;
};

/* {====== line_editor.c ====== */

struct line_editor *line_editor_of(EditLine *edit);

/* False at the end of input, or when the entry is given up. */
bool line_editor_next_character(struct line_editor *editor, wchar_t *character);

/* Writes lines above the entry, which is drawn anew below them. */
void line_editor_write_above(struct line_editor *editor, const char *text, size_t length);

/* }====== */

/* {====== line_keys.c ====== */

/* The entry in UTF-8, which stays in `editor->text`; NULL when memory runs out. `cursor` may be
 * NULL. */
const char *line_keys_entry(struct line_editor *editor, size_t *cursor);

/* Names the functions and binds them to keys. */
void line_keys_bind(EditLine *edit);

/* During a search each key belongs to it; any other key ends the search and is read again. */
void line_keys_redirect(struct line_editor *editor, wchar_t *key);

/* }====== */

#endif
