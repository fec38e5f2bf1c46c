-- Every operation of the table has all that belongs to an operation. What is missing is named.

local annotations = require "helpers.annotations"
local asking = require "helpers.sandbox"
local completion = require "anyreach.cli.completion"
local expectations = require "helpers.wire_expectations"
local host = require "anyreach.host"
local operation_help = require "anyreach.openapi.help"
local operations = require "anyreach.operations"
local process = require "helpers.process"
local walk = require "helpers.walk"

host.start_sandbox { seed = "coverage" }
local api = anyreach.client()

local rows = {}
for i, name in ipairs(operations.names()) do rows[i] = operations.describe(name) end

-- Expects that `problem_of` finds nothing in any operation; what it finds is named.
local function all_have(what, problem_of)
  it(what, function()
    local problems = {}
    for _, row in ipairs(rows) do
      local problem = problem_of(row)
      if problem then problems[#problems + 1] = row.name .. ": " .. problem end
    end
    expect.equal(problems, {})
  end)
end

-- What a client has under a name.
local function binding_of(name)
  local value = api
  for part in name:gmatch("[^.]+") do value = value[part] end
  return value
end

-- The query and body fields, which a call takes in one table.
local function fields_of(row)
  local fields = table.move(row.parameters, 1, #row.parameters, 1, {})
  local body = row.body and row.body.fields or {}
  return table.move(body, 1, #body, #fields + 1, fields)
end

-- The first of the parts that a text lacks.
local function lacks(text, parts)
  for _, part in ipairs(parts) do
    if not text:find(part, 1, true) then return "lacks " .. part end
  end
end

-- A name for each field, written in some way, after what else is expected.
local function with_fields(row, parts, format)
  for _, list in ipairs { row.path_fields, fields_of(row) } do
    for _, field in ipairs(list) do parts[#parts + 1] = format:format(field.name) end
  end
  return parts
end

local function binding_problem(row)
  local found, bound = pcall(binding_of, row.name)
  local meta = debug.getmetatable(bound)
  local is_callable = type(bound) == "function" or meta and meta.__call
  if not found or not is_callable then return "the client has nothing callable" end
end

local function help_problem(row)
  local parts = { "api." .. row.name .. "(", row.method .. " " .. row.path, "In Lua:", "With curl:" }
  return lacks(operation_help.text(row), with_fields(row, parts, "\n  %s "))
end

-- {====== annotations ======

local annotated = annotations.read(assert(process.read "lua/library/anyreach.lua"))

local function check_field(class, field)
  local found = class.fields[field.name]
  if not found then return "the annotated class lacks " .. field.name end
  if found.optional == field.required then
    return ("%s is annotated as %s"):format(field.name, found.optional and "optional" or "required")
  end
end

-- The class of the table that a call takes, among the types of its last parameter.
local function check_fields(row, parameter)
  local fields = fields_of(row)
  if not parameter then return (#fields > 0 or row.body) and "no parameter for the fields is annotated" end
  if #fields == 0 then return nil end
  local name = "anyreach." .. row.name .. ".fields"
  local class = annotated.classes[name]
  if not class or not parameter.type:find(name, 1, true) then return "no class " .. name end
  for _, field in ipairs(fields) do
    local problem = check_field(class, field)
    if problem then return problem end
  end
end

local function annotation_problem(row)
  local found = annotated.functions["anyreach.operations." .. row.name]
  if not found then return "no function is annotated" end
  for i, field in ipairs(row.path_fields) do
    local param = found.params[i]
    if not param or param.name ~= field.name then return "no parameter " .. field.name end
  end
  return check_fields(row, found.params[#row.path_fields + 1])
end

-- }======

-- {====== reference and completion ======

-- Heading -> what stands below it, in the reference.
local sections, heading = {}, ""
for line in assert(process.read "lua/REFERENCE.md"):gmatch("[^\n]*\n") do
  heading = line:match("^## (%S+)\n$") or heading
  sections[heading] = (sections[heading] or "") .. line
end

local function reference_problem(row)
  local parts = {
    ("`%s %s`"):format(row.method, row.path), "api." .. row.name .. "(", "Answers " .. row.success_status,
  }
  return lacks(sections[row.name] or "", with_fields(row, parts, "\n| `%s`"))
end

-- The branches of the generated shell functions: what follows `key)` up to `;;`.
local function branch_of(shell, key)
  local _, last = shell:find("\n  " .. key .. ") ", 1, true)
  return last and shell:match("^(.-) ;;\n", last)
end

local shell = completion.functions()

local function completion_problem(row)
  if not branch_of(shell, "call|'api show'"):find("'" .. row.name .. "\t", 1, true) then return "is no word" end
  local options = branch_of(shell, "'call " .. row.name .. "'")
  if not options then return "has no options" end
  local parts = {}
  for i, field in ipairs(fields_of(row)) do parts[i] = "'--" .. field.name .. (field.summary and "\t" or "'") end
  return lacks(options, parts)
end

-- }======

-- {====== the sandbox ======

local box = asking.new()

-- What a call answers with that token (false for none); what it is about does not exist.
local function answer_of(row, token)
  local path = row.path:gsub("{version}", "1"):gsub("{[^}]*}", "x")
  return asking.ask(box, row.method, path, row.body and "{}" or nil, { token = token })
end

local function rule_problem(row)
  local status, body = answer_of(row)
  local detail = type(body) == "table" and tostring(body.detail) or ""
  if status == 405 or detail:find("No such path", 1, true) then return "the sandbox has no route" end
  if detail:find("has no rule", 1, true) then return "the sandbox has no rule" end
end

local function send(request)
  local arguments = table.move(request.path, 1, #request.path, 1, {})
  arguments[#arguments + 1] = request.query or request.body
  local result, response = binding_of(request.operation.name)(table.unpack(arguments))
  return response.status, result
end

local function upload(url, bytes, content_type)
  require("anyreach.client_core").upload(api, url, bytes, content_type)
end

local walker = walk.new(send, upload)

-- Whether a credential that only reads is not enough.
local function is_for_writers(row)
  for _, scope in ipairs(row.scopes or {}) do
    if scope:find ":read$" then return false end
  end
  return row.scopes ~= nil
end

-- }======

describe("every operation has", function()
  all_have("a binding", binding_problem)
  all_have("help", help_problem)
  all_have("an annotation", annotation_problem)
  all_have("a section in the reference", reference_problem)
  all_have("completion", completion_problem)
  all_have("a wire expectation", function(row) return not expectations[row.name] and "none" end)
  all_have("a rule in the sandbox", rule_problem)
end)

describe("every operation refuses", function()
  all_have("to act without a credential, unless it is public", function(row)
    local status = answer_of(row, false)
    if (status == 401) == row.public then return "answers " .. status end
  end)

  all_have("a credential without its scopes", function(row)
    local status = answer_of(row, "ak_sandbox.viewer")
    if (status == 403) ~= is_for_writers(row) then return "answers " .. status end
  end)
end)

describe("in the sandbox, with answers that fit the documents, one can walk", function()
  for _, name in ipairs(walk.names()) do
    it(name, function() walker.cycle(name) end)
  end

  it("through every operation", function()
    local missing = {}
    for _, row in ipairs(rows) do
      if not walker.walked[row.name] then missing[#missing + 1] = row.name end
    end
    expect.equal(missing, {})
  end)
end)
