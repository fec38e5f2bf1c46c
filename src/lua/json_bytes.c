/* The bytes of JSON strings: plain ASCII a block at a time, and strict UTF-8; see json_parts.h. No
 * Lua. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lua/json_parts.h"

/* The compiler turns this into a few vector instructions where the machine has them. */
enum { BLOCK_SIZE = 16 };
typedef unsigned char block_bytes __attribute__((vector_size(BLOCK_SIZE)));
typedef uint64_t block_words __attribute__((vector_size(BLOCK_SIZE)));

static inline block_bytes load_block(const char *at) {
  block_bytes bytes;
  memcpy(&bytes, at, sizeof bytes);
  return bytes;
}

static inline bool is_any_set(block_bytes bytes) {
  block_words words = (block_words)bytes;
  return (words[0] | words[1]) != 0;
}

/* The place in memory of the first byte that is not 0. */
static size_t first_set_byte(uint64_t word) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (size_t)__builtin_ctzll(word) / 8;
#else
  return (size_t)__builtin_clzll(word) / 8;
#endif
}

/* How many bytes at the start of a block are neither quote, backslash nor control character. */
static inline size_t count_unescaped(block_bytes bytes) {
  block_words refused = (block_words)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
  if (refused[0]) return first_set_byte(refused[0]);
  return refused[1] ? sizeof(uint64_t) + first_set_byte(refused[1]) : BLOCK_SIZE;
}

static bool is_unescaped_byte(unsigned char byte) {
  return byte >= 0x20 && byte != '"' && byte != '\\';
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

/* True when each of the eight bytes is ASCII and unescaped. A difference borrows from the next byte
 * only where a byte is not plain itself. */
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

/* The end of a text, shorter than a block. Not inlined: its constants would slow down long texts.
 */
__attribute__((noinline)) static const char *skip_unescaped_rest(const char *at, const char *end,
                                                                 bool *ascii) {
  if (is_plain_rest(at, (size_t)(end - at))) return end;
  for (; at < end && is_unescaped_byte((unsigned char)*at); at++)
    if ((unsigned char)*at >= 0x80) *ascii = false;
  return at;
}

/* Where the first byte is that must be escaped; *ascii becomes false if a byte before it may not be
 * ASCII. */
static const char *skip_unescaped(const char *at, const char *end, bool *ascii) {
  for (; end - at >= BLOCK_SIZE; at += BLOCK_SIZE) {
    block_bytes bytes = load_block(at);
    if (is_any_set(bytes & 0x80)) *ascii = false;
    size_t count = count_unescaped(bytes);
    if (count < BLOCK_SIZE) return at + count;
  }
  return skip_unescaped_rest(at, end, ascii);
}

/* What is wrong in the bytes at `at`, of which the three before are known to be part of the text: a
 * continuation where none is due or none where one is, and what json_character_length() refuses
 * besides. */
static inline block_bytes wrong_in_block(const char *at) {
  block_bytes here = load_block(at), one = load_block(at - 1);
  block_bytes due =
      (block_bytes)((one >= 0xC0) | (load_block(at - 2) >= 0xE0) | (load_block(at - 3) >= 0xF0));
  block_bytes wrong = due ^ (block_bytes)((here & 0xC0) == 0x80);
  wrong |= (block_bytes)((here == 0xC0) | (here == 0xC1) | (here > 0xF4));
  wrong |= (block_bytes)(((one == 0xE0) & (here < 0xA0)) | ((one == 0xED) & (here >= 0xA0)));
  return wrong | (block_bytes)(((one == 0xF0) & (here < 0x90)) | ((one == 0xF4) & (here >= 0x90)));
}

/* True when the last bytes begin a character that is longer than what is left. */
static bool ends_in_character(const char *end) {
  return (unsigned char)end[-1] >= 0xC0 || (unsigned char)end[-2] >= 0xE0 ||
         (unsigned char)end[-3] >= 0xF0;
}

/* The end of the valid UTF-8 characters, or of the one that reaches `most`. */
static const char *skip_characters(const char *at, const char *most, const char *end) {
  while (at < most) {
    size_t length = json_character_length(at, end);
    if (length == 0) break;
    at += length;
  }
  return at;
}

/* The end of the valid UTF-8 characters. A text of some length is judged by blocks, the last of
 * which overlaps the one before; one that is found wrong is gone through again, for the place. */
static const char *skip_utf8(const char *start, const char *end) {
  const char *at = skip_characters(start, end - start > 3 ? start + 3 : end, end);
  if (at - start < 3 || end - at < BLOCK_SIZE) return skip_characters(at, end, end);
  block_bytes wrong = wrong_in_block(end - BLOCK_SIZE);
  for (; end - at >= BLOCK_SIZE; at += BLOCK_SIZE) wrong |= wrong_in_block(at);
  bool valid = !is_any_set(wrong) && !ends_in_character(end);
  return valid ? end : skip_characters(start, end, end);
}

const char *json_plain_end(const char *at, const char *end) {
  bool ascii = true;
  const char *stop = skip_unescaped(at, end, &ascii);
  return ascii ? stop : skip_utf8(at, stop);
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
