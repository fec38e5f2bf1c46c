/* The entries that were typed before, of any number of lines, kept by libedit in memory and in a
 * file that others cannot read. There is a place among them, where older and newer ones are asked
 * for from; it starts after the newest. No Lua, no terminal.
 */
#ifndef ANYREACH_LINE_HISTORY_H
#define ANYREACH_LINE_HISTORY_H

#include <wchar.h>

struct line_history;

/* Reads the file, if there is one; `path` may be NULL. NULL when memory runs out. */
struct line_history *line_history_new(const char *path);
void line_history_free(struct line_history *history);

/* Adds an entry, unless the newest is the same, and goes to the start. */
void line_history_add(struct line_history *history, const wchar_t *entry);

void line_history_rewind(struct line_history *history);

/* The next older or newer entry that starts with `length` characters of `text`, and is another than
 * `current`. NULL, and nothing moves, when there is none; but with line_history_newer() the place
 * is then the start. An entry lasts until the next call that adds one. */
const wchar_t *line_history_older(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current);
const wchar_t *line_history_newer(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current);

/* The next older entry that holds the text, as line_history_older(). */
const wchar_t *line_history_find(struct line_history *history, const wchar_t *text,
                                 const wchar_t *current);

#endif
