-- Intents: what a run is about to create, noted before the request leaves. A run that is killed may have created what
-- neither it nor the lock knows, and a list may not show it yet; the next run reads here what to look for before it
-- creates anything, and for how long. One file per organisation, beside the one that the writing run locks:
--
--   $XDG_STATE_HOME/anyreach/running/DIGEST.intents
--
--   {"agent":NAME,"at":SECONDS}                              a create is about to be sent
--   {"agent":NAME,"id":ID}   {"agent":NAME,"refused":true}   how it ended
--   {"draft":AGENT_ID,"version":N,"digest":DIGEST}           a draft is about to hold this
--
-- Lines are only appended, one write each, and the last one of a name counts; so a line that was cut off is no harm.
-- The file outlives the process, not the machine, and goes when a run ends. It is no part of the lock, which is
-- committed and merged: what was about to be done on one machine concerns no other, and a minute later nobody.

local agent_lookup = require "anyreach.agents.lookup"
local creation = require "anyreach.agents.creation"
local files = require "anyreach.files"
local host = require "anyreach.host"
local identity = require "anyreach.account.identity"
local json = require "anyreach.json"
local report = require "anyreach.report"
local run_lock = require "anyreach.account.run_lock"

local intents = {}

local PATIENCE = 60 -- seconds that a list may lag behind; a guess, for nothing is documented
local FIRST_PAUSE, LONGEST_PAUSE = 0.1, 4 -- seconds between two looks
local FEW = 4 -- names that are looked up one by one; more are found in the list of all
local NAMES_SHOWN = 5
local KEPT = 24 * 3600 -- seconds that notes of drafts are kept, when no run of their files comes

---@class anyreach.intents
---@field private path string
---@field private left table<string, table> of earlier runs: "agent NAME" or "draft ID" -> the last line about it
---@field private own table<string, table|false> of this run; false: it is settled
local Intents = {}
Intents.__index = Intents

-- {====== the file ======

local function key_of(line)
  return line.agent and "agent " .. line.agent or "draft " .. line.draft
end

local function is_line(value)
  if type(value) ~= "table" then return false end
  return type(value.agent) == "string" and (math.type(value.at) == "integer" or type(value.id) == "string"
    or value.refused == true) or type(value.draft) == "string" and math.type(value.version) == "integer"
    and type(value.digest) == "string"
end

local function read(path)
  local found, file = {}, io.open(path, "rb")
  for text in file and file:lines() or function() end do
    local ok, line = pcall(json.decode, text)
    if ok and is_line(line) then
      local key = key_of(line)
      line.at = line.at or found[key] and found[key].at or os.time()
      found[key] = not line.refused and line or nil
    end
  end
  if file then file:close() end
  return found
end

--- The intents of an organisation, which a run keeps others from writing to; nil where nothing can be kept, and for a
--- sandbox in this process, which ends with it.
---@param account anyreach.learned_account
---@return anyreach.intents|nil
function intents.open(account)
  local path = not host.sandbox_url() and run_lock.path(identity.server_key(account), "intents")
  if not path then return nil end
  return setmetatable({ path = path, left = read(path), own = {} }, Intents)
end

local function append(self, line)
  if self.is_broken then return end
  local file, message = io.open(self.path, "ab")
  if file then
    local ok, problem = file:write(json.encode(line), "\n")
    message = not ok and problem or nil
    file:close()
  end
  if not message then return end
  self.is_broken = true
  report.warn("what this run is about to create is not noted; after a kill it may be created twice: %s", message)
end

local function age(line)
  return os.time() - line.at
end

--- Ends the notes of this run, when the lock has what was made. Those stay of which it is not known whether they were
--- carried out, and those of other files.
function Intents:finish()
  local kept = {}
  for key, line in pairs(self.left) do
    local is_young = age(line) < (line.draft and KEPT or PATIENCE)
    if self.own[key] == nil and is_young then kept[#kept + 1] = json.encode(line) end
  end
  for _, line in pairs(self.own) do
    if line and not line.id and not line.draft then kept[#kept + 1] = json.encode(line) end
  end
  if #kept == 0 then return os.remove(self.path) end
  pcall(files.write_file, self.path, table.concat(kept, "\n") .. "\n")
end

-- }======

-- {====== creating ======

local function note(self, line)
  line.at = os.time()
  self.own[key_of(line)] = not line.refused and line or false
  append(self, line)
end

--- Creates an agent as creation.agent does, noted before each request and after it.
---@param api anyreach.client
---@param fields table
---@return table agent
---@return boolean found
function Intents:create_agent(api, fields)
  local name = fields.name
  local ok, agent, is_found = pcall(creation.agent, api, fields, function() note(self, { agent = name }) end)
  if ok then
    note(self, { agent = name, id = agent.id })
    return agent, is_found
  end
  if not creation.is_open(agent) then note(self, { agent = name, refused = true }) end
  error(agent, 0)
end

--- Notes what a draft is about to hold.
---@param agent_id string
---@param version integer its number; of a new one the lowest that it can get
---@param digest string from contents.draft_digest()
function Intents:draft(agent_id, version, digest)
  note(self, { draft = agent_id, version = version, digest = digest })
end

--- True for a draft that holds what an interrupted run was about to write to it.
---@param agent_id string
---@param version integer
---@param digest string
---@return boolean
function Intents:is_own_draft(agent_id, version, digest)
  local line = self.left["draft " .. agent_id]
  return line ~= nil and version >= line.version and line.digest == digest
end

--- The id of an agent that an interrupted run has created, if it is known by now.
---@param name string
---@return string|nil
function Intents:id(name)
  local line = self.left["agent " .. name]
  return line and line.id
end

-- }======

-- {====== looking for what may have been created ======

local function names_text(names)
  local quoted = {}
  for index = 1, math.min(#names, NAMES_SHOWN) do quoted[index] = ("'%s'"):format(names[index]) end
  return table.concat(quoted, ", ") .. (#names > NAMES_SHOWN and (" and %d more"):format(#names - NAMES_SHOWN) or "")
end

-- Seconds that are left, by the clock of the machine, which may have been set meanwhile.
local function time_left(self, names)
  local patience, left = math.min(PATIENCE, host.options["max-wait"] or PATIENCE), 0
  for _, name in ipairs(names) do left = math.max(left, patience - age(self.left["agent " .. name])) end
  return math.min(left, patience)
end

-- Name -> id, of what lists show now.
local function look(api, names)
  local found = {}
  for _, name in ipairs(#names <= FEW and names or {}) do
    local row = agent_lookup.named(api, name)[1]
    found[name] = row and row.id
  end
  for _, row in ipairs(#names > FEW and agent_lookup.all(api) or {}) do found[row.name] = row.id end
  return found
end

-- Looks once; returns the names that are still missing.
local function look_once(self, api, names)
  local found, missing = look(api, names), {}
  for _, name in ipairs(names) do
    self.left["agent " .. name].id = found[name]
    if not found[name] then missing[#missing + 1] = name end
  end
  return missing
end

local function open_names(self, names)
  local list = {}
  for _, name in ipairs(names) do
    local line = self.left["agent " .. name]
    if line and not line.id then list[#list + 1] = name end
  end
  return list
end

--- Looks for agents that an interrupted run may have created, until a list shows them or they would have shown.
---@param api anyreach.client
---@param names string[] of agents that this run would create if they are not there
---@param is_check? boolean nothing is waited for
function Intents:await(api, names, is_check)
  local missing = open_names(self, names)
  local seconds = #missing > 0 and time_left(self, missing) or 0
  if seconds <= 0 then return end
  missing = look_once(self, api, missing)
  if #missing == 0 then return end
  if is_check then
    report.note("an interrupted run may have created %s; a run without --check looks for that for up to %.0f s first",
      names_text(missing), seconds)
    return
  end
  report.note("waiting up to %.0f s for what the interrupted run may have created: %s", seconds, names_text(missing))
  local until_when, pause = host.clock() + seconds, FIRST_PAUSE
  while #missing > 0 and host.clock() < until_when do
    host.sleep(math.min(pause, until_when - host.clock()))
    pause = math.min(pause * 2, LONGEST_PAUSE)
    missing = look_once(self, api, missing)
  end
end

-- }======

return intents
