/* Where characters come to stand on the terminal that stdout is, and moving about there, for what
 * libedit does not draw itself. Terminals but "dumb" ones are taken to know the ANSI sequences.
 * Also: text as the wide characters that libedit works with. No Lua.
 */
#ifndef ANYREACH_LINE_SCREEN_H
#define ANYREACH_LINE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* Rows are counted from the one where the prompt starts. */
struct line_place {
  int row, column;
};

int line_screen_columns(void);
int line_screen_rows(void);

/* False when all that can be done is to write one line after the other. */
bool line_screen_is_able(void);

/* Where the cursor is when it was at `from` and these characters were drawn, as libedit draws them.
 * What stands between two \1 takes no room. */
struct line_place line_screen_after(struct line_place from, const wchar_t *text,
                                    const wchar_t *end);

/* These write to stdout, without flushing. */

/* From a place to the row where the prompt starts; erases all from there on. */
void line_screen_erase(struct line_place cursor);

/* To the row below the entry's last one, which may make the screen scroll. */
void line_screen_go_below(struct line_place cursor, struct line_place last);

/* Draws a dim line below the entry, as much of it as has room, and comes back to the cursor.
 * Returns false when there is no room. */
bool line_screen_draw_below(struct line_place cursor, struct line_place last, const wchar_t *text);
void line_screen_erase_below(struct line_place cursor, struct line_place last);

/* Lines, each with its end. */
void line_screen_write(const char *text, size_t length);

/* {====== text as wide characters, in a UTF-8 locale ====== */

/* Both results are to be freed; NULL when memory runs out. What is no character becomes '?'. */
char *line_screen_encode(const wchar_t *from, const wchar_t *end);
wchar_t *line_screen_decode(const char *text);

/* }====== */

#endif
