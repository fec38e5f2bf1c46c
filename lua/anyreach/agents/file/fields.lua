-- The keys of an agent file: what each may hold, which go together, and what two files must not both say. Problems
-- are added to the document, or to a list; the agent is only usable when there are none.

local document = require "anyreach.agents.file.document"
local json = require "anyreach.json"
local known_keys = require "anyreach.agents.file.known_keys"
local markers = require "anyreach.agents.file.markers"
local operations = require "anyreach.operations"
local reference = require "anyreach.yaml.reference"
local slots = require "anyreach.agents.numbers.slots"
local yaml = require "anyreach.yaml"

local fields = {}

--- The fields of an agent itself, not of its versions, that agent files can set; except its name, which identifies
--- the agent.
fields.OWN = { "description", "active", "is_demo", "metadata" }

local DIRECTIONS = { "inbound", "outbound", "both" }

local function is_mapping(value)
  return type(value) == "table" and not json.is_array(value) and not reference.is_reference(value)
end

-- What each kind of value must be, in words, and the test for it.
local kinds = {
  text = { expected = "text", test = function(value) return type(value) == "string" end },
  flag = { expected = "true or false", test = function(value) return type(value) == "boolean" end },
  mapping = { expected = "a mapping", test = is_mapping },
  list = { expected = "a list", test = json.is_array },
  any = { expected = "anything", test = function() return true end }, -- checked where it is used
}

local FIELDS = {
  name = { kind = "text" },
  description = { kind = "text", nullable = true },
  active = { kind = "flag" },
  is_demo = { kind = "flag" },
  metadata = { kind = "mapping", nullable = true },
  config = { kind = "mapping" },
  generate = { kind = "flag" },
  instruction_builder_inputs = { kind = "mapping" },
  publish = { kind = "flag" },
  phone_numbers = { kind = "list" },
  deploy_as_sip = { kind = "flag" },
  allow_markers = { kind = "any" },
}

local FIELD_NAMES = {}
for name in pairs(FIELDS) do FIELD_NAMES[#FIELD_NAMES + 1] = name end
table.sort(FIELD_NAMES)

--- True for a key of agent files.
---@param name string
---@return boolean
function fields.is_known(name)
  return FIELDS[name] ~= nil
end

local function hint(word, names)
  local near = operations.nearest(word, names)
  return near and ("; did you mean '%s'?"):format(near) or "; expected one of " .. table.concat(names, ", ")
end

-- YAML reads an unquoted 123 as a number and true as a flag.
local function quoting_hint(kind, value)
  local is_scalar = type(value) == "number" or type(value) == "boolean" or json.is_number(value)
  return kind == "text" and is_scalar and "; quote it" or ""
end

local function check_field(doc, name, field)
  local value, kind = doc.value[name], kinds[field.kind]
  if value == nil or yaml.is_tag(value) or kind.test(value) then return end
  if field.nullable and value == json.null then return end
  doc:problem(doc.value, name, "%s: expected %s, got %s%s", name, kind.expected, document.describe(value),
    quoting_hint(field.kind, value))
end

local function check_keys(doc)
  for name in pairs(doc.value) do
    if not FIELDS[name] and known_keys.is_config_key(name) then
      doc:problem(doc.value, name, "unknown key '%s'; it belongs under config", name)
    elseif not FIELDS[name] then
      doc:problem(doc.value, name, "unknown key '%s'%s", name, hint(name, FIELD_NAMES))
    end
  end
  for _, name in ipairs(FIELD_NAMES) do check_field(doc, name, FIELDS[name]) end
end

local function check_name(doc)
  local name = doc.value.name
  if name == nil then
    doc:problem(doc.value, nil, "name: required but missing")
  elseif type(name) == "string" and not name:find("%S") then
    doc:problem(doc.value, "name", "name: expected a name, this one is empty")
  end
end

-- {====== phone numbers ======

local function check_number(doc, container, key, path)
  local number = container[key]
  if number == nil then return doc:problem(container, nil, "%s: required but missing", path) end
  if yaml.is_tag(number) then return end
  if reference.is_reference(number) then
    if number.kind == "number" then return number end
    return doc:problem(container, key, "%s: expected a reference such as number:main, got %s", path,
      tostring(number))
  end
  if math.type(number) == "integer" and number > 0 then
    return doc:problem(container, key, '%s: an unquoted number is read as an integer; quote the phone number: "+%d"',
      path, number)
  end
  if type(number) ~= "string" or #number > 16 or not number:find("^%+[1-9]%d+$") then
    return doc:problem(container, key, '%s: expected an E.164 number such as "+15551234567", got %s', path,
      document.describe(number))
  end
  return number
end

local function check_direction(doc, entry, path)
  local direction = entry.direction
  if direction == nil then return "inbound" end
  if yaml.is_tag(direction) then return end
  for _, known in ipairs(DIRECTIONS) do
    if direction == known then return direction end
  end
  local word = type(direction) == "string" and direction or ""
  doc:problem(entry, "direction", "%s.direction: unknown direction %s%s", path, document.describe(direction),
    hint(word, DIRECTIONS))
end

-- An entry in its long form, or nil when something is wrong with it.
local function read_entry(doc, list, index)
  local entry, path = list[index], ("phone_numbers[%d]"):format(index)
  if not is_mapping(entry) or yaml.is_tag(entry) then
    local number = check_number(doc, list, index, path)
    return number and { number = number, direction = "inbound" }
  end
  for key in pairs(entry) do
    if key ~= "number" and key ~= "direction" then
      doc:problem(entry, key, "%s: unknown key '%s'%s", path, key, hint(key, { "direction", "number" }))
    end
  end
  local number = check_number(doc, entry, "number", path .. ".number")
  local direction = check_direction(doc, entry, path)
  return number and direction and { number = number, direction = direction }
end

---@class anyreach.number_claim
---@field number string|anyreach.reference
---@field direction "inbound"|"outbound"|"both"
---@field place string where the file claims it

---@return anyreach.number_claim[]
local function read_numbers(doc)
  local list, claims = doc.value.phone_numbers, {}
  if not json.is_array(list) then return claims end
  for index = 1, #list do
    local claim = read_entry(doc, list, index)
    if claim then
      claim.place = doc:place(list, index)
      claims[#claims + 1] = claim
    end
  end
  return claims
end

-- }======

local function has_numbers(value)
  return json.is_array(value.phone_numbers) and #value.phone_numbers > 0
end

local function check_generation(doc)
  local value = doc.value
  if value.generate ~= true then return end
  if value.instruction_builder_inputs == nil then
    doc:problem(value, "generate", "generate: instructions are written from instruction_builder_inputs; give these too")
  end
  if is_mapping(value.config) and value.config.instructions ~= nil then
    doc:problem(value.config, "instructions",
      "config.instructions: generate writes the instructions; leave out the one or the other")
  end
end

-- What is known of configurations is checked here already, so that a mistake does not show halfway.
local function check_config(doc, schema)
  local config = doc.value.config
  if not is_mapping(config) or yaml.is_tag(config) then return end
  local body = { config = reference.as_text(config) }
  local problems = operations.check("agents.versions.create", "body", body)
  for _, problem in ipairs(problems or {}) do doc:problem_at(problem.path, problem.message) end
  for _, found in ipairs(known_keys.near_misses(config, schema)) do
    doc:warning(found.container, found.key, "%s: unknown key; did you mean '%s'?", found.path, found.near)
  end
end

-- Some keys say something about a version, and some of these about a published one.
local function check_version_keys(doc)
  local value = doc.value
  local has_version = value.config ~= nil or value.generate == true
  local function check(key, is_given, is_for_published)
    if is_given and not has_version then
      doc:problem(value, key, "%s: this takes a version; give config, or generate", key)
    elseif is_given and is_for_published and value.publish == false then
      doc:problem(value, key, "%s: this takes a published version, and publish is false", key)
    end
  end
  check("instruction_builder_inputs", value.instruction_builder_inputs ~= nil, false)
  check("phone_numbers", has_numbers(value), true)
  check("deploy_as_sip", value.deploy_as_sip == true, true)
end

---@class anyreach.wanted what is wanted of an agent, whether a file says so or a recipe
---@field name string
---@field own table description, active, is_demo, metadata as far as they are given
---@field config table|nil nil: nothing is wanted of a version
---@field generate boolean the platform writes the instructions
---@field inputs table|nil instruction_builder_inputs
---@field publish boolean
---@field numbers anyreach.number_claim[]
---@field deploy_as_sip boolean
---@field secrets anyreach.secret[] which values above may hold, and no output may show

---@class anyreach.agent : anyreach.wanted as a file describes it
---@field file string
---@field place string where its name is
---@field references {reference: anyreach.reference, place: string, path: string}[]
---@field document anyreach.document
---@field environment string|nil the environment file whose values were merged into it
---@field ids table<string, table<string, string>>|nil kind -> name -> id, which that file gives
---@field is_resolved boolean|nil ids of an organisation are in place of references

local function make_agent(doc, numbers)
  local value, own = doc.value, {}
  for _, name in ipairs(fields.OWN) do own[name] = value[name] end
  return {
    file = doc.file,
    place = doc:place(value, "name"),
    name = value.name,
    own = own,
    config = value.config or value.generate and {} or nil,
    generate = value.generate == true,
    inputs = value.instruction_builder_inputs,
    publish = value.publish ~= false,
    numbers = numbers,
    deploy_as_sip = value.deploy_as_sip == true,
    secrets = doc.secrets,
    references = doc.references,
    document = doc,
  }
end

-- {====== what two agents must not both say ======

--- Adds a problem for each name that several agents have.
---@param agents anyreach.agent[]
---@param list table[] to which problems are added
function fields.check_names(agents, list)
  local places = {}
  for _, agent in ipairs(agents) do
    local name = agent.name
    if type(name) == "string" then
      if places[name] then
        document.add_problem(list, agent.place, "name: the agent '%s' is already described at %s", name, places[name])
      end
      places[name] = places[name] or agent.place
    end
  end
end

local function check_claim(claim, claimed, list)
  for _, slot in ipairs(slots.of(claim.direction)) do
    local key = tostring(claim.number) .. " " .. slot
    if claimed[key] then
      document.add_problem(list, claim.place, "phone_numbers: %s is already claimed at %s", key, claimed[key])
    end
    claimed[key] = claimed[key] or claim.place
  end
end

--- Adds a problem for each slot of a phone number that several agents claim.
---@param agents anyreach.agent[]
---@param list table[] to which problems are added
function fields.check_numbers(agents, list)
  local claimed = {}
  for _, agent in ipairs(agents) do
    for _, claim in ipairs(agent.numbers) do check_claim(claim, claimed, list) end
  end
end

-- }======

--- Checks a document and makes an agent of it.
---@param doc anyreach.document its value is a mapping, with all tags resolved that can be
---@param schema? table the JSON Schema of configurations
---@return anyreach.agent
function fields.read(doc, schema)
  check_keys(doc)
  check_name(doc)
  markers.check(doc)
  check_config(doc, schema)
  check_generation(doc)
  check_version_keys(doc)
  return make_agent(doc, read_numbers(doc))
end

return fields
