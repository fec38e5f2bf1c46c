-- Runs spec files inside the program and counts. Usage: anyreach tests/run.lua [FILE...]
-- A spec uses the globals describe, it, skip and expect; skip outside a test skips the rest of its file.
-- The last line is "N passed, N failed", with ", N skipped" after it when there are any.

local host = require "anyreach.host"
local json = require "anyreach.json"

-- A failure shows at once; specs about retries ask for them.
host.options.retries = 0

local results = { passed = 0, failed = 0, skipped = 0 }
local names = {}
local SKIP = {}

local function show(value)
  if type(value) ~= "table" and type(value) ~= "string" then return tostring(value) end
  local ok, text = pcall(json.encode, value, { redact = true })
  return ok and text or tostring(value)
end

expect = {}

function expect.equal(actual, expected)
  if json.equal(actual, expected) then return end
  error(("expected %s\n     got %s"):format(show(expected), show(actual)), 2)
end

function expect.truthy(value)
  if not value then error("expected a true value, got " .. show(value), 2) end
end

function expect.falsy(value)
  if value then error("expected nil or false, got " .. show(value), 2) end
end

function expect.match(text, pattern)
  if type(text) == "string" and text:match(pattern) then return end
  error(("expected a match for %q in:\n%s"):format(pattern, show(text)), 2)
end

function expect.contains(text, part)
  if type(text) == "string" and text:find(part, 1, true) then return end
  error(("expected %q in:\n%s"):format(part, show(text)), 2)
end

function expect.raises(f, part)
  local ok, err = pcall(f)
  if ok then error("expected an error", 2) end
  if part and not tostring(err):find(part, 1, true) then
    error(("expected an error with %q, got:\n%s"):format(part, tostring(err)), 2)
  end
  return err
end

function skip(reason)
  error(setmetatable({ reason = reason }, SKIP), 0)
end

function describe(name, body)
  names[#names + 1] = name
  body()
  names[#names] = nil
end

local function report(kind, name, text)
  results[kind] = results[kind] + 1
  if kind ~= "passed" then io.stdout:write(kind, ": ", name, "\n", text and "  " .. text .. "\n" or "") end
end

local function explain(err)
  if getmetatable(err) == SKIP then return err end
  return debug.traceback(tostring(err), 2)
end

-- What ended a test, or a file of them, before its time.
local function report_end(name, err)
  if getmetatable(err) == SKIP then return report("skipped", name, err.reason) end
  report("failed", name, err:gsub("\n", "\n  "))
end

function it(name, body)
  local full = table.concat(names, " › ") .. " › " .. name
  local ok, err = xpcall(body, explain)
  if ok then report("passed", full) else report_end(full, err) end
end

for _, file in ipairs(arg) do
  local chunk, err = loadfile(file)
  if chunk then
    describe(file:match("([^/]+)%.lua$"), function()
      local ok, problem = xpcall(chunk, explain)
      if not ok then report_end(file, problem) end
    end)
  else
    report("failed", file, err)
  end
end

local skipped = results.skipped > 0 and (", %d skipped"):format(results.skipped) or ""
print(("%d passed, %d failed%s"):format(results.passed, results.failed, skipped))
return results.failed == 0 and 0 or 1
