-- anyreach repl: a session at a prompt.

local spec = {
  usage = "anyreach repl [--profile NAME] [--sandbox] [-i SCRIPT]",
  summary = "Starts a session at a prompt that knows the API.",
  options = {
    { name = "init", letter = "i", value = "SCRIPT", help = "run this first, and stay" },
  },
  notes = [[
At the prompt, :help lists the commands. Values are printed, Tab completes without sending anything, and
Ctrl-C stops a call and keeps the session. A protected profile starts read-only.

Entries may also come from a pipe. Then there is no prompt: results go to stdout, errors to stderr, the
session continues after an error, waits for background tasks, and ends with exit code 1 if an entry failed.

Entries are remembered in $XDG_STATE_HOME/anyreach/history (default ~/.local/state/anyreach/history), which
only you can read; entries that seem to contain a credential are not.]],
}

local function run(given)
  return require("anyreach.repl").run { script = given.init }
end

return { spec = spec, run = run }
