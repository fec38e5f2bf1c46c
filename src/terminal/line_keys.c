#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "terminal/line_state.h"
#include "terminal/wide_text.h"

static unsigned char on_redraw(EditLine *edit, int key) {
  (void)edit, (void)key;
  return CC_REFRESH;
}

/* The cursor goes to the end first: what the program prints must come below the entry. */
static unsigned char on_enter(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  (void)key;
  const char *text = line_entry_text(editor, NULL);
  if (text && !editor->hooks.is_complete(editor->hooks.context, text)) {
    el_winsertstr(edit, L"\n");
    return CC_REFRESH;
  }
  if (line->cursor < line->lastchar) {
    line_entry_move_cursor(editor, line->lastchar);
    el_wpush(edit, L"\n");
    return CC_REFRESH;
  }
  editor->status = LINE_READ;
  return CC_NEWLINE;
}

static unsigned char on_line_break(EditLine *edit, int key) {
  (void)key;
  el_winsertstr(edit, L"\n");
  return CC_REFRESH;
}

/* To an end of the line, and from there to that of the entry. */
static unsigned char on_start(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  const wchar_t *start = line_entry_line_start(line, line->cursor);
  (void)key;
  line_entry_move_cursor(editor, start < line->cursor ? start : line->buffer);
  return CC_CURSOR;
}

static unsigned char on_end(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  const wchar_t *end = line_entry_line_end(line, line->cursor);
  (void)key;
  line_entry_move_cursor(editor, end > line->cursor ? end : line->lastchar);
  return CC_CURSOR;
}

static unsigned char on_delete_or_end(EditLine *edit, int key) {
  const LineInfoW *line = el_wline(edit);
  (void)key;
  if (line->lastchar == line->buffer) return CC_EOF;
  if (line->cursor == line->lastchar) return CC_ERROR;
  el_cursor(edit, 1);
  el_wdeletestr(edit, 1);
  return CC_REFRESH;
}

static unsigned char on_tab(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  struct line_completion completion = {0};
  size_t cursor = 0;
  const char *text = line_entry_text(editor, &cursor);
  (void)key;
  if (!text) return CC_ERROR;
  editor->hooks.complete(editor->hooks.context, text, cursor, editor->was_tab, &completion);
  editor->was_tab = true;
  if (completion.listing) {
    line_editor_write_above(editor, completion.listing, strlen(completion.listing));
    return CC_NORM;
  }
  wchar_t *inserted = completion.insert ? wide_text_decode(completion.insert) : NULL;
  if (!inserted) return CC_ERROR;
  line_entry_delete_before(editor, completion.length);
  el_winsertstr(edit, inserted);
  free(inserted);
  return CC_REFRESH;
}

/* {====== pasting ====== */

struct pasted {
  wchar_t *text;
  size_t length, room;
};

static bool append_pasted(struct pasted *pasted, wchar_t character) {
  if (pasted->length + 1 >= pasted->room) {
    size_t room = pasted->room ? 2 * pasted->room : 256;
    wchar_t *text = realloc(pasted->text, room * sizeof *text);
    if (!text) return false;
    pasted->text = text;
    pasted->room = room;
  }
  pasted->text[pasted->length++] = character;
  pasted->text[pasted->length] = L'\0';
  return true;
}

static bool ends_with(const struct pasted *pasted, const wchar_t *end) {
  size_t length = wcslen(end);
  return pasted->length >= length &&
         memcmp(pasted->text + pasted->length - length, end, length * sizeof *end) == 0;
}

/* Ends of lines become \n; other control characters but tabs would do harm, or nothing. In
 * libedit's modes \r and \n arrive as each other. */
static void clean_pasted(struct pasted *pasted) {
  wchar_t *to = pasted->text;
  for (const wchar_t *from = pasted->text; *from; from++) {
    if (*from == L'\n' && from[1] == L'\r') continue;
    wchar_t character = *from == L'\r' ? L'\n' : *from;
    if (character >= L' ' || character == L'\t' || character == L'\n') *to++ = character;
  }
  *to = L'\0';
}

/* What a terminal sends between its marks was pasted: it is text, whatever it holds. Nothing of it
 * is in the entry until all of it has come. */
static unsigned char on_paste(EditLine *edit, int key) {
  static const wchar_t end[] = L"\033[201~";
  struct line_editor *editor = line_editor_of(edit);
  struct pasted pasted = {0};
  wchar_t character;
  (void)key;
  do {
    if (!line_editor_next_character(editor, &character) || !append_pasted(&pasted, character)) {
      free(pasted.text);
      return CC_EOF;
    }
  } while (!ends_with(&pasted, end));
  pasted.text[pasted.length - wcslen(end)] = L'\0';
  clean_pasted(&pasted);
  el_winsertstr(edit, pasted.text);
  free(pasted.text);
  return CC_REFRESH;
}

/* }====== */

/* {====== names and keys ====== */

static void add_functions(EditLine *edit) {
  static const struct {
    const wchar_t *name, *help;
    unsigned char (*function)(EditLine *, int);
  } rows[] = {{L"anyreach-redraw", L"draw anew", on_redraw},
              {L"anyreach-enter", L"end the entry, or its line", on_enter},
              {L"anyreach-line-break", L"end the line", on_line_break},
              {L"anyreach-complete", L"complete the word", on_tab},
              {L"anyreach-paste", L"take what was pasted", on_paste},
              {L"anyreach-older", L"line above, or older entry", line_recall_older},
              {L"anyreach-newer", L"line below, or newer entry", line_recall_newer},
              {L"anyreach-search", L"search in the history", line_recall_search},
              {L"anyreach-search-key", L"go on searching", line_recall_search_key},
              {L"anyreach-start", L"go to the line's start, or the entry's", on_start},
              {L"anyreach-end", L"go to the line's end, or the entry's", on_end},
              {L"anyreach-delete-or-end", L"delete, or end the input", on_delete_or_end}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    el_wset(edit, EL_ADDFN, rows[i].name, rows[i].help, rows[i].function);
}

static void bind_keys(EditLine *edit) {
  static const struct {
    const wchar_t *keys, *function;
  } rows[] = {{L"\\237", L"anyreach-redraw"},
              {L"\\236", L"anyreach-search-key"},
              {L"^M", L"anyreach-enter"},
              {L"^J", L"anyreach-enter"},
              {L"\\033^M", L"anyreach-line-break"},
              {L"\\033^J", L"anyreach-line-break"},
              {L"^I", L"anyreach-complete"},
              {L"\\033[200~", L"anyreach-paste"},
              {L"^R", L"anyreach-search"},
              {L"^P", L"anyreach-older"},
              {L"^N", L"anyreach-newer"},
              {L"\\033[A", L"anyreach-older"},
              {L"\\033[B", L"anyreach-newer"},
              {L"\\033OA", L"anyreach-older"},
              {L"\\033OB", L"anyreach-newer"},
              {L"^A", L"anyreach-start"},
              {L"^E", L"anyreach-end"},
              {L"^D", L"anyreach-delete-or-end"},
              {L"^U", L"vi-kill-line-prev"},
              {L"^W", L"ed-delete-prev-word"},
              {L"\\033[H", L"anyreach-start"},
              {L"\\033[F", L"anyreach-end"},
              {L"\\033OH", L"anyreach-start"},
              {L"\\033OF", L"anyreach-end"},
              {L"\\033[1~", L"anyreach-start"},
              {L"\\033[4~", L"anyreach-end"},
              {L"\\033[3~", L"ed-delete-next-char"},
              {L"\\033[1;5C", L"em-next-word"},
              {L"\\033[1;5D", L"ed-prev-word"},
              {L"\\033[1;3C", L"em-next-word"},
              {L"\\033[1;3D", L"ed-prev-word"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    el_wset(edit, EL_BIND, rows[i].keys, rows[i].function, NULL);
}

void line_keys_bind(EditLine *edit) {
  add_functions(edit);
  bind_keys(edit);
}

/* }====== */
