-- Versions of an agent: numbered from 1, drafts until published, unchangeable afterwards; the generation of their
-- instructions, their comparison, and publishing, which writes the slots of phone numbers.
-- A version is stored in two documents: "versions" with all that is small (parent: the agent, alias:
-- the number), and "configs" with its configuration and the inputs of the instruction builder, so
-- that reading an agent does not read every prompt it ever had.

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local config_schema = require "anyreach.sandbox.config_schema"
local listing = require "anyreach.sandbox.listing"
local phone_numbers = require "anyreach.sandbox.phone_numbers"

local versions = {}

-- {====== what other families ask ======

---The versions of an agent without their configuration, newest first.
---@return table[] a JSON array
function versions.summaries(request, agent_id)
  local list = json.array {}
  for version in request.store:each("versions", request.organization, agent_id) do
    list[#list + 1] = {
      id = version.id,
      version = version.version,
      published = version.published,
      published_at = version.published_at,
      created_at = version.created_at,
      updated_at = version.updated_at,
    }
  end
  return list
end

---@param list table[] versions or their summaries
---@return table<string, boolean> set of ids
function versions.ids(list)
  local ids = {}
  for _, version in ipairs(list) do ids[version.id] = true end
  return ids
end

local function is_any()
  return true
end

---The newest version that is wanted, without its configuration. Of those of the same time it is the one with the
---highest number.
---@param request SandboxRequest
---@param agent_id string
---@param is_wanted (fun(version: table): boolean)? nil: all are
---@return table? version
function versions.newest(request, agent_id, is_wanted)
  local found
  for version in request.store:each("versions", request.organization, agent_id) do
    if found and version.created_at ~= found.created_at then break end
    if (is_wanted or is_any)(version) and (not found or version.version > found.version) then found = version end
  end
  return found
end

---The newest version that is published, or nil.
---@param request SandboxRequest
---@param agent_id string
---@return table? version
function versions.newest_published(request, agent_id)
  return versions.newest(request, agent_id, function(version) return version.published end)
end

---The version with that number. Numbers in bodies may be any JSON number; answers 404 for one that is no version's.
---@param request SandboxRequest
---@param agent_id string
---@param number number
---@return table version
function versions.find(request, agent_id, number)
  local alias = tostring(math.tointeger(number) or number)
  local version = request.store:find("versions", request.organization, agent_id, alias)
  if not version then checks.refuse(404, "Agent %s has no version %s.", agent_id, alias) end
  return version
end

---Removes the versions of an agent that is about to go.
function versions.remove_all(request, agent_id)
  for _, id in request.store:each("versions", request.organization, agent_id) do
    request.store:remove("configs", request.organization, id)
    request.store:remove("versions", request.organization, id)
  end
end

-- }======

-- {====== generation of instructions ======

-- Asynchronous, like the real one, but with a fixed end and fixed words: it is running for a given number of
-- looks at the version, then it is completed. That it is asynchronous and needs inputs is documented; the state,
-- its field on the version (`instruction_generation`) and the text are our choice.

local LOOKS = 3 -- the last of them finds it completed

-- A state, kept with the version.
local function start_generation(now)
  return { status = "running", requested_at = now, completed_at = json.null, looks_left = LOOKS }
end

local function is_generating(version)
  local state = version.instruction_generation
  return state ~= json.null and state.status == "running"
end

-- Counts one look. True when that completed it.
local function count_look(state)
  state.looks_left = state.looks_left - 1
  if state.looks_left > 0 then return false end
  state.status = "completed"
  return true
end

-- The state as the API shows it.
local function present_generation(state)
  if state ~= json.null then state.looks_left = nil end
  return state
end

local function title(name)
  local words = name:gsub("[_-]+", " ")
  return words:sub(1, 1):upper() .. words:sub(2)
end

local function paragraph(value)
  if type(value) == "string" then return value end
  if not json.is_array(value) then return json.encode(value) end
  local lines = {}
  for _, element in ipairs(value) do lines[#lines + 1] = "- " .. paragraph(element) end
  return table.concat(lines, "\n")
end

-- Instructions from the inputs: one section for each, in the order of their names.
local function write_instructions(inputs)
  local names, parts = {}, { "You are a voice agent. Follow these instructions." }
  for name in pairs(inputs) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("# %s\n%s"):format(title(name), paragraph(inputs[name]))
  end
  return table.concat(parts, "\n\n")
end

-- }======

-- {====== the difference between two ======

local SHOWN_MAX = 60 -- characters of a value

local function show(value)
  local text = json.encode(value)
  local cut = utf8.offset(text, SHOWN_MAX + 1)
  if cut and cut <= #text then return text:sub(1, cut - 1) .. "…" end
  return text
end

local function is_container(value)
  return type(value) == "table"
end

-- The keys of both, sorted. Both are objects or both are arrays, so the keys are of one type.
local function keys_of(first, second)
  local seen, keys = {}, {}
  for _, container in ipairs { first, second } do
    for key in pairs(container) do
      if not seen[key] then
        seen[key] = true
        keys[#keys + 1] = key
      end
    end
  end
  table.sort(keys)
  return keys
end

local function child_path(path, key)
  if type(key) == "number" then return ("%s[%d]"):format(path, key) end
  return path == "" and key or path .. "." .. key
end

local function are_of_one_kind(first, second)
  return is_container(first) and is_container(second) and json.is_array(first) == json.is_array(second)
end

local function collect_differences(lines, path, first, second)
  if not are_of_one_kind(first, second) then
    if is_container(first) or is_container(second) or not json.equal(first, second) then
      lines[#lines + 1] = ("- %s changed from %s to %s"):format(path, show(first), show(second))
    end
    return
  end
  for _, key in ipairs(keys_of(first, second)) do
    local was, is, name = first[key], second[key], child_path(path, key)
    if was == nil then
      lines[#lines + 1] = ("- %s added: %s"):format(name, show(is))
    elseif is == nil then
      lines[#lines + 1] = ("- %s removed; it was %s"):format(name, show(was))
    else
      collect_differences(lines, name, was, is)
    end
  end
end

-- The difference between two contents as plain text: one line a field that was added, removed or changed, by its
-- path, in the order of the paths.
local function describe_difference(from, to)
  local lines = {}
  for _, field in ipairs { "config", "instruction_builder_inputs" } do
    collect_differences(lines, field, from[field], to[field])
  end
  if #lines == 0 then return "The versions do not differ.\n" end
  local places = #lines == 1 and "one place" or ("%d places"):format(#lines)
  return ("The versions differ in %s:\n%s\n"):format(places, table.concat(lines, "\n"))
end

-- }======

-- {====== reading and writing one ======

local function require_agent(request)
  local id = request.path.agent_id
  if not request.store:get("agents", request.organization, id) then
    checks.refuse(404, "Agent %s not found.", id)
  end
  return id
end

-- The version that the path names by number, without its configuration; answers 404 when the agent or the version
-- is not there.
local function require_version(request)
  local agent_id, text = require_agent(request), request.path.version
  local number = text:find("^%d+$") and math.tointeger(tonumber(text))
  if not number then checks.refuse(422, "version: expected a number, got %q", text) end
  return versions.find(request, agent_id, number)
end

local function contents(request, version)
  return request.store:get("configs", request.organization, version.id)
end

-- The version as the API shows it: with its configuration, without our own bookkeeping.
local function present(request, version)
  local content = contents(request, version)
  version.config = content.config
  version.instruction_builder_inputs = content.instruction_builder_inputs
  version.instruction_generation = present_generation(version.instruction_generation)
  return version
end

local function create(request, agent_id, content, base_version)
  local store, now = request.store, request.now()
  local last = versions.newest(request, agent_id)
  local version = {
    id = request.new_id(),
    agent_id = agent_id,
    version = last and last.version + 1 or 1,
    base_version = base_version or json.null,
    published = false,
    published_at = json.null,
    instruction_generation = json.null,
    created_at = now,
    updated_at = now,
  }
  local organization = request.organization
  store:add("versions", version.id, version,
    { organization = organization, parent = agent_id, alias = tostring(version.version) })
  content.created_at = now
  store:add("configs", version.id, content, { organization = organization })
  return version
end

local function new_content(config)
  return { config = config, instruction_builder_inputs = json.null }
end

-- A draft of this content; the inputs of the instruction builder are copied with the configuration
-- (our choice).
local function copy(request, agent_id, base)
  return create(request, agent_id, contents(request, base), base.version)
end

local function save(request, version)
  version.updated_at = request.now()
  request.store:save("versions", version.id, version)
end

-- Marks a version as published; one that is already stays as it is. Answers 409 while its instructions are being
-- generated (our choice).
local function publish(request, version)
  if is_generating(version) then
    checks.refuse(409, "Version %d is generating instructions; publish it when that is done.", version.version)
  end
  if version.published then return end
  version.published = true
  version.published_at = request.now()
  save(request, version)
end

local function refuse_published(version, action)
  if version.published then
    checks.refuse(400, "Version %d is published and cannot %s; create a new draft instead.", version.version, action)
  end
end

-- Counts one look at a version whose instructions are being generated; with the last one they are
-- written.
local function advance_generation(request, version)
  local state = version.instruction_generation
  if not is_generating(version) then return end
  if count_look(state) then
    local content = contents(request, version)
    content.config.instructions = write_instructions(content.instruction_builder_inputs)
    request.store:save("configs", version.id, content)
    state.completed_at = request.now()
  end
  save(request, version)
end

-- The newest version if it is a draft, else a new draft copied from it, or an empty one for a stub
-- agent. That `latest` makes sure of a draft is documented; what is copied is our choice.
local function latest_draft(request, agent_id)
  local version = versions.newest(request, agent_id)
  if not version then return create(request, agent_id, new_content({})) end
  return version.published and copy(request, agent_id, version) or version
end

-- }======

local rules = {}

rules["agents.versions.list"] = function(request)
  local query, agent_id = request.query, require_agent(request)
  local page = listing.page(request, "versions", agent_id, function(version)
    return (query.version == nil or version.version == query.version)
      and (query.published == nil or version.published == query.published)
  end)
  for _, version in ipairs(page) do present(request, version) end
  return page
end

rules["agents.versions.create"] = function(request)
  local agent_id, body = require_agent(request), request.body
  if body.base_version == nil then
    config_schema.check(body.config)
    return present(request, create(request, agent_id, new_content(body.config)))
  end
  return present(request, copy(request, agent_id, versions.find(request, agent_id, body.base_version)))
end

rules["agents.versions.get"] = function(request)
  local version
  if request.path.version == "latest" then
    version = latest_draft(request, require_agent(request))
  else
    version = require_version(request)
  end
  advance_generation(request, version)
  return present(request, version)
end

-- An update without any field is refused: our choice.
rules["agents.versions.update"] = function(request)
  local version, body = require_version(request), request.body
  refuse_published(version, "be changed")
  if next(body) == nil then checks.refuse(422, "body: expected config or instruction_builder_inputs") end
  if body.config ~= nil then config_schema.check(body.config) end
  local content = contents(request, version)
  for field, value in pairs(body) do content[field] = value end
  request.store:save("configs", version.id, content)
  save(request, version)
  return present(request, version)
end

-- The status of a refusal is our choice. Starting what is running already changes nothing.
rules["agents.versions.generate_instructions"] = function(request)
  local version = require_version(request)
  refuse_published(version, "generate instructions")
  if contents(request, version).instruction_builder_inputs == json.null then
    checks.refuse(400, "Version %d has no instruction_builder_inputs; set them before generating instructions.",
      version.version)
  end
  if not is_generating(version) then
    version.instruction_generation = start_generation(request.now())
    save(request, version)
  end
  return present(request, version)
end

-- The real service lets a language model describe the difference; here it is listed.
rules["agents.versions.compare"] = function(request)
  local agent_id, body, sides = require_agent(request), request.body, {}
  for _, field in ipairs { "from_version", "to_version" } do
    local number = math.tointeger(tonumber(body[field]))
    if not number then checks.refuse(422, "%s: expected the number of a version", field) end
    sides[#sides + 1] = contents(request, versions.find(request, agent_id, number))
  end
  return describe_difference(sides[1], sides[2]), { stream = true }
end

-- {====== publishing ======

-- Marks a version as published, then writes and clears slots of phone numbers. All or nothing: an unknown number
-- is answered with 404, and the version stays a draft (our choice; the documentation does not say what happens
-- then). A number in both lists is cleared first, then assigned (our choice).

-- Our own value of direction names slots; inbound is the documented default.
local SLOTS_OF = {
  inbound = { "inbound_agent_version_id" },
  outbound = { "outbound_agent_version_id" },
  both = { "inbound_agent_version_id", "outbound_agent_version_id" },
}

local function clear(record, slots, held)
  local changed = false
  for _, slot in ipairs(slots) do
    if held[record[slot]] then
      record[slot] = json.null
      changed = true
    end
  end
  return changed
end

local function assign(record, slots, version_id)
  for _, slot in ipairs(slots) do record[slot] = version_id end
  return true
end

-- Applies `change` to each number; `touched` collects the changed records, each once.
local function change_all(request, numbers, touched, change)
  for _, number in ipairs(numbers or {}) do
    local record = touched[number] or phone_numbers.require(request, number)
    if change(record) and not touched[number] then
      touched[number] = record
      touched[#touched + 1] = record
    end
  end
end

rules["agents.versions.publish"] = function(request)
  local version, body = require_version(request), request.body or {}
  local slots = SLOTS_OF[body.direction or "inbound"]
  local held = versions.ids(versions.summaries(request, version.agent_id))
  local touched = {}
  publish(request, version)
  change_all(request, body.unassign_phone_numbers, touched, function(record) return clear(record, slots, held) end)
  change_all(request, body.phone_numbers, touched, function(record) return assign(record, slots, version.id) end)

  local updated = json.array {}
  for _, record in ipairs(touched) do updated[#updated + 1] = phone_numbers.save(request, record) end
  return updated
end

-- }======

versions.rules = rules

return versions
