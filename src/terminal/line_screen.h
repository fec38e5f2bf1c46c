/* Where characters appear on the terminal behind stdout, and moving around there, for what libedit
 * does not draw itself. Every terminal but a "dumb" one is assumed to know the ANSI sequences.
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

/* False when the terminal can only write one line after the other. */
bool line_screen_is_able(void);

/* Where the cursor is after these characters were drawn from `from` on, as libedit draws them. Text
 * between two \1 takes no room. */
struct line_place line_screen_after(struct line_place from, const wchar_t *text,
                                    const wchar_t *end);

/* These write to stdout, without flushing. */

/* Goes to the row where the prompt starts, and erases everything from there on. */
void line_screen_erase(struct line_place cursor);

/* Goes to the row below the entry, which may make the screen scroll. */
void line_screen_go_below(struct line_place cursor, struct line_place last);

/* Draws a dim line below the entry, cut to the room there is, and returns to the cursor. Returns
 * false without room. */
bool line_screen_draw_below(struct line_place cursor, struct line_place last, const wchar_t *text);
void line_screen_erase_below(struct line_place cursor, struct line_place last);

/* Lines, each with its end. */
void line_screen_write(const char *text, size_t length);

/* {====== text as wide characters, in a UTF-8 locale ====== */

/* The caller frees the results; NULL when memory runs out. What is not a character becomes '?'. */
char *line_screen_encode(const wchar_t *from, const wchar_t *end);
wchar_t *line_screen_decode(const char *text);

/* }====== */

#endif
