#include "terminal/line_screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wctype.h>

/* {====== wide characters and UTF-8 ====== */

char *line_screen_encode(const wchar_t *from, const wchar_t *end) {
  size_t length = 0;
  char *text = malloc(((size_t)(end - from) + 1) * MB_CUR_MAX + 1);
  mbstate_t state = {0};
  for (; text && from < end; from++) {
    size_t size = wcrtomb(text + length, *from, &state);
    if (size == (size_t)-1) {
      text[length] = '?';
      size = 1;
      state = (mbstate_t){0};
    }
    length += size;
  }
  if (text) text[length] = '\0';
  return text;
}

wchar_t *line_screen_decode(const char *text) {
  size_t length = strlen(text), count = 0;
  wchar_t *wide = malloc((length + 1) * sizeof *wide);
  mbstate_t state = {0};
  for (const char *end = text + length; wide && text < end;) {
    size_t size = mbrtowc(&wide[count], text, (size_t)(end - text), &state);
    if (size == (size_t)-1 || size == (size_t)-2) {
      wide[count] = L'?';
      size = 1;
      state = (mbstate_t){0};
    }
    count++;
    text += size;
  }
  if (wide) wide[count] = L'\0';
  return wide;
}

/* }====== */

enum {
  DEFAULT_COLUMNS = 80,
  DEFAULT_ROWS = 24,
  TAB_COLUMNS = 8,
  COLUMNS_FOR_A_HINT = 20 /* a narrower screen has none */
};

/* {====== the screen ====== */

int line_screen_columns(void) {
  struct winsize size;
  bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col;
  return is_known ? size.ws_col : DEFAULT_COLUMNS;
}

int line_screen_rows(void) {
  struct winsize size;
  bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row;
  return is_known ? size.ws_row : DEFAULT_ROWS;
}

bool line_screen_is_able(void) {
  const char *terminal = getenv("TERM");
  return terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

/* }====== */

/* {====== places ====== */

/* Libedit shows unprintable characters as ^X or \U+XXXX, and tabs as blanks. */
static int narrow_pieces(wchar_t character, int column, int columns) {
  if (character == L'\t') {
    int left = columns - column, wanted = TAB_COLUMNS - column % TAB_COLUMNS;
    return wanted < left ? wanted : left;
  }
  if (character < 0x100 && iswcntrl((wint_t)character)) return 2;
  return character > 0xffff ? 8 : 7;
}

/* A character that ends in the last column moves the cursor to the next row; one without room there
 * begins the next row. */
static struct line_place after_columns(struct line_place place, int count, int columns) {
  if (place.column + count > columns) place = (struct line_place){place.row + 1, 0};
  place.column += count;
  if (place.column >= columns) place = (struct line_place){place.row + 1, 0};
  return place;
}

static struct line_place after_character(struct line_place place, wchar_t character, int columns) {
  if (character == L'\n') return (struct line_place){place.row + 1, 0};
  if (iswprint((wint_t)character)) return after_columns(place, wcwidth(character), columns);
  for (int left = narrow_pieces(character, place.column, columns); left > 0; left--)
    place = after_columns(place, 1, columns);
  return place;
}

struct line_place line_screen_after(struct line_place place, const wchar_t *text,
                                    const wchar_t *end) {
  int columns = line_screen_columns();
  bool is_escape = false;
  for (; text < end; text++) {
    if (*text == L'\1')
      is_escape = !is_escape;
    else if (!is_escape)
      place = after_character(place, *text, columns);
  }
  return place;
}

/* }====== */

/* {====== drawing ====== */

void line_screen_erase(struct line_place cursor) {
  if (!line_screen_is_able()) {
    fputs("\r\n", stdout);
    return;
  }
  if (cursor.row > 0) printf("\033[%dA", cursor.row);
  fputs("\r\033[J", stdout);
}

void line_screen_go_below(struct line_place cursor, struct line_place last) {
  int lowest = cursor.row + line_screen_rows() - 1;
  for (int row = cursor.row; row < last.row && row < lowest; row++) putchar('\n');
  fputs("\r\n", stdout);
}

static void come_back(struct line_place cursor, struct line_place last) {
  printf("\r\033[%dA", last.row + 1 - cursor.row);
  if (cursor.column > 0) printf("\033[%dC", cursor.column);
}

/* Returns the end of what fits into so many columns, up to a control character. */
static void draw_beginning(const wchar_t *text, int columns) {
  for (; *text && wcwidth(*text) >= 0 && wcwidth(*text) <= columns; text++) {
    columns -= wcwidth(*text);
    printf("%lc", (wint_t)*text);
  }
}

bool line_screen_draw_below(struct line_place cursor, struct line_place last, const wchar_t *text) {
  int columns = line_screen_columns();
  if (columns < COLUMNS_FOR_A_HINT || last.row + 2 > line_screen_rows()) return false;
  line_screen_go_below(cursor, last);
  fputs("\033[2m", stdout);
  draw_beginning(text, columns - 1);
  fputs("\033[0m\033[K", stdout);
  come_back(cursor, last);
  return true;
}

void line_screen_erase_below(struct line_place cursor, struct line_place last) {
  printf("\r\033[%dB\033[K", last.row + 1 - cursor.row);
  come_back(cursor, last);
}

void line_screen_write(const char *text, size_t length) {
  while (length > 0) {
    const char *end = memchr(text, '\n', length);
    size_t line = end ? (size_t)(end - text) : length;
    fwrite(text, 1, line, stdout);
    fputs("\r\n", stdout);
    text += line + (end ? 1 : 0);
    length -= line + (end ? 1 : 0);
  }
}

/* }====== */
