/* The memory that libcurl takes, so that one of its codes can be told apart: libcurl 7.88 says
 * CURLE_OUT_OF_MEMORY also of a line in the head of an answer that is longer than it allows. */
#ifndef ANYREACH_CURL_MEMORY_H
#define ANYREACH_CURL_MEMORY_H

#include <stdbool.h>

/* Starts libcurl, in place of curl_global_init(). Returns 0 or -1. */
int curl_memory_start(void);

/* How often memory was refused to libcurl. */
unsigned long curl_memory_refusals(void);

/* False when somebody else has started libcurl: the refusals are not known then. */
bool curl_memory_is_watched(void);

#endif
