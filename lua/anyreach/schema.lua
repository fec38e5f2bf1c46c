-- JSON Schema, drafts 2020-12, 2019-09, 07 and 06: checks values against schemas and tells everything that is wrong,
-- in words for people. A schema is compiled once. All keywords of the drafts' vocabularies are there; `format` checks
-- only on request, and `content…` are annotations, which check nothing. Schemas are only read from the document itself
-- and from those given with it, never from the network, and no schema can make a check run without end.

local compiler = require "anyreach.schema.compiler"
local diff = require "anyreach.text.diff"
local dialects = require "anyreach.schema.dialects"
local documents = require "anyreach.schema.documents"
local errors = require "anyreach.errors"
local evaluation = require "anyreach.schema.evaluation"
local words = require "anyreach.schema.words"

local schema = {}

---@class anyreach.schema_problem
---@field path string such as "config.tools[1].name"; "" for the value itself
---@field message string
---@field keyword string that is broken
---@field schema_path string where the keyword stands, such as "#/$defs/Tool/required"
---@field place string|nil "file:line:column", when the document was given

---@class anyreach.schema_options
---@field documents? table<string, any> further schemas that may be referred to, by address
---@field dialect? "2020-12"|"2019-09"|"draft-07"|"draft-06" of schemas without $schema (2020-12)
---@field formats? boolean check `format`
---@field skip_patterns? boolean leave out patterns that cannot be used here, instead of raising an error

---@class anyreach.validate_options
---@field document? anyreach.document that the value is part of, for the places of problems
---@field path? string path of the value itself; default none

---@class anyreach.validator
---@field skipped {location: string, message: string}[] patterns that were left out
---@field warnings string[] what in the schema is not read as its author meant it
local Validator = {}
Validator.__index = Validator

local function path_of(problem, start)
  local path = start
  for index = 1, problem.depth do path = diff.path(path, problem.keys[index]) end
  return path
end

-- Indices by number, names by text, shorter first.
local function is_before(a, b)
  for index = 1, math.min(a.depth, b.depth) do
    local one, other = a.keys[index], b.keys[index]
    if one ~= other then
      if type(one) == type(other) then return one < other end
      return type(one) == "number"
    end
  end
  if a.depth ~= b.depth then return a.depth < b.depth end
  if a.place.location ~= b.place.location then return a.place.location < b.place.location end
  return false
end

local function finished(problem, value, options)
  local document = options.document
  return {
    path = path_of(problem, options.path or ""),
    message = words.message(problem),
    keyword = problem.place.keyword,
    schema_path = problem.place.location,
    place = document and document:place(problem.container or value, problem.keys[problem.depth]) or nil,
  }
end

--- Checks a value.
---@param value any as JSON and YAML are read; a secret counts as text that may be anything
---@param options? anyreach.validate_options
---@return anyreach.schema_problem[] in the order of their paths; empty when the value is valid
function Validator:validate(value, options)
  if value == nil then errors.raise("usage", "anyreach.schema: expected a value, got nil") end
  local run, problems = evaluation.start(), {}
  evaluation.evaluate(run, self.node, value)
  table.sort(run.problems, is_before)
  for index, problem in ipairs(run.problems) do problems[index] = finished(problem, value, options or {}) end
  return problems
end

--- Whether a value is valid: the same without the problems, and faster.
---@param value any
---@return boolean
function Validator:is_valid(value)
  local run = evaluation.start()
  run.problems = nil
  return evaluation.evaluate(run, self.node, value)
end

-- Drafts that are not understood.
local function warnings_of(read)
  local list = {}
  for address, name in pairs(read.unknown) do
    list[#list + 1] = ("$schema is %s, which is not supported; read as %s"):format(address, name)
  end
  table.sort(list)
  return list
end

--- Compiles a schema. One that is wrong, or leads to a document that was not given, raises an error of
--- kind "input" that names the place in the schema.
---@param value table|boolean
---@param options? anyreach.schema_options
---@return anyreach.validator
function schema.compile(value, options)
  options = options or {}
  if type(value) ~= "table" and type(value) ~= "boolean" then
    errors.raise("input", "expected a schema, which is an object, true or false; got a %s", type(value))
  end
  local dialect = dialects.named(options.dialect or dialects.DEFAULT.name)
  if not dialect then errors.raise("usage", "anyreach.schema: unknown dialect %s", tostring(options.dialect)) end
  local read, root = documents.read(value, options.documents, dialect)
  local node, compiled = compiler.compile(read, root, options)
  return setmetatable({ node = node, skipped = compiled.skipped, warnings = warnings_of(read) }, Validator)
end

--- Checks a value against a schema that is needed once.
---@param value any
---@param wanted table|boolean
---@param options? anyreach.schema_options
---@return anyreach.schema_problem[]
function schema.validate(value, wanted, options)
  return schema.compile(wanted, options):validate(value)
end

return schema
