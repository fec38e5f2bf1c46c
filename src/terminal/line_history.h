/* Earlier entries, of any number of lines, kept by libedit in memory and in a file that others
 * cannot read. A place among them, which starts after the newest, says where older and newer ones
 * are looked up from. No Lua, no terminal.
 */
#ifndef ANYREACH_LINE_HISTORY_H
#define ANYREACH_LINE_HISTORY_H

#include <wchar.h>

struct line_history;

/* Reads the file, if it exists; `path` may be NULL. NULL when memory runs out. */
struct line_history *line_history_new(const char *path);
void line_history_free(struct line_history *history);

/* Adds an entry, unless the newest is the same, and goes to the start. */
void line_history_add(struct line_history *history, const wchar_t *entry);

void line_history_rewind(struct line_history *history);

/* The next older or newer entry that starts with the first `length` characters of `text` and
 * differs from `current`. Without one, NULL, and the place stays; line_history_newer() moves it to
 * the start then. An entry lasts until the next call that adds one. */
const wchar_t *line_history_older(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current);
const wchar_t *line_history_newer(struct line_history *history, const wchar_t *text, size_t length,
                                  const wchar_t *current);

/* The next older entry that contains the text, otherwise as line_history_older(). */
const wchar_t *line_history_find(struct line_history *history, const wchar_t *text,
                                 const wchar_t *current);

#endif
