-- Resolving references: the one place where names of things become ids, and ids names. A resolver knows one
-- organisation: from its lists, each read once when it is first needed, and before those from the ids that an
-- environment file gives. On it build the agents of a run with ids in place of references, and a translator of
-- values from one organisation to another. Everything that cannot be resolved is reported at once, by file, line
-- and column, before anything is written.

local agent_lookup = require "anyreach.agents.lookup"
local document = require "anyreach.agents.file.document"
local errors = require "anyreach.errors"
local fields = require "anyreach.agents.file.fields"
local host = require "anyreach.host"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local member = require("anyreach.client.client").member
local reference = require "anyreach.yaml.reference"
local report = require "anyreach.report"

local references = {}

-- Kind -> the operation that lists its things, and the field of a row that is both name and id where it is not
-- `name` and `id`. Workflows have no documented list; a live document may add one. `one` and `many` are words for
-- messages.
local KINDS = {
  agent = { list = "agents.list", one = "agent", many = "agents" },
  dataset = { list = "datasets.list", one = "dataset", many = "datasets" },
  number = { list = "phone_numbers.list", one = "phone number", many = "phone numbers", field = "phone_number" },
  trunk = { list = "trunks.list", one = "trunk", many = "trunks" },
  workflow = { list = "workflows.list", one = "workflow", many = "workflows" },
}

-- {====== the things of one organisation ======

---@class anyreach.resolver
---@field private api anyreach.client
---@field private given table<string, table<string, string>> kind -> name -> id, of the environment file
---@field private known table<string, anyreach.known_agent> by name
---@field private renamed table<string, string> name of an agent by the lock -> what it is called now
---@field private listings table<string, table> kind -> task that lists its things
---@field private expected table<string, true> "kind:name" of what a run is about to create
---@field private learned table<string, string> "kind:name" of what it has created -> id
local Resolver = {}
Resolver.__index = Resolver

---@class anyreach.known_agent an agent that the lock knows under a name
---@field id string
---@field called? string|false what the files call it now, if that is another name; false: this run gives it the name

--- A resolver for the organisation of a client.
---@param api anyreach.client
---@param ids? table<string, table<string, string>> kind -> name -> id, which count before what is listed
---@param known? table<string, anyreach.known_agent> agents by names, whatever they are called there now
---@return anyreach.resolver
function references.resolver(api, ids, known)
  return setmetatable({
    api = api, given = ids or {}, known = known or {}, renamed = {}, listings = {}, expected = {}, learned = {},
  }, Resolver)
end

-- A list that is only inferred may not exist, and a credential may lack the scope for one.
local UNLISTABLE = { forbidden = true, not_found = true, bad_request = true, validation = true, http = true }

local function read_rows(api, kind)
  local names, ids = {}, {}
  local field = KINDS[kind].field or "name"
  for row in member(api, (KINDS[kind].list:gsub("list$", "each")))() do
    row = type(row) == "table" and row or {}
    local id, name = row[KINDS[kind].field or "id"], row[field]
    if type(id) == "string" and type(name) == "string" and name ~= "" and not ids[id] then
      names[name] = names[name] or {}
      table.insert(names[name], id)
      ids[id] = name
    end
  end
  return { names = names, ids = ids }
end

-- The things of a kind: `names`, name -> ids, and `ids`, id -> name; or a `problem`: why they cannot be looked up.
local function list_things(api, kind)
  local name = KINDS[kind].list
  if not operations.describe(name) then
    return { names = {}, ids = {}, problem = "the API has no known list of them" }
  end
  local ok, result = pcall(read_rows, api, kind)
  if ok then return result end
  if not errors.is_error(result) or not UNLISTABLE[result.kind] then error(result, 0) end
  return { names = {}, ids = {}, problem = tostring(result) }
end

-- Several tasks may ask at once; one of them lists.
function Resolver:things(kind)
  if not self.listings[kind] then self.listings[kind] = host.spawn(list_things, self.api, kind) end
  return self.listings[kind]:wait()
end

local function environment_hint(kind, name)
  return ("give the id in the environment file, as references: {%s: {%s: ID}}"):format(kind, json.encode(name))
end

local function missing_problem(kind, name, things)
  local known = {}
  for other in pairs(things.names) do known[#known + 1] = other end
  table.sort(known)
  local near = operations.nearest(name, known)
  return ("no %s has the name '%s'; %s"):format(KINDS[kind].one, name, near and ("did you mean '%s'?"):format(near)
    or ("'anyreach call %s --each' lists them"):format(KINDS[kind].list))
end

-- The id that an agent has by the lock, if the organisation has it still. A list may lag behind.
function Resolver:known_id(kind, name)
  local known = kind == "agent" and self.known[name]
  local things = known and self:things(kind)
  if not known or things.problem then return nil end
  local there = things.ids[known.id]
  if not there then
    local agent = agent_lookup.by_known_id(self.api, known.id)
    there = agent and agent.name
  end
  if not there then -- it is gone
    self.known[name] = nil
    return nil
  end
  local called = known.called == nil and there or known.called
  if called and called ~= name then self.renamed[name] = called end
  return known.id
end

--- The id of a thing.
---@param kind string
---@param name string
---@return string|nil id
---@return string|nil problem why there is no id: not found, ambiguous, or impossible to look up
function Resolver:id(kind, name)
  if not KINDS[kind] then return nil, reference.kind_problem(kind) end
  local given = self.learned[kind .. ":" .. name] or self.given[kind] and self.given[kind][name]
    or self:known_id(kind, name)
  if given then return given end
  local things = self:things(kind)
  local ids = things.names[name]
  if things.problem then
    return nil, ("%s:%s: %s cannot be looked up (%s); %s"):format(kind, name, KINDS[kind].many, things.problem,
      environment_hint(kind, name))
  elseif not ids then
    return nil, missing_problem(kind, name, things)
  elseif #ids > 1 then
    return nil, ("%d %s have the name '%s': %s; rename all but one, or %s"):format(#ids, KINDS[kind].many, name,
      table.concat(ids, ", "), environment_hint(kind, name))
  end
  return ids[1]
end

--- Notes that this run is about to create a thing: references to it stay as they are until its id is learned.
---@param kind string
---@param name string
function Resolver:expect(kind, name)
  self.expected[kind .. ":" .. name] = true
end

--- Notes the id of a thing that was just created.
---@param kind string
---@param name string
---@param id string
function Resolver:learn(kind, name, id)
  self.expected[kind .. ":" .. name] = nil
  self.learned[kind .. ":" .. name] = id
end

--- True when a thing is still to be created by this run.
---@param kind string
---@param name string
---@return boolean
function Resolver:expects(kind, name)
  return self.expected[kind .. ":" .. name] == true
end

--- True when what a reference names is still to be created by this run.
---@param named anyreach.reference
---@return boolean
function Resolver:is_expected(named)
  return self:expects(named.kind, named.name)
end

--- True when nothing has the name. False when that is unknown because the kind cannot be looked up.
---@param kind string
---@param name string
---@return boolean
function Resolver:lacks(kind, name)
  if self.given[kind] and self.given[kind][name] or self:known_id(kind, name) then return false end
  local things = self:things(kind)
  return not things.problem and not things.names[name]
end

local function name_of_given(ids, text)
  local found
  for name, id in pairs(ids or {}) do
    if id == text and (not found or name < found) then found = name end
  end
  return found
end

--- A reference to the thing that has an id.
---@param text string
---@return anyreach.reference|nil
---@return string|nil problem when a thing has the id, but its name does not resolve to it
function Resolver:find(text)
  for _, kind in ipairs(reference.kinds) do
    local name = name_of_given(self.given[kind], text) or self:things(kind).ids[text]
    if name then
      local id, problem = self:id(kind, name)
      if id == text then return reference.make(kind, name) end
      return nil, problem or ("the name '%s' of this %s stands for another in the environment file"):format(name,
        KINDS[kind].one)
    end
  end
end

-- }======

-- {====== whole values ======

local function sort_by_path(list)
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

--- Replaces references by ids. A reference that cannot be resolved stays and is a problem; one to a thing that the
--- resolver expects to be created stays and is none.
---@generic T
---@param value T
---@param resolver anyreach.resolver
---@return T copy
---@return {path: string, message: string}[] problems
function references.substitute(value, resolver)
  local problems = {}
  local copy = reference.map(value, "", function(leaf, path)
    if not reference.is_reference(leaf) or resolver:is_expected(leaf) then return leaf end
    local id, problem = resolver:id(leaf.kind, leaf.name)
    if not id then problems[#problems + 1] = { path = path, message = problem } end
    return id or leaf
  end)
  return copy, sort_by_path(problems)
end

-- The kind of thing that a field refers to by id, from its name: agent_id, dataset_ids[2], knowledge_base_id.
local function kind_of_path(path)
  local word = path:gsub("%[%d+%]$", ""):match("([%a_]+)_ids?$") or ""
  for _, kind in ipairs(reference.kinds) do
    if word == kind or word:sub(-#kind - 1) == "_" .. kind then return kind end
  end
  return word:find("knowledge_base$") and "dataset" or nil
end

--- Replaces ids by references, wherever a text is the id of a thing of the organisation.
---@generic T
---@param value T
---@param resolver anyreach.resolver
---@return T copy
---@return {path: string, message: string}[] unresolved ids that stay as they are: of things whose name is not
--- unique, and unknown ones in a field for an id
function references.extract(value, resolver)
  local unresolved = {}
  local copy = reference.map(value, "", function(leaf, path)
    if type(leaf) ~= "string" or leaf == "" then return leaf end
    local found, problem = resolver:find(leaf)
    local kind = not found and not problem and kind_of_path(path)
    if kind then problem = ("'%s' is the id of no %s that is known here"):format(leaf, KINDS[kind].one) end
    if problem then unresolved[#unresolved + 1] = { path = path, message = problem } end
    return found or leaf
  end)
  return copy, sort_by_path(unresolved)
end

--- A copy of a value with names in place of both ids and references, for comparing and showing.
---@generic T
---@param value T
---@param resolver anyreach.resolver
---@return T
function references.readable(value, resolver)
  return reference.as_text((references.extract(value, resolver)))
end

-- }======

-- {====== the agents of a run ======

--- The ids that the environments of agents give. As a rule all agents of a run share one environment.
---@param agents anyreach.agent[]
---@return table<string, table<string, string>> kind -> name -> id
function references.ids_of(agents)
  local ids = {}
  for _, agent in ipairs(agents) do
    for kind, names in pairs(agent.ids or {}) do
      ids[kind] = ids[kind] or {}
      for name, id in pairs(names) do ids[kind][name] = id end
    end
  end
  return ids
end

-- All references of an agent with their places; one that a script has added gets the place of the agent's name.
local function references_of(agent)
  local places, list = {}, {}
  for _, found in ipairs(agent.references) do places[found.path] = found.place end
  for path, value in pairs { [""] = agent.own, config = agent.config, instruction_builder_inputs = agent.inputs } do
    for _, found in ipairs(reference.list(value, path)) do
      list[#list + 1] = { reference = found.reference, path = found.path, place = places[found.path] or agent.place }
    end
  end
  for index, claim in ipairs(agent.numbers) do
    if reference.is_reference(claim.number) then
      list[#list + 1] = { reference = claim.number, path = ("phone_numbers[%d]"):format(index), place = claim.place }
    end
  end
  return list
end

-- Has the resolver expect the agents that are referred to and that the run will create.
local function expect_agents(agents, found, resolver)
  local described = {}
  for _, agent in ipairs(agents) do described[agent.name] = true end
  for _, entry in ipairs(found) do
    local kind, name = entry.reference.kind, entry.reference.name
    if kind == "agent" and described[name] and resolver:lacks(kind, name) then resolver:expect(kind, name) end
  end
end

local function check_references(found, resolver, problems)
  for _, entry in ipairs(found) do
    if not resolver:is_expected(entry.reference) then
      local id, problem = resolver:id(entry.reference.kind, entry.reference.name)
      if not id then document.add_problem(problems, entry.place, "%s: %s", entry.path, problem) end
    end
  end
end

local function resolve_agent(agent, resolver)
  local copy = { is_resolved = true }
  for key, value in pairs(agent) do copy[key] = value end
  for _, key in ipairs { "own", "config", "inputs", "numbers" } do
    copy[key] = references.substitute(agent[key], resolver)
  end
  return copy
end

-- Names that are not those of the organisation any more will not be found without the lock.
local function warn_of_renamed(found, resolver)
  for _, entry in ipairs(found) do
    local called = entry.reference.kind == "agent" and resolver.renamed[entry.reference.name]
    if called then
      report.warn("%s: the agent '%s' is called '%s' now; the lock tells which one is meant", entry.place,
        entry.reference.name, called)
    end
  end
end

--- Agents with ids in place of references; a reference to an agent that the same run creates stays until that
--- agent exists. Problems raise one error of kind "input".
---@param api anyreach.client
---@param agents anyreach.agent[]
---@param known? table<string, anyreach.known_agent>
---@return anyreach.agent[] copies, in the same order
---@return anyreach.resolver resolver which expects the agents that are to be created
function references.resolve(api, agents, known)
  local resolver = references.resolver(api, references.ids_of(agents), known)
  local problems, files, copies, found = {}, {}, {}, {}
  for index, agent in ipairs(agents) do
    files[index] = agent.file
    local own = references_of(agent)
    table.move(own, 1, #own, #found + 1, found)
  end
  expect_agents(agents, found, resolver)
  check_references(found, resolver, problems)
  document.raise_problems(problems, files)
  warn_of_renamed(found, resolver)
  for index, agent in ipairs(agents) do copies[index] = resolve_agent(agent, resolver) end
  fields.check_numbers(copies, problems)
  document.raise_problems(problems, files)
  return copies, resolver
end

--- The numbers that an agent claims, as one organisation has them. A reference that cannot be resolved stays.
---@param agent anyreach.agent
---@param resolver anyreach.resolver
---@return anyreach.number_claim[]
function references.claims(agent, resolver)
  return (references.substitute(agent.numbers, resolver))
end

-- }======

-- {====== from one organisation to another ======

---@class anyreach.translator
---@field private source anyreach.resolver
---@field private target anyreach.resolver
local Translator = {}
Translator.__index = Translator

--- What turns values of one organisation into values of another: ids become references by the source's lists, and
--- ids again by the target's.
---@param source anyreach.resolver
---@param target anyreach.resolver
---@return anyreach.translator
function references.translator(source, target)
  return setmetatable({ source = source, target = target }, Translator)
end

--- A value of the source with the ids of the target. What is still to be created there stays a reference.
---@generic T
---@param value T
---@return T copy
---@return {path: string, message: string}[] problems ids that are unknown in the source, or nothing in the target
function Translator:value(value)
  local extracted, problems = references.extract(value, self.source)
  local copy, missing = references.substitute(extracted, self.target)
  return copy, table.move(missing, 1, #missing, #problems + 1, problems)
end

--- The target's phone number for one of the source.
---@param number string
---@return string|nil
---@return string|nil problem
function Translator:number(number)
  local found, problem = self.source:find(number)
  if not found then return nil, problem or ("the source has no phone number '%s'"):format(number) end
  return self.target:id("number", found.name)
end

-- }======

return references
