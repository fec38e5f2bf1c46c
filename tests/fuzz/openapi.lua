-- OpenAPI documents: text is decoded, read, merged with what is known, and put into the operation table.
-- Whatever it says, it is refused in words, or gives operations that can be described and matched.

-- The functions of the client, which need the program around them: here only their names count.
package.preload["anyreach.client.uploads"] = function() return { ["sources.upload"] = true } end

local document = require "anyreach.openapi.document"
local openapi = require "anyreach.openapi.operations"
local operations = require "anyreach.operations"

-- A text for people: an error of the reader, and none that the interpreter has raised.
local function expect_words(problem)
  local text = tostring(problem)
  assert(text ~= "" and not text:find("[anyreach] lua/", 1, true), text)
end

-- Every parameter of the template with a value in its place.
local function example_path(row)
  return (row.path:gsub("{[^}]*}", "x%%2F"))
end

local function expect_defined(row)
  local described = assert(operations.describe(row.name), row.name)
  assert(described.method == row.method and described.path == row.path)
  local name = operations.match(row.method, example_path(row))
  assert(name, "nothing matches " .. example_path(row))
  operations.check(row.name, "query", { limit = "1", cursor = { "a", "b" } })
  if row.body then operations.check(row.name, "body", { name = "x", list = { 1, 2 }, ["\xff"] = {} }) end
end

local function rows_of(value, service)
  local ok, found, refused = pcall(openapi.read, document.place(value, service))
  if not ok then return expect_words(found) end
  for _, refusal in ipairs(refused) do expect_words(refusal.reason) end
  local rows = {}
  for i, entry in ipairs(document.rows(found)) do rows[i] = entry.row end
  return rows
end

return function(text)
  local ok, value = pcall(document.decode, text, "input")
  if not ok then return expect_words(value) end
  document.host(value)
  local rows = rows_of(value, #text % 2 == 0 and "core" or nil)
  if not rows then return end
  local refused = {}
  for _, problem in ipairs(operations.define(rows)) do
    expect_words(problem.reason)
    if problem.name then refused[problem.name] = true end
  end
  for _, row in ipairs(rows) do
    if not refused[row.name] then expect_defined(row) end
  end
end
