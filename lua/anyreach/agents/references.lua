-- References: things of an organisation by kind and name, such as `dataset:Clinic FAQ`, in place of ids
-- that mean nothing elsewhere. A resolver knows one organisation: it turns names into ids and ids into
-- names, from what the organisation's lists say (each is read once, when it is first needed) and, before
-- those, from the ids that an environment file gives.

local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local operations = require "anyreach.operations"
local single = require "anyreach.yaml.reference"
local member = require("anyreach.client.client").member
local yaml = require "anyreach.yaml"

local references = {}

-- Kind -> the operation that lists its things, and the fields of a row that are name and id. Workflows
-- have no documented list; a live document may bring one. `one` and `many` are words for messages.
local KINDS = {
  agent = { list = "agents.list", one = "agent", many = "agents" },
  dataset = { list = "datasets.list", one = "dataset", many = "datasets" },
  number = { list = "phone_numbers.list", one = "phone number", many = "phone numbers", field = "phone_number" },
  trunk = { list = "trunks.list", one = "trunk", many = "trunks" },
  workflow = { list = "workflows.list", one = "workflow", many = "workflows" },
}

references.kinds = single.kinds
references.make = single.make
references.parse = single.parse
references.is_reference = single.is_reference

-- {====== what an organisation has ======

---@class anyreach.resolver
---@field private api anyreach.client
---@field private given table<string, table<string, string>> kind -> name -> id, of the environment file
---@field private listings table<string, table> kind -> task that lists its things
---@field private expected table<string, true> "kind:name" of what a run is about to create
---@field private learned table<string, string> "kind:name" of what it has created -> id
local Resolver = {}
Resolver.__index = Resolver

--- A resolver for the organisation of a client.
---@param api anyreach.client
---@param ids? table<string, table<string, string>> kind -> name -> id, which count before what is listed
---@return anyreach.resolver
function references.resolver(api, ids)
  return setmetatable({ api = api, given = ids or {}, listings = {}, expected = {}, learned = {} }, Resolver)
end

-- A list that is only inferred may not be there, and a credential may lack the scope for one.
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

-- The things of a kind: names -> ids, ids -> name; or why they cannot be looked up.
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
    or ("'anyreach call %s --each' shows those there are"):format(KINDS[kind].list))
end

--- The id of a thing.
---@param kind string
---@param name string
---@return string|nil id
---@return string|nil problem why there is none: not found, ambiguous, or not to be looked up
function Resolver:id(kind, name)
  if not KINDS[kind] then return nil, single.kind_problem(kind) end
  local given = self.learned[kind .. ":" .. name] or self.given[kind] and self.given[kind][name]
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

--- Says that this run is about to create a thing: references to it are kept until it is known.
---@param kind string
---@param name string
function Resolver:expect(kind, name)
  self.expected[kind .. ":" .. name] = true
end

--- Says which id a thing has that was just created.
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

--- The same for what a reference names.
---@param reference anyreach.reference
---@return boolean
function Resolver:is_expected(reference)
  return self:expects(reference.kind, reference.name)
end

--- True when nothing has the name. What cannot be looked up is not known to be lacking.
---@param kind string
---@param name string
---@return boolean
function Resolver:lacks(kind, name)
  if self.given[kind] and self.given[kind][name] then return false end
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

--- The thing whose id a text is.
---@param text string
---@return anyreach.reference|nil
---@return string|nil problem when a thing has the id, and its name does not lead back to it
function Resolver:find(text)
  for _, kind in ipairs(references.kinds) do
    local name = name_of_given(self.given[kind], text) or self:things(kind).ids[text]
    if name then
      local id, problem = self:id(kind, name)
      if id == text then return references.make(kind, name) end
      return nil, problem or ("the name '%s' of this %s stands for another in the environment file"):format(name,
        KINDS[kind].one)
    end
  end
end

-- }======

-- {====== whole values ======

-- A copy of a value in which `replace(leaf, path)` stands for each leaf: a reference, or no table.
local function map(value, path, replace)
  if type(value) ~= "table" or references.is_reference(value) or json.is_number(value) then
    return replace(value, path)
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do copy[key] = map(part, diff.path(path, key), replace) end
  return copy
end

local function sort_by_path(list)
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

--- Puts ids in the places of references. What cannot be resolved stays a reference and is a problem; what
--- the resolver expects to be created stays one and is none.
---@generic T
---@param value T
---@param resolver anyreach.resolver
---@return T copy
---@return {path: string, message: string}[] problems
function references.substitute(value, resolver)
  local problems = {}
  local copy = map(value, "", function(leaf, path)
    if not references.is_reference(leaf) or resolver:is_expected(leaf) then return leaf end
    local id, problem = resolver:id(leaf.kind, leaf.name)
    if not id then problems[#problems + 1] = { path = path, message = problem } end
    return id or leaf
  end)
  return copy, sort_by_path(problems)
end

--- The references that a value holds, sorted by path.
---@param value any
---@param path? string of the value; default none
---@return {reference: anyreach.reference, path: string}[]
function references.list(value, path)
  local found = {}
  map(value, path or "", function(leaf, place)
    if references.is_reference(leaf) then found[#found + 1] = { reference = leaf, path = place } end
    return leaf
  end)
  return sort_by_path(found)
end

--- A copy of a value with the text "kind:name" in the places of references.
---@generic T
---@param value T
---@return T
function references.as_text(value)
  return map(value, "", function(leaf) return references.is_reference(leaf) and tostring(leaf) or leaf end)
end

--- A copy of a value with the tag !ref in the places of references, as YAML writes them.
---@generic T
---@param value T
---@return T
function references.as_tags(value)
  return map(value, "", function(leaf)
    return references.is_reference(leaf) and yaml.tag("!ref", tostring(leaf)) or leaf
  end)
end

-- A field whose name says that it holds an id of a kind: agent_id, dataset_ids[2], knowledge_base_id.
local function kind_of_path(path)
  local word = path:gsub("%[%d+%]$", ""):match("([%a_]+)_ids?$") or ""
  for _, kind in ipairs(references.kinds) do
    if word == kind or word:sub(-#kind - 1) == "_" .. kind then return kind end
  end
  return word:find("knowledge_base$") and "dataset" or nil
end

--- Puts references in the places of ids, wherever a text is the id of a thing of the organisation.
---@generic T
---@param value T
---@param resolver anyreach.resolver
---@return T copy
---@return {path: string, message: string}[] unresolved ids left as they are: of things whose name is not
--- unique, and what stands in a field for an id and is no known one
function references.extract(value, resolver)
  local unresolved = {}
  local copy = map(value, "", function(leaf, path)
    if type(leaf) ~= "string" or leaf == "" then return leaf end
    local reference, problem = resolver:find(leaf)
    local kind = not reference and not problem and kind_of_path(path)
    if kind then problem = ("'%s' is the id of no %s that is known here"):format(leaf, KINDS[kind].one) end
    if problem then unresolved[#unresolved + 1] = { path = path, message = problem } end
    return reference or leaf
  end)
  return copy, sort_by_path(unresolved)
end

-- }======

return references
