#include "net/ledger.h"

#include <stdio.h>

static struct {
  unsigned long applied, open;
  char texts[LEDGER_NAMED_MAX][LEDGER_TEXT_MAX];
} ledger;

void ledger_note_applied(void) {
  ledger.applied++;
}

void ledger_note_open(const char *method, const char *path) {
  if (ledger.open < LEDGER_NAMED_MAX)
    snprintf(ledger.texts[ledger.open], LEDGER_TEXT_MAX, "%s %s", method, path);
  ledger.open++;
}

unsigned long ledger_applied(void) {
  return ledger.applied;
}

unsigned long ledger_open(void) {
  return ledger.open;
}

const char *ledger_open_text(unsigned long index) {
  return ledger.texts[index];
}
