#include "net/curl_memory.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static unsigned long refusals;
static bool is_watched;

static void *noted(void *block) {
  if (!block) refusals++;
  return block;
}

static void *watched_malloc(size_t size) {
  is_watched = true;
  return noted(malloc(size));
}

static void *watched_realloc(void *block, size_t size) {
  return noted(realloc(block, size));
}

static void *watched_calloc(size_t count, size_t size) {
  is_watched = true;
  return noted(calloc(count, size));
}

static char *watched_strdup(const char *text) {
  return noted(strdup(text));
}

int curl_memory_start(void) {
  CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, watched_malloc, free, watched_realloc,
                                       watched_strdup, watched_calloc);
  return code == CURLE_OK ? 0 : -1;
}

unsigned long curl_memory_refusals(void) {
  return refusals;
}

bool curl_memory_is_watched(void) {
  return is_watched;
}
