#include "terminal/wide_text.h"

#include <stdlib.h>
#include <string.h>

char *wide_text_encode(const wchar_t *from, const wchar_t *end) {
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

wchar_t *wide_text_decode(const char *text) {
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
