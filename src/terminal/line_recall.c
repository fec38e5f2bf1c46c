#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "terminal/line_state.h"

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
  line_entry_replace(editor, entry);
  free(editor->recalled);
  editor->recalled = wcsdup(entry);
}

/* Goes away from the entry that the user wrote; false when memory runs out. */
static bool leave_draft(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  free(editor->draft);
  editor->draft = line_entry_copy(editor);
  editor->prefix_length = (size_t)(line->cursor - line->buffer);
  line_history_rewind(editor->history);
  return editor->draft != NULL;
}

unsigned char line_recall_older(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  (void)key;
  if (!is_as_recalled(editor)) {
    if (line_entry_go_up(editor)) return CC_CURSOR;
    if (!leave_draft(editor)) return CC_ERROR;
  }
  wchar_t *current = line_entry_copy(editor);
  if (!current) return CC_ERROR;
  const wchar_t *entry =
      line_history_older(editor->history, editor->draft, editor->prefix_length, current);
  free(current);
  if (!entry) return CC_ERROR;
  recall(editor, entry);
  return CC_REFRESH;
}

unsigned char line_recall_newer(EditLine *edit, int key) {
  struct line_editor *editor = line_editor_of(edit);
  (void)key;
  if (!is_as_recalled(editor)) return line_entry_go_down(editor) ? CC_CURSOR : CC_ERROR;
  const wchar_t *entry =
      line_history_newer(editor->history, editor->draft, editor->prefix_length, editor->recalled);
  if (entry) {
    recall(editor, entry);
  } else {
    line_entry_replace(editor, editor->draft);
    free(editor->recalled);
    editor->recalled = NULL;
  }
  return CC_REFRESH;
}

/* }====== */

/* {====== searching in the history ====== */

/* Shows the next older entry that holds what is wanted, with the cursor there. */
static void search_on(struct line_editor *editor, const wchar_t *current) {
  const wchar_t *entry = line_history_find(editor->history, editor->wanted, current);
  if (entry) {
    recall(editor, entry);
    const wchar_t *buffer = el_wline(editor->edit)->buffer;
    line_entry_move_cursor(editor, buffer + (wcsstr(entry, editor->wanted) - entry));
  }
  swprintf(editor->search_prompt, sizeof editor->search_prompt / sizeof *editor->search_prompt,
           entry ? L"search '%ls': " : L"nothing has '%ls': ", editor->wanted);
}

static void search_anew(struct line_editor *editor) {
  line_history_rewind(editor->history);
  if (*editor->wanted) {
    search_on(editor, L"");
  } else {
    line_entry_replace(editor, editor->draft);
    wcscpy(editor->search_prompt, L"search: ");
  }
}

unsigned char line_recall_search(EditLine *edit, int key) {
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
  line_entry_replace(editor, editor->draft);
}

unsigned char line_recall_search_key(EditLine *edit, int unused) {
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

void line_recall_redirect(struct line_editor *editor, wchar_t *key) {
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
