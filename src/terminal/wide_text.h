/* Text as wide characters, which libedit works with, and as UTF-8. The locale must be one of UTF-8.
 */
#ifndef ANYREACH_WIDE_TEXT_H
#define ANYREACH_WIDE_TEXT_H

#include <stddef.h>
#include <wchar.h>

/* Both results are to be freed; NULL when memory runs out. What is no character becomes '?'. */
char *wide_text_encode(const wchar_t *from, const wchar_t *end);
wchar_t *wide_text_decode(const char *text);

#endif
