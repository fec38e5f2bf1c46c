-- Changes one thing at a time in a source file, and runs the tests that speak about it: what no test notices
-- survives, and is listed. Usage, from the root (or `make mutate FILE=…`):
--
--   anyreach tests/mutate/mutate.lua [--root DIR] [--lines FIRST-LAST] [--list] FILE|PRESET [TEST...]
--
-- All happens in a copy of the tree, below build/mutate; the work tree is only read. A copy with a Makefile is
-- built there, with Lua files read from disk; without one the tests run in this program. Exit codes: 0 all were
-- noticed, 9 some survived, 1 the tests fail without any change, 64 wrong usage.

package.path = "tests/?.lua;" .. package.path

local mutants = require "mutate.mutants"
local targets = require "mutate.targets"

local SURVIVED, FAILING, USAGE = 9, 1, 64
local LEAST_SECONDS = 10 -- that a test may take; three times what it takes unchanged when that is more
-- Of address space; a program with AddressSanitizer (make asan) reserves terabytes of it.
local MEMORY_KB = os.getenv "ASAN_OPTIONS" and "unlimited" or "4000000"
local ALLOWED = "tests/mutate/equivalent.txt"

-- {====== the shell ======

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a line of shell; returns its output and whether it ended well.
local function shell(line, ...)
  local words = {}
  for index, word in ipairs { ... } do words[index] = quote(word) end
  local pipe = assert(io.popen("exec 2>&1; " .. line:format(table.unpack(words))))
  local output = pipe:read "a"
  return output, pipe:close() == true
end

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

local function stop(code, ...)
  io.stderr:write("mutate: ", string.format(...), "\n")
  os.exit(code)
end

-- }======

-- {====== arguments ======

local function read_arguments(words)
  local options, index = { root = ".", tests = {} }, 1
  while words[index] do
    local word = words[index]
    if word == "--list" then
      options.list = true
    elseif word == "--root" or word == "--lines" then
      index = index + 1
      options[word:sub(3)] = words[index] or stop(USAGE, "%s: expected a value", word)
    elseif not options.file then
      options.file = targets.PRESETS[word] or word
    else
      options.tests[#options.tests + 1] = word
    end
    index = index + 1
  end
  return options
end

local function preset_names()
  local names = {}
  for name in pairs(targets.PRESETS) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

-- The tests that name a file: unit tests and specs called after it, and specs that require it.
local function search_tests(root, file)
  local name = file:match "([^/]+)%.%a+$"
  local module = file:match "^lua/(.+)%.lua$"
  local mention = module and module:gsub("/", ".") or "/" .. name .. ".h"
  local found = shell("cd %s && ls tests/unit/test_%s.c tests/spec/%s_spec.lua tests/e2e/%s_spec.lua 2>/dev/null; "
    .. "grep -lF %s tests/spec/*_spec.lua", root, name, name, name, mention)
  local tests, seen = {}, {}
  for test in found:gmatch "tests/%S+" do
    if not seen[test] then tests[#tests + 1] = test end
    seen[test] = true
  end
  return tests
end

local function choose_tests(options)
  if #options.tests > 0 then return options.tests end
  local tests = {}
  for _, test in ipairs(targets.TESTS[options.file] or search_tests(options.root, options.file)) do
    if read(options.root .. "/" .. test) then tests[#tests + 1] = test end
  end
  if #tests == 0 then stop(USAGE, "no test names %s; name some after it", options.file) end
  return tests
end

-- }======

-- {====== the copy ======

local Copy = {}
Copy.__index = Copy

-- A fresh copy of the tree; what was built in an earlier one stays. The file that an earlier run has changed is
-- touched, since what was built of it is newer than the copy.
local function new_copy(root)
  local base = root .. "/build/mutate"
  local tree = base .. "/tree"
  local output, done = shell("mkdir -p %s %s && find %s -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + && "
    .. "tar -C %s --exclude=./build --exclude=./.git -cf - . | tar -C %s -xf -",
    tree, base .. "/home", tree, root, tree)
  if not done then stop(FAILING, "cannot copy the tree: %s", output) end
  local real = shell("cd %s && pwd", base):gsub("\n$", "")
  local mutated = read(real .. "/mutated")
  if mutated then shell("cd %s && touch -c %s", tree, mutated) end
  local is_built = read(tree .. "/Makefile") ~= nil
  return setmetatable({ tree = real .. "/tree", home = real .. "/home", is_built = is_built }, Copy)
end

-- What make builds for the tests: the program, which loads Lua files from disk, and unit tests.
local function targets_of(tests)
  local names = { "build/anyreach", "build/tests/wire_server" }
  for _, test in ipairs(tests) do
    local unit = test:match "^tests/unit/(.*)%.c$"
    if unit then names[#names + 1] = "build/unit/" .. unit end
  end
  return table.concat(names, " ")
end

-- Returns what the compiler says, and whether it was content. Warnings are none of this tool's matter.
function Copy:build(tests)
  if not self.is_built then return "", true end
  return shell("make -s -j2 -C %s DEV=1 BUILD=build CFLAGS=-O0 WARNINGS= " .. targets_of(tests), self.tree)
end

function Copy:program()
  return self.is_built and "build/anyreach" or shell "readlink -f /proc/$PPID/exe":gsub("\n$", "")
end

-- Ends what a test has left running.
function Copy:clean()
  shell("for id in $(grep -lsz '^TEST_DIRECTORY='%s'$' /proc/[0-9]*/environ | cut -d/ -f3); do kill -9 $id; done; "
    .. "rm -rf %s; mkdir -p %s", self.home, self.home, self.home)
end

-- Runs a test for at most so many seconds. Returns "passed", "failed" or "timed out", and the output.
function Copy:run(test, seconds)
  local unit = test:match "^tests/unit/(.*)%.c$"
  local command = unit and "build/unit/" .. unit or quote(self.program_path) .. " tests/run.lua " .. test
  local output = shell("cd %s && ulimit -v " .. MEMORY_KB .. " && env -i PATH=\"$PATH\" PWD=\"$PWD\" LC_ALL=C.UTF-8 "
    .. "HOME=%s TEST_BUILD=build TEST_DIRECTORY=%s timeout --kill-after=2 " .. seconds .. " " .. command
    .. " </dev/null; echo \" code $?\"", self.tree, self.home, self.home)
  self:clean()
  local code = output:match " code (%d+)\n$"
  if code == "0" then return "passed", output end
  return (code == "124" or code == "137") and "timed out" or "failed", output
end

-- }======

-- {====== one mutant after the other ======

-- "file: before -> after" -> true, for mutants that change nothing. Each has a reason below it, indented.
local function read_allowed(path)
  local allowed, entry = {}, nil
  for line in ((read(path) or "") .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^%s+%S" and entry then
      allowed[entry], entry = true, nil
    elseif line:find "^[^#%s]" then
      if entry then stop(FAILING, "%s: no reason below: %s", path, entry) end
      entry = line
    end
  end
  return allowed
end

-- How long each test may take, in seconds. They must pass as things are.
local function measure(copy, tests)
  local limits = {}
  for _, test in ipairs(tests) do
    local started = os.time()
    local result, output = copy:run(test, 600)
    if result ~= "passed" then stop(FAILING, "%s %s without any change:\n%s", test, result, output) end
    limits[test] = math.max(LEAST_SECONDS, 3 * (os.time() - started + 1))
  end
  return limits
end

-- "failed", "timed out" or "not built" when a test, or the compiler, noticed; else "survived". Lua files need no
-- build: the program reads them from disk.
local function try(copy, tests, limits, is_c)
  if is_c and not select(2, copy:build(tests)) then return "not built" end
  for _, test in ipairs(tests) do
    local result = copy:run(test, limits[test])
    if result ~= "passed" then return result end
  end
  return "survived"
end

local function is_within(mutant, lines)
  local first, last = (lines or "1-9999999"):match "^(%d+)%-?(%d*)$"
  if not first then stop(USAGE, "--lines: expected FIRST-LAST") end
  return mutant.line >= tonumber(first) and mutant.line <= (tonumber(last) or tonumber(first))
end

local function choose_mutants(options, text)
  local chosen = {}
  for _, mutant in ipairs(mutants.of(text, options.file:find "%.c$" and "c" or "lua")) do
    if is_within(mutant, options.lines) then chosen[#chosen + 1] = mutant end
  end
  return chosen
end

local function describe(options, mutant)
  return ("%s -> %s"):format(mutant.before, mutant.after), ("%s:%d: "):format(options.file, mutant.line)
end

local function try_all(options, copy, tests, chosen)
  local allowed, limits = read_allowed(options.root .. "/" .. ALLOWED), measure(copy, tests)
  local target, counts = copy.tree .. "/" .. options.file, { equivalent = 0 }
  local original = read(target)
  write(copy.home .. "/../mutated", options.file)
  for index, mutant in ipairs(chosen) do
    local change, place = describe(options, mutant)
    local result = "equivalent"
    if not allowed[options.file .. ": " .. change] then
      write(target, mutant.text)
      result = try(copy, tests, limits, options.file:find "%.c$")
    end
    counts[result] = (counts[result] or 0) + 1
    if result == "survived" then print(place .. change) end
    if index % 20 == 0 then io.stderr:write(("mutate: %d of %d\n"):format(index, #chosen)) end
  end
  write(target, original)
  return counts
end

local function summary(options, chosen, counts)
  return ("%s: %d mutants: %d noticed, %d timed out, %d not built, %d equivalent, %d survived"):format(options.file,
    #chosen, counts.failed or 0, counts["timed out"] or 0, counts["not built"] or 0, counts.equivalent,
    counts.survived or 0)
end

-- }======

local function main()
  local options = read_arguments(arg)
  if not options.file then stop(USAGE, "expected FILE or one of %s", preset_names()) end
  local text = read(options.root .. "/" .. options.file)
  if not text then stop(USAGE, "no file %s; expected one, or %s", options.file, preset_names()) end
  local chosen = choose_mutants(options, text)
  if options.list then
    for _, mutant in ipairs(chosen) do
      local change, place = describe(options, mutant)
      print(place .. change)
    end
    return 0
  end
  local tests = choose_tests(options)
  local copy = new_copy(options.root)
  copy.program_path = copy:program()
  io.stderr:write("mutate: ", options.file, " with ", table.concat(tests, " "), "\n")
  local output, is_built = copy:build(tests)
  if not is_built then stop(FAILING, "the copy does not build:\n%s", output) end
  local counts = try_all(options, copy, tests, chosen)
  print(summary(options, chosen, counts))
  return (counts.survived or 0) > 0 and SURVIVED or 0
end

return main()
