-- The generator: reads src/openapi/*.yaml, and what the program's commands and recipes declare, and writes what
-- is made from them. Run from the root:
--
--   build/anyreach src/gen/generate.lua [OUTDIR]
--
-- OUTDIR stands for the root in the names of what is written, so that a check can compare; a file is
-- touched only when its content changes. Exit code 1 when a document has a mistake.

local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. here .. "../../lua/?.lua;" .. package.path

local openapi = require "anyreach.openapi.operations"
local yaml = require "anyreach.yaml"

local SERVICES = { "admin", "campaign", "core", "knowledge-base", "workflow" }
local OUTPUTS = {
  { path = "src/api/operations.inc", writer = require "rows" },
  { path = "lua/library/anyreach.lua", writer = require "library" },
  { path = "lua/REFERENCE.md", writer = require "reference" },
  { path = "lua/anyreach/cli/summaries.lua", writer = require "summaries" },
}

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function write_if_changed(path, text)
  if read_file(path) == text then return end
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  print("wrote " .. path)
end

local function read_service(service)
  local path = here .. "../openapi/" .. service .. ".yaml"
  local document = yaml.decode(assert(read_file(path), path), { name = path })
  local operations, refused, components = openapi.read(document, true)
  for _, refusal in ipairs(refused) do
    error(("%s: %s %s: %s"):format(path, refusal.method, refusal.path, refusal.reason), 0)
  end
  return operations, components
end

-- A name is a function or a namespace, and belongs to one operation.
local function check_names(operations)
  for i, operation in ipairs(operations) do
    local next_operation = operations[i + 1]
    if next_operation and next_operation.name == operation.name then
      error(("two operations have the name %s"):format(operation.name), 0)
    end
    for _, other in ipairs(operations) do
      if other.name:sub(1, #operation.name + 1) == operation.name .. "." then
        error(("%s is an operation and the namespace of %s"):format(operation.name, other.name), 0)
      end
    end
  end
end

local function read_all()
  local operations, components = {}, {}
  for _, service in ipairs(SERVICES) do
    local list
    list, components[service] = read_service(service)
    table.move(list, 1, #list, #operations + 1, operations)
  end
  table.sort(operations, function(a, b) return a.name < b.name end)
  check_names(operations)
  return operations, components
end

local function make_directory(path)
  local quoted = "'" .. path:gsub("'", "'\\''") .. "'"
  assert(os.execute("mkdir -p " .. quoted))
end

local operations, components = read_all()
for _, output in ipairs(OUTPUTS) do
  local path = (arg[1] or ".") .. "/" .. output.path
  make_directory(path:match("^(.*)/"))
  write_if_changed(path, output.writer.write(operations, here, components))
end
