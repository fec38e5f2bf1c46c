/* Scanning of string bytes, a block at a time where they are plain ASCII, and strict UTF-8. */
#include "lua/json_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What the compiler makes of this is a few vector instructions where the machine has them. */
enum { BLOCK_SIZE = 16 };
typedef signed char block_bytes __attribute__((vector_size(BLOCK_SIZE)));
typedef uint64_t block_words __attribute__((vector_size(BLOCK_SIZE)));

/* The place in memory of the first byte that is not 0. */
static size_t first_set_byte(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (size_t)__builtin_ctzll(word) / 8;
#else
  return (size_t)__builtin_clzll(word) / 8;
#endif
}

/* How many bytes at the start of a block are ASCII, printable or DEL, and neither quote nor
 * backslash. Bytes from 0x80 are negative here. */
static size_t count_plain(const char *at) {
  block_bytes bytes;
  memcpy(&bytes, at, sizeof bytes);
  block_words refused = (block_words)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
  if (refused[0]) return first_set_byte(refused[0]);
  return refused[1] ? sizeof(uint64_t) + first_set_byte(refused[1]) : BLOCK_SIZE;
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

/* True when each of the eight bytes is plain, as count_plain() has it. A difference borrows from
 * the next byte only where a byte is not plain itself. */
static bool is_plain_word(uint64_t word) {
  const uint64_t each = UINT64_MAX / 0xFF;
  uint64_t below_space = word - each * 0x20;
  uint64_t quote = (word ^ each * '"') - each, backslash = (word ^ each * '\\') - each;
  return ((word | below_space | quote | backslash) & each * 0x80) == 0;
}

/* True when `length` bytes, fewer than a block, are all plain: read as two that overlap. */
static bool is_plain_rest(const char *at, size_t length) {
  uint64_t first = 0, last = 0;
  if (length >= 8) {
    memcpy(&first, at, 8);
    memcpy(&last, at + length - 8, 8);
    return is_plain_word(first) && is_plain_word(last);
  }
  if (length < 4) return false;
  memcpy(&first, at, 4);
  memcpy(&last, at + length - 4, 4);
  return is_plain_word(first | last << 32);
}

/* The end of a text, less than a block. Apart, as its constants are in the way of long texts. */
__attribute__((noinline)) static const char *skip_plain_rest(const char *at, const char *end) {
  if (is_plain_rest(at, (size_t)(end - at))) return end;
  while (at < end && is_plain_byte((unsigned char)*at)) at++;
  return at;
}

static const char *skip_plain_ascii(const char *at, const char *end) {
  while (end - at >= BLOCK_SIZE) {
    size_t count = count_plain(at);
    at += count;
    if (count < BLOCK_SIZE) return at;
  }
  return skip_plain_rest(at, end);
}

const char *json_plain_end(const char *at, const char *end) {
  for (;;) {
    at = skip_plain_ascii(at, end);
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
