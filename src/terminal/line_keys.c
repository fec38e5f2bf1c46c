/* What keys do: changing the entry, going through the history, searching it, pasting. */
#include "terminal/line_state.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "terminal/line_screen.h"

/* {====== the entry ====== */

const char *line_keys_entry(struct line_editor *editor, size_t *cursor) {
  const LineInfoW *line = el_wline(editor->edit);
  free(editor->text);
  editor->text = line_screen_encode(line->buffer, line->lastchar);
  if (cursor && editor->text) {
    char *before = line_screen_encode(line->buffer, line->cursor);
    *cursor = before ? strlen(before) : 0;
    free(before);
  }
  return editor->text;
}

/* A copy, which the caller frees; NULL when memory runs out. */
static wchar_t *copy_entry(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  size_t length = (size_t)(line->lastchar - line->buffer);
  wchar_t *copy = malloc((length + 1) * sizeof *copy);
  if (!copy) return NULL;
  wmemcpy(copy, line->buffer, length);
  copy[length] = L'\0';
  return copy;
}

static void move_cursor(struct line_editor *editor, const wchar_t *place) {
  el_cursor(editor->edit, (int)(place - el_wline(editor->edit)->cursor));
}

static void replace_entry(struct line_editor *editor, const wchar_t *text) {
  const LineInfoW *line = el_wline(editor->edit);
  move_cursor(editor, line->lastchar);
  el_wdeletestr(editor->edit, (int)(line->lastchar - line->buffer));
  el_winsertstr(editor->edit, text);
}

/* Deletes the characters that take so many bytes before the cursor. */
static void delete_before(struct line_editor *editor, size_t bytes) {
  const LineInfoW *line = el_wline(editor->edit);
  int count = 0;
  for (const wchar_t *at = line->cursor; bytes > 0 && at > line->buffer; count++) {
    char character[MB_LEN_MAX];
    int size = wctomb(character, *--at);
    bytes -= size > 0 && (size_t)size < bytes ? (size_t)size : bytes;
  }
  if (count > 0) el_wdeletestr(editor->edit, count);
}

/* The start or end of the line that contains the place. */
static const wchar_t *line_start(const LineInfoW *line, const wchar_t *place) {
  while (place > line->buffer && place[-1] != L'\n') place--;
  return place;
}

static const wchar_t *line_end(const LineInfoW *line, const wchar_t *place) {
  while (place < line->lastchar && *place != L'\n') place++;
  return place;
}

/* The cursor goes to the line above or below, to the same column or the line's end. False when
 * there is no line there. */
static bool go_up(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  const wchar_t *start = line_start(line, line->cursor);
  if (start == line->buffer) return false;
  const wchar_t *end = start - 1;
  const wchar_t *place = line_start(line, end) + (line->cursor - start);
  move_cursor(editor, place < end ? place : end);
  return true;
}

static bool go_down(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  const wchar_t *start = line_start(line, line->cursor);
  const wchar_t *below = line_end(line, line->cursor);
  if (below == line->lastchar) return false;
  const wchar_t *place = below + 1 + (line->cursor - start);
  const wchar_t *end = line_end(line, below + 1);
  move_cursor(editor, place < end ? place : end);
  return true;
}

/* }====== */

enum { BACKSPACE = 0x7f };

/* {====== going through the history ====== */

/* True while the entry is still as it came from the history. */
static bool is_as_recalled(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  size_t length = (size_t)(line->lastchar - line->buffer);
  return editor->recalled && line->cursor == line->lastchar && wcslen(editor->recalled) == length &&
         memcmp(editor->recalled, line->buffer, length * sizeof(wchar_t)) == 0;
}

static void recall(struct line_editor *editor, const wchar_t *entry) {
  replace_entry(editor, entry);
  free(editor->recalled);
  editor->recalled = wcsdup(entry);
}

/* Puts the entry that the user wrote aside; false when memory runs out. */
static bool leave_draft(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  free(editor->draft);
  editor->draft = copy_entry(editor);
  editor->prefix_length = (size_t)(line->cursor - line->buffer);
  line_history_rewind(editor->history);
  return editor->draft != NULL;
}

static unsigned char on_older(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  (void)key;
  if (!is_as_recalled(editor)) {
    if (go_up(editor)) return CC_CURSOR;
    if (!leave_draft(editor)) return CC_ERROR;
  }
  wchar_t *current = copy_entry(editor);
  if (!current) return CC_ERROR;
  const wchar_t *entry =
      line_history_older(editor->history, editor->draft, editor->prefix_length, current);
  free(current);
  if (!entry) return CC_ERROR;
  recall(editor, entry);
  return CC_REFRESH;
}

static unsigned char on_newer(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  (void)key;
  if (!is_as_recalled(editor)) return go_down(editor) ? CC_CURSOR : CC_ERROR;
  const wchar_t *entry =
      line_history_newer(editor->history, editor->draft, editor->prefix_length, editor->recalled);
  if (entry) {
    recall(editor, entry);
  } else {
    replace_entry(editor, editor->draft);
    free(editor->recalled);
    editor->recalled = NULL;
  }
  return CC_REFRESH;
}

/* }====== */

/* {====== searching in the history ====== */

/* Shows the next older entry that contains the wanted text, with the cursor at it. */
static void search_on(struct line_editor *editor, const wchar_t *current) {
  const wchar_t *entry = line_history_find(editor->history, editor->wanted, current);
  if (entry) {
    recall(editor, entry);
    const wchar_t *buffer = el_wline(editor->edit)->buffer;
    move_cursor(editor, buffer + (wcsstr(entry, editor->wanted) - entry));
  }
  swprintf(editor->search_prompt, sizeof editor->search_prompt / sizeof *editor->search_prompt,
           entry ? L"search '%ls': " : L"nothing has '%ls': ", editor->wanted);
}

static void search_anew(struct line_editor *editor) {
  line_history_rewind(editor->history);
  if (*editor->wanted) {
    search_on(editor, L"");
  } else {
    replace_entry(editor, editor->draft);
    wcscpy(editor->search_prompt, L"search: ");
  }
}

static unsigned char on_search(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  (void)key;
  if (!leave_draft(editor)) return CC_ERROR;
  editor->is_searching = true;
  *editor->wanted = L'\0';
  search_anew(editor);
  return CC_REFRESH;
}

static void end_search(struct line_editor *editor) {
  editor->is_searching = false;
  replace_entry(editor, editor->draft);
}

static unsigned char on_search_key(EditLine *edit, int unused) {
  struct line_editor *editor = line_editor_of(edit);
  wchar_t key = editor->search_key;
  size_t length = wcslen(editor->wanted);
  (void)unused;
  if (!editor->is_searching) return CC_ERROR;
  if (key == LINE_CONTROL('G')) {
    end_search(editor);
  } else if (key == LINE_CONTROL('R')) {
    if (length > 0) search_on(editor, editor->recalled ? editor->recalled : L"");
  } else if (key == BACKSPACE || key == LINE_CONTROL('H')) {
    if (length > 0) editor->wanted[length - 1] = L'\0';
    search_anew(editor);
  } else if (length + 1 < LINE_SEARCH_MAX) {
    editor->wanted[length] = key;
    editor->wanted[length + 1] = L'\0';
    search_anew(editor);
  }
  return CC_REFRESH;
}

static bool is_key_of_search(wchar_t key) {
  return key >= L' ' || key == LINE_CONTROL('H') || key == LINE_CONTROL('R') ||
         key == LINE_CONTROL('G');
}

void line_keys_redirect(struct line_editor *editor, wchar_t *key) {
  if (is_key_of_search(*key)) {
    editor->search_key = *key;
    *key = LINE_SEARCH_KEY;
  } else {
    editor->is_searching = false;
    editor->input_start--; /* it is a control character: one byte */
    *key = LINE_REDRAW_KEY;
  }
}

/* }====== */

static unsigned char on_redraw(EditLine *edit, int key) {
  (void)edit, (void)key;
  return CC_REFRESH;
}

/* Moves the cursor to the end first: output must appear below the entry. */
static unsigned char on_enter(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  (void)key;
  const char *text = line_keys_entry(editor, NULL);
  if (text && !editor->hooks.is_complete(editor->hooks.context, text)) {
    el_winsertstr(edit, L"\n");
    return CC_REFRESH;
  }
  if (line->cursor < line->lastchar) {
    move_cursor(editor, line->lastchar);
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

/* Go to the start or end of the line, and from there to that of the entry. */
static unsigned char on_start(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  const wchar_t *start = line_start(line, line->cursor);
  (void)key;
  move_cursor(editor, start < line->cursor ? start : line->buffer);
  return CC_CURSOR;
}

static unsigned char on_end(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  const LineInfoW *line = el_wline(edit);
  const wchar_t *end = line_end(line, line->cursor);
  (void)key;
  move_cursor(editor, end > line->cursor ? end : line->lastchar);
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
  const char *text = line_keys_entry(editor, &cursor);
  (void)key;
  if (!text) return CC_ERROR;
  editor->hooks.complete(editor->hooks.context, text, cursor, editor->was_tab, &completion);
  editor->was_tab = true;
  if (completion.listing) {
    line_editor_write_above(editor, completion.listing, strlen(completion.listing));
    return CC_NORM;
  }
  wchar_t *inserted = completion.insert ? line_screen_decode(completion.insert) : NULL;
  if (!inserted) return CC_ERROR;
  delete_before(editor, completion.length);
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

/* Line ends become \n; other control characters, except tabs, are harmful or useless. In libedit's
 * modes \r and \n are swapped. */
static void clean_pasted(struct pasted *pasted) {
  wchar_t *to = pasted->text;
  for (const wchar_t *from = pasted->text; *from; from++) {
    if (*from == L'\n' && from[1] == L'\r') continue;
    wchar_t character = *from == L'\r' ? L'\n' : *from;
    if (character >= L' ' || character == L'\t' || character == L'\n') *to++ = character;
  }
  *to = L'\0';
}

/* What a terminal sends between its marks was pasted: it is text, whatever it contains. It enters
 * the entry only when all of it has arrived. */
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
              {L"anyreach-older", L"line above, or older entry", on_older},
              {L"anyreach-newer", L"line below, or newer entry", on_newer},
              {L"anyreach-search", L"search in the history", on_search},
              {L"anyreach-search-key", L"go on searching", on_search_key},
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
