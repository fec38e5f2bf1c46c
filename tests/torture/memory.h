/* Memory that runs out on purpose. The program is linked with --wrap for malloc() and its kin and
 * for luaL_newstate(), so that what our code, Lua, libcurl and SQLite ask for comes through here,
 * is counted, and may be refused. */
#ifndef ANYREACH_TORTURE_MEMORY_H
#define ANYREACH_TORTURE_MEMORY_H

#include <stdbool.h>

/* Which of the coming allocations are refused: `count` of them, the `first` (from 1) being the
 * first. Lua tries once more after a collection, so a refusal is felt there from a count of 2 on.
 */
struct memory_refusal {
  unsigned long first, count;
};

/* To be called once, before libcurl and SQLite are used. */
void memory_install(void);

void memory_start(struct memory_refusal refusal);

/* From now on nothing is refused. Returns how many allocations there were since the start. */
unsigned long memory_stop(void);

/* Whether any was refused since the start. */
bool memory_was_refused(void);

/* How many blocks are alive. */
long memory_alive(void);

#endif
