-- Checks answers against src/openapi as the documents spell them: a second opinion, which shares with the
-- program nothing but the YAML decoder.

local json = require "anyreach.json"
local process = require "helpers.process"
local yaml = require "anyreach.yaml"

local answers = {}

-- {====== documents ======

local documents = {}

local function document_of(service)
  if not documents[service] then
    local path = process.root .. "/src/openapi/" .. service .. ".yaml"
    documents[service] = yaml.decode((assert(process.read(path), path)))
  end
  return documents[service]
end

-- What a node says, or what its $ref refers to.
local function resolve(document, node)
  while node["$ref"] do
    local target = document
    for key in node["$ref"]:gmatch("[^#/]+") do target = target[key] end
    node = target
  end
  return node
end

-- The description of that answer; a class of statuses ("4XX") counts for refusals alone.
local function response_of(document, operation, status)
  local responses = document.paths[operation.path][operation.method:lower()].responses
  local node = responses[tostring(status)] or status >= 400 and responses[status // 100 .. "XX"]
  return node and resolve(document, node)
end

-- }======

-- {====== values ======

local FORMATS = {
  ["date-time"] = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$",
  uuid = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$",
  password = "",
}

local function kind_of(value)
  if value == json.null then return "null" end
  if type(value) == "number" then return math.type(value) == "integer" and "integer" or "number" end
  if type(value) == "table" then return json.is_array(value) and "array" or "object" end
  return type(value)
end

local problems_of -- schemas hold schemas

local function join(path, name)
  return path == "" and tostring(name) or path .. "." .. name
end

-- How many of the alternatives the value fits.
local function count_fits(document, alternatives, value)
  local count = 0
  for _, alternative in ipairs(alternatives) do
    if #problems_of(document, alternative, value, "") == 0 then count = count + 1 end
  end
  return count
end

local function add_all(list, more)
  table.move(more, 1, #more, #list + 1, list)
end

-- The checks by keyword: each is given a report function, the keyword's value, the value and its path.
local CHECKS = {}

function CHECKS.type(report, wanted, value, _, schema)
  local kind = kind_of(value)
  if kind == wanted or wanted == "number" and kind == "integer" or schema.nullable and kind == "null" then return end
  report(("expected %s, got %s"):format(wanted, kind))
end

function CHECKS.enum(report, choices, value, _, schema)
  if value == json.null and schema.nullable then return end
  for _, choice in ipairs(choices) do
    if json.equal(choice, value) then return end
  end
  report("is none of the choices: " .. json.encode(value))
end

function CHECKS.format(report, name, value)
  if type(value) == "string" and not value:find(FORMATS[name] or error("unknown format " .. name)) then
    report(("is no %s: %s"):format(name, value))
  end
end

function CHECKS.minimum(report, minimum, value)
  if type(value) == "number" and value < minimum then report("is less than " .. minimum) end
end

function CHECKS.required(report, names, value)
  if kind_of(value) ~= "object" then return end
  for _, name in ipairs(names) do
    if rawget(value, name) == nil then report("lacks " .. name) end
  end
end

function CHECKS.properties(_, properties, value, path, _, document)
  local problems = {}
  if kind_of(value) ~= "object" then return problems end
  for name, schema in pairs(properties) do
    local member = rawget(value, name)
    if member ~= nil then add_all(problems, problems_of(document, schema, member, join(path, name))) end
  end
  return problems
end

function CHECKS.items(_, schema, value, path, _, document)
  local problems = {}
  if kind_of(value) ~= "array" then return problems end
  for i, element in ipairs(value) do
    add_all(problems, problems_of(document, schema, element, ("%s[%d]"):format(path, i)))
  end
  return problems
end

function CHECKS.oneOf(report, alternatives, value, _, _, document)
  local count = count_fits(document, alternatives, value)
  if count ~= 1 then report(("fits %d alternatives instead of one"):format(count)) end
end

function CHECKS.allOf(_, schemas, value, path, _, document)
  local problems = {}
  for _, schema in ipairs(schemas) do add_all(problems, problems_of(document, schema, value, path)) end
  return problems
end

local REMARKS = { description = true, default = true, nullable = true }

-- All that is wrong, as "path: message". A keyword that is not known here is an error: nothing goes unchecked.
function problems_of(document, schema, value, path)
  schema = resolve(document, schema)
  local problems = {}
  local function report(message) problems[#problems + 1] = path .. ": " .. message end
  for keyword, wanted in pairs(schema) do
    if CHECKS[keyword] then
      add_all(problems, CHECKS[keyword](report, wanted, value, path, schema, document) or {})
    elseif not REMARKS[keyword] and keyword:sub(1, 2) ~= "x-" then
      error(("%s: unknown keyword '%s'"):format(path, keyword))
    end
  end
  return problems
end

-- }======

--- The refusals that the documents name one by one, as "agents.versions.update 400", sorted.
---@param services string[]
---@return string[]
function answers.named_refusals(services)
  local list = {}
  for _, service in ipairs(services) do
    for _, methods in pairs(document_of(service).paths) do
      for _, operation in pairs(methods) do
        for status in pairs(operation.responses or {}) do
          if status:find("^4%d%d$") then list[#list + 1] = operation["x-lua-name"] .. " " .. status end
        end
      end
    end
  end
  table.sort(list)
  return list
end

--- What of an answer its document does not allow, as "path: message".
---@param operation table from operations.describe
---@param status integer
---@param value any the decoded body; text as it is; nil for an empty body
---@return string[]
function answers.problems(operation, status, value)
  local document = document_of(operation.service)
  local response = response_of(document, operation, status)
  if not response then return { ("the status %d is not documented"):format(status) } end
  local content = response.content or {}
  if content["application/json"] and value ~= nil then
    return problems_of(document, content["application/json"].schema or {}, value, "")
  end
  if content["text/plain"] then return type(value) == "string" and {} or { "expected text" } end
  if (value == nil) == (next(content) == nil) then return {} end
  return { value == nil and "the body is missing" or "there should be no body" }
end

return answers
