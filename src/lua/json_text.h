/* The bytes of JSON strings, for the decoder and the encoder alone. No Lua. */
#ifndef ANYREACH_JSON_TEXT_H
#define ANYREACH_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Where the run of bytes ends that stand for themselves in a JSON string: at a quote, a backslash,
 * a control character, a byte that is not valid UTF-8, or `end`. */
const char *json_plain_end(const char *at, const char *end);

/* The length of the valid UTF-8 character at `at`, or 0. */
size_t json_character_length(const char *at, const char *end);

enum { JSON_CHARACTER_MAX = 32 };

/* Writes what stands at `at` for a message: the end of the text, 'x', or byte 0x07. */
const char *json_describe_character(const char *at, const char *end, char text[JSON_CHARACTER_MAX]);

#endif
