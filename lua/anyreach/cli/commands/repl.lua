-- anyreach repl: a session at a prompt.

local spec = {
  usage = "anyreach repl [--profile NAME] [--sandbox] [-i SCRIPT]",
  summary = "Starts a session at a prompt that knows the API.",
  options = {
    { name = "init", letter = "i", value = "SCRIPT", help = "run this first, and stay" },
  },
  notes = [[
At the prompt, :help tells what there is. Values are printed, Tab completes without sending anything, and
Ctrl-C stops a call and keeps the session. A profile that is protected starts read-only.

Entries may come from a pipe, too. Then there is no prompt: results go to stdout, errors to stderr, the
session goes on after an error, background tasks are waited for, and the exit code is 1 when an entry failed.

What was typed is remembered in $XDG_STATE_HOME/anyreach/history (~/.local/state without that variable),
which nobody else can read; entries that seem to hold a credential are not.]],
}

local function run(given)
  return require("anyreach.repl").run { script = given.init }
end

return { spec = spec, run = run }
