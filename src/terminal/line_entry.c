#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "terminal/line_state.h"
#include "terminal/wide_text.h"

const char *line_entry_text(struct line_editor *editor, size_t *cursor) {
  const LineInfoW *line = el_wline(editor->edit);
  free(editor->text);
  editor->text = wide_text_encode(line->buffer, line->lastchar);
  if (cursor && editor->text) {
    char *before = wide_text_encode(line->buffer, line->cursor);
    *cursor = before ? strlen(before) : 0;
    free(before);
  }
  return editor->text;
}

wchar_t *line_entry_copy(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  size_t length = (size_t)(line->lastchar - line->buffer);
  wchar_t *copy = malloc((length + 1) * sizeof *copy);
  if (!copy) return NULL;
  wmemcpy(copy, line->buffer, length);
  copy[length] = L'\0';
  return copy;
}

void line_entry_move_cursor(struct line_editor *editor, const wchar_t *place) {
  el_cursor(editor->edit, (int)(place - el_wline(editor->edit)->cursor));
}

void line_entry_replace(struct line_editor *editor, const wchar_t *text) {
  const LineInfoW *line = el_wline(editor->edit);
  line_entry_move_cursor(editor, line->lastchar);
  el_wdeletestr(editor->edit, (int)(line->lastchar - line->buffer));
  el_winsertstr(editor->edit, text);
}

void line_entry_delete_before(struct line_editor *editor, size_t bytes) {
  const LineInfoW *line = el_wline(editor->edit);
  int count = 0;
  for (const wchar_t *at = line->cursor; bytes > 0 && at > line->buffer; count++) {
    char character[MB_LEN_MAX];
    int size = wctomb(character, *--at);
    bytes -= size > 0 && (size_t)size < bytes ? (size_t)size : bytes;
  }
  if (count > 0) el_wdeletestr(editor->edit, count);
}

const wchar_t *line_entry_line_start(const LineInfoW *line, const wchar_t *place) {
  while (place > line->buffer && place[-1] != L'\n') place--;
  return place;
}

const wchar_t *line_entry_line_end(const LineInfoW *line, const wchar_t *place) {
  while (place < line->lastchar && *place != L'\n') place++;
  return place;
}

bool line_entry_go_up(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  const wchar_t *start = line_entry_line_start(line, line->cursor);
  if (start == line->buffer) return false;
  const wchar_t *end = start - 1;
  const wchar_t *place = line_entry_line_start(line, end) + (line->cursor - start);
  line_entry_move_cursor(editor, place < end ? place : end);
  return true;
}

bool line_entry_go_down(struct line_editor *editor) {
  const LineInfoW *line = el_wline(editor->edit);
  const wchar_t *start = line_entry_line_start(line, line->cursor);
  const wchar_t *below = line_entry_line_end(line, line->cursor);
  if (below == line->lastchar) return false;
  const wchar_t *place = below + 1 + (line->cursor - start);
  const wchar_t *end = line_entry_line_end(line, below + 1);
  line_entry_move_cursor(editor, place < end ? place : end);
  return true;
}
