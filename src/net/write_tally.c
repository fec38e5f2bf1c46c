#include "net/write_tally.h"

#include <stdio.h>

static struct {
  unsigned long applied, open;
  char texts[WRITE_TALLY_NAMED_MAX][WRITE_TALLY_TEXT_MAX];
} tally;

void write_tally_note_applied(void) {
  tally.applied++;
}

void write_tally_note_open(const char *method, const char *path) {
  if (tally.open < WRITE_TALLY_NAMED_MAX)
    snprintf(tally.texts[tally.open], WRITE_TALLY_TEXT_MAX, "%s %s", method, path);
  tally.open++;
}

unsigned long write_tally_applied(void) {
  return tally.applied;
}

unsigned long write_tally_open(void) {
  return tally.open;
}

const char *write_tally_open_text(unsigned long index) {
  return tally.texts[index];
}
