/* Scanning of string bytes, eight at a time where they are plain ASCII, and strict UTF-8. */
#include "json_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const uint64_t every_byte = 0x0101010101010101u;
static const uint64_t every_high_bit = 0x8080808080808080u;

/* True when all eight bytes are ASCII, printable or DEL, and neither quote nor backslash. The
 * subtractions borrow into a byte only above one that is refused anyway. */
static bool is_plain_word(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  uint64_t quote = word ^ every_byte * '"', backslash = word ^ every_byte * '\\';
  uint64_t refused = word | (word - every_byte * 0x20);
  refused |= (quote - every_byte) | (backslash - every_byte);
  return !(refused & every_high_bit);
}

static bool is_plain_byte(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static bool is_continuation(const char *at) {
  return ((unsigned char)*at & 0xC0) == 0x80;
}

size_t json_character_length(const char *at, const char *end) {
  unsigned char first = (unsigned char)*at;
  if (first < 0x80) return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || (size_t)(end - at) < length) return 0;
  for (size_t i = 1; i < length; i++)
    if (!is_continuation(at + i)) return 0;
  unsigned char second = (unsigned char)at[1];
  if (first == 0xE0 && second < 0xA0) return 0;  /* overlong */
  if (first == 0xED && second >= 0xA0) return 0; /* a surrogate */
  if (first == 0xF0 && second < 0x90) return 0;  /* overlong */
  if (first == 0xF4 && second >= 0x90) return 0; /* beyond U+10FFFF */
  return length;
}

const char *json_plain_end(const char *at, const char *end) {
  for (;;) {
    while (end - at >= 8 && is_plain_word(at)) at += 8;
    while (at < end && is_plain_byte((unsigned char)*at)) at++;
    if (at == end || (unsigned char)*at < 0x80) return at;
    size_t length = json_character_length(at, end);
    if (length == 0) return at;
    at += length;
  }
}

static bool is_control(const char *at, size_t length) {
  unsigned char first = (unsigned char)at[0];
  return first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && (at[1] & 0x60) == 0);
}

const char *json_describe_character(const char *at, const char *end,
                                    char text[JSON_CHARACTER_MAX]) {
  if (at >= end) return "the end of the text";
  size_t length = json_character_length(at, end);
  if (length == 0 || is_control(at, length))
    snprintf(text, JSON_CHARACTER_MAX, "byte 0x%02X", (unsigned char)*at);
  else
    snprintf(text, JSON_CHARACTER_MAX, "'%.*s'", (int)length, at);
  return text;
}
