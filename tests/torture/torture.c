/* Runs what a program does again and again, and lets memory run out at another place each time:
 * once, for two allocations, and for good. Nothing may crash, nothing may be left behind, and what
 * should be refused stays refused. Usage: torture [SCENARIO...]
 *
 * A scenario with many allocations is tried at TORTURE_STEPS places (200) of each kind. The last
 * line is "N passed, N failed"; a crash ends the program and tells where it was. */
#include <lauxlib.h>
#include <limits.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "scenarios.h"

enum { DEFAULT_STEPS = 200, RUN_SECONDS = 30 };

static const unsigned long kinds[] = {1, 2, ULONG_MAX};

/* What is being tried, for the report of a crash. */
static const struct scenario *current;
static struct memory_refusal trying;

static void report_place(void) {
  fprintf(stderr, "torture: %s, refused from allocation %lu on: %lu\n",
          current ? current->name : "start", trying.first, trying.count);
}

static unsigned long run(const struct scenario *scenario, struct memory_refusal refusal) {
  trying = refusal;
  alarm(RUN_SECONDS);
  return scenario->run(refusal);
}

static bool run_one(const struct scenario *scenario, struct memory_refusal refusal) {
  long before = memory_alive();
  run(scenario, refusal);
  if (memory_alive() == before) return true;
  report_place();
  fprintf(stderr, "torture: %ld blocks are left behind\n", memory_alive() - before);
  return false;
}

/* The first runs, in which nothing is refused, let libraries make what they keep, and tell how many
 * allocations there are. */
static bool torture(const struct scenario *scenario, unsigned long steps) {
  struct memory_refusal none = {0, 0};
  run(scenario, none);
  unsigned long total = run(scenario, none), runs = 0, stride = total / steps + 1;
  bool passed = run_one(scenario, none);
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    for (unsigned long first = 1 + kind % stride; first <= total; first += stride, runs++)
      if (!run_one(scenario, (struct memory_refusal){first, kinds[kind]})) passed = false;
  }
  printf("%-12s %6lu allocations, %5lu runs%s\n", scenario->name, total, runs,
         passed ? "" : ", FAILED");
  return passed;
}

static bool is_wanted(const char *name, char **names) {
  if (!*names) return true;
  for (; *names; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

int main(int count, char **arguments) {
  const char *steps = getenv("TORTURE_STEPS");
  unsigned passed = 0, failed = 0;
  (void)count;
  __sanitizer_set_death_callback(report_place);
  memory_install();
  for (current = scenarios; current->name; current++) {
    if (!is_wanted(current->name, arguments + 1)) continue;
    bool good = torture(current, steps ? strtoul(steps, NULL, 10) : DEFAULT_STEPS);
    fflush(stdout);
    ++*(good ? &passed : &failed);
  }
  alarm(0);
  printf("%u passed, %u failed\n", passed, failed);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
