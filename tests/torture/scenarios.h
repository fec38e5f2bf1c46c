/* What is done again and again while memory runs out. */
#ifndef ANYREACH_TORTURE_SCENARIOS_H
#define ANYREACH_TORTURE_SCENARIOS_H

#include "memory.h"

/* Does its work between memory_start(refusal) and memory_stop(), leaves nothing alive, and returns
 * what memory_stop() told. Ends the program when something comes out wrong. */
struct scenario {
  const char *name;
  unsigned long (*run)(struct memory_refusal refusal);
};

/* The last one has no name. */
extern const struct scenario scenarios[];

#endif
