-- The lock: what was last written to which organisation, in a file that is committed beside the agent
-- files (anyreach.lock). One JSON object a line, sorted, so that two branches merge line by line. A
-- checkout alone then tells who has changed something since: the files, the organisation, or both.
--
--   {"agent":NAME,"account":KEY,"agent_id":ID,"version":N,"files":DIGEST,"remote":DIGEST,"file":PATH,
--    "formerly":NAME,"draft":N,"draft_digest":DIGEST,"fields":{PATH:DIGESTS,…}}
--   {"agent":NAME,"account":KEY,"agent_id":ID}
--   {"agent":NAME,"account":KEY,"from":KEY,"from_agent_id":ID,"from_version":N,"agent_id":ID,"version":N,
--    "draft":N,"draft_digest":DIGEST,"draft_fields":{…},"fields":{…}}
--   {"agent":NAME,"account":KEY,"from":"prompts","agent_id":ID,"version":N,"fields":{PATH:DIGESTS,…}}
--
-- The second form is an agent that was created and not yet written to the end, the third records a promotion from
-- another organisation, the fourth prompts from a folder. Keys that this program does not know are kept, and so is
-- what another run has noted in the meantime. A file that cannot be read to the end is refused, never taken for empty.

local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local field_digests = require "anyreach.agents.field_digests"
local files = require "anyreach.files"
local json = require "anyreach.json"
local disk = require "anyreach.disk"
local redaction = require "anyreach.text.redaction"

---@class anyreach.lock_row
---@field agent string name
---@field account string key of the organisation, from anyreach.account
---@field agent_id string
---@field version integer|nil the version in use; nil for an agent without any
---@field files string|nil digest of what the files said; nil of an agent that was not yet written to the end
---@field remote string|nil digest of what the organisation had after it was written
---@field file string|nil path of the agent file, relative to the lock
---@field formerly string|nil the name that the file gave the agent before
---@field draft integer|nil a draft that was written from here
---@field draft_digest string|nil digest of what it held then; another one now: somebody has changed it
---@field draft_fields table<string, string>|nil of a promotion: what is noted of that draft as `fields` of the version
---@field fields table<string, string>|nil path -> what anyreach.agents.field_digests notes of the value there
---@field from string|nil of a promotion: key of the organisation that it came from
---@field from_agent_id string|nil
---@field from_version integer|nil

---@class anyreach.lock
---@field path string
---@field private by_key table<string, anyreach.lock_row>
---@field private changed table<string, true> keys of the rows that were set or removed here since it was written
---@field private written string|nil what the file said when it was last read or written
---@field private is_settled boolean|nil the file was found to say, or made to say, what the rows do
local Lock = {}
Lock.__index = Lock

local lock = { NAME = "anyreach.lock" }

local PROMPTS = "prompts" -- in place of an organisation from which an agent was promoted

local HOLD_SECONDS = 5 -- that another run may hold the file

local ORDER = {
  "agent", "account", "from", "from_agent_id", "from_version", "agent_id", "version", "files", "remote", "file",
  "formerly", "draft", "draft_digest", "draft_fields", "fields",
}

local DIGEST = "^sha256:" .. ("%x"):rep(64) .. "$"

local function are_fields(value)
  if type(value) ~= "table" or json.is_array(value) or json.is_number(value) then return false end
  for _, text in pairs(value) do
    if type(text) ~= "string" or not field_digests.parse(text) then return false end
  end
  return true
end

-- Key -> what its value must be; the first two are required.
local checks = {
  agent = function(value) return type(value) == "string" end,
  account = function(value) return type(value) == "string" end,
  from = function(value) return type(value) == "string" end,
  from_agent_id = function(value) return type(value) == "string" end,
  agent_id = function(value) return type(value) == "string" end,
  from_version = function(value) return math.type(value) == "integer" end,
  version = function(value) return math.type(value) == "integer" end,
  files = function(value) return type(value) == "string" and value:find(DIGEST) ~= nil end,
  remote = function(value) return type(value) == "string" and value:find(DIGEST) ~= nil end,
  file = function(value) return type(value) == "string" end,
  formerly = function(value) return type(value) == "string" end,
  draft = function(value) return math.type(value) == "integer" end,
  draft_digest = function(value) return type(value) == "string" and value:find(DIGEST) ~= nil end,
  draft_fields = are_fields,
  fields = are_fields,
}

-- The key of a row in memory, which is also the order of the lines.
local function row_key(agent, account, from)
  return ("%s\0%s\0%s"):format(agent, account, from or "")
end

-- {====== reading ======

-- What is wrong with a row, or nil.
local function row_problem(row)
  if type(row) ~= "table" or json.is_array(row) or json.is_number(row) then return "expected a JSON object" end
  if row.agent == nil or row.account == nil then return "expected the keys agent and account" end
  for _, key in ipairs(ORDER) do
    if row[key] ~= nil and not checks[key](row[key]) then
      return ("%s: unexpected value %s"):format(key, json.encode(row[key]))
    end
  end
end

local function fail(path, number, format, ...)
  errors.raise("input", "%s:%d: %s", path, number, format:format(...))
end

local function parse_line(path, number, line)
  if line:find("^<<<<<<<") or line:find("^|||||||") or line:find("^=======") or line:find("^>>>>>>>") then
    fail(path, number, "unresolved merge conflict; of two lines about one agent keep the one with the higher "
      .. "version")
  end
  local ok, row = pcall(json.decode, line)
  if not ok then fail(path, number, "not a line of a lock: %s", (tostring(row):gsub("%c+", " "))) end
  local problem = row_problem(row)
  if problem then fail(path, number, "%s", problem) end
  return row
end

-- What the lock knows as a secret is shown by no run that reads it.
local function hide_secrets(fields)
  for path, text in pairs(fields or {}) do
    if text:find("^%x%x%x%x%f[^%x]") and field_digests.is_of_secret(field_digests.parse(text)) then
      redaction.add_field(path)
    end
  end
end

local function add_line(self, places, number, line)
  local row = parse_line(self.path, number, line)
  local key = row_key(row.agent, row.account, row.from)
  if self.by_key[key] and not json.equal(self.by_key[key], row) then
    fail(self.path, number, "the agent '%s' has another line already, %d; keep the one with the higher version",
      row.agent, places[key])
  end
  self.by_key[key], places[key] = row, places[key] or number
  hide_secrets(row.fields)
  hide_secrets(row.draft_fields)
end

-- The text of the file; nil when there is none.
local function read_text(path)
  local ENOENT = 2
  local kind, _, code = directory.kind(path)
  if not kind and code == ENOENT then return nil end
  return files.read_file(path)
end

--- Reads a lock. A file that is not there is a lock without rows; one that cannot be understood raises an
--- error of kind "input" with file and line.
---@param path string
---@return anyreach.lock
function lock.read(path)
  local self = setmetatable({ path = path, by_key = {}, changed = {} }, Lock)
  local text, number, places = read_text(path), 0, {}
  for line in (text or ""):gmatch("([^\n]*)\n?") do
    number = number + 1
    if line:find("%S") then add_line(self, places, number, line) end
  end
  self.written = text
  return self
end

-- }======

-- {====== writing ======

local function line_of(row)
  local parts, rest = {}, {}
  for key in pairs(row) do
    if not checks[key] then rest[#rest + 1] = key end
  end
  table.sort(rest)
  for _, keys in ipairs { ORDER, rest } do
    for _, key in ipairs(keys) do
      if row[key] ~= nil then parts[#parts + 1] = json.encode(key) .. ":" .. json.encode(row[key]) end
    end
  end
  return "{" .. table.concat(parts, ",") .. "}\n"
end

-- Row -> its line. A promotion writes the lock after each agent, and rows are replaced, never changed.
local lines_of_rows = setmetatable({}, { __mode = "k" })

function Lock:text()
  local keys, lines = {}, {}
  for key in pairs(self.by_key) do keys[#keys + 1] = key end
  table.sort(keys)
  for index, key in ipairs(keys) do
    local row = self.by_key[key]
    lines_of_rows[row] = lines_of_rows[row] or line_of(row)
    lines[index] = lines_of_rows[row]
  end
  return table.concat(lines)
end

-- Takes the rows that were not changed here from the file as it is now.
local function take_over(self)
  local now = lock.read(self.path)
  for key in pairs(self.changed) do now.by_key[key] = self.by_key[key] end
  self.by_key, self.written = now.by_key, now.written
end

-- Until it is closed nobody else writes the lock at a path.
local function hold(path)
  local held, message = disk.lock(path:match("^(.*/)") or "./", HOLD_SECONDS)
  if held then return held end
  if held == false then
    errors.raise("conflict", "%s: another run has been writing there for %d seconds; try again when it has ended",
      path, HOLD_SECONDS)
  end
  errors.raise("input", "%s", message)
end

--- Writes the lock, by way of a new file, if it says anything else than the file does. The rows that were not
--- changed here are taken from the file as it is now, which no other run writes meanwhile.
---@return boolean written
function Lock:write()
  if self.is_settled and not next(self.changed) then return false end
  local _ <close> = hold(self.path)
  if read_text(self.path) ~= self.written then take_over(self) end
  local text = self:text()
  local is_news = text ~= (self.written or "")
  if is_news then
    files.write_file(self.path, text)
    self.written = text
  end
  self.changed, self.is_settled = {}, true
  return is_news
end

-- }======

--- Where the lock of an agent file is: beside it.
---@param file string
---@return string path
function lock.path_beside(file)
  return (file:match("^(.*/)") or "") .. lock.NAME
end

--- A function that gives the lock at a path, and reads each of them once.
---@return fun(path: string): anyreach.lock
---@return table<string, anyreach.lock> opened by path, as far as they were asked for
function lock.opener()
  local opened = {}
  return function(path)
    opened[path] = opened[path] or lock.read(path)
    return opened[path]
  end, opened
end

--- The lock of a directory of agent files.
---@param path string of the directory
---@return string path
function lock.path_in(path)
  return path:gsub("(.)/+$", "%1"):gsub("([^/])$", "%1/") .. lock.NAME
end

--- What was last written of an agent to an organisation.
---@param account string key
---@param name string
---@return anyreach.lock_row|nil
function Lock:get(account, name)
  return self.by_key[row_key(name, account)]
end

--- The last promotion of an agent from one organisation to another.
---@param from string key
---@param account string key
---@param name string
---@return anyreach.lock_row|nil
function Lock:promotion(from, account, name)
  return self.by_key[row_key(name, account, from)]
end

-- Keys of the old row that are unknown to this program stay.
local function set(self, row)
  local problem = row_problem(row)
  if problem then errors.raise("usage", "lock: %s", problem) end
  local key = row_key(row.agent, row.account, row.from)
  local new = {}
  for name, value in pairs(self.by_key[key] or {}) do
    if not checks[name] then new[name] = value end
  end
  for name, value in pairs(row) do new[name] = value end
  if not json.equal(new, self.by_key[key]) then self.by_key[key], self.changed[key] = new, true end
end

---@class anyreach.lock_facts
---@field agent_id string
---@field version integer|nil
---@field files string|nil
---@field remote string|nil
---@field is_published boolean|nil that version is no draft
---@field file string|nil path of the agent file, relative to the lock; nil: as it is noted
---@field fields table<string, string>|nil from anyreach.agents.field_digests

-- The draft of a row; nil when it was published, or a newer version was.
local function draft_of(row, facts)
  local is_over = not row or not row.draft or facts.is_published and facts.version >= row.draft
  if is_over then return nil end
  return row.draft, row.draft_digest
end

--- Notes what was written, or of an agent that was just created its id alone.
---@param account string key
---@param name string
---@param facts anyreach.lock_facts
function Lock:set(account, name, facts)
  local row = { agent = name, account = account }
  for _, key in ipairs { "agent_id", "version", "files", "remote", "file", "fields" } do row[key] = facts[key] end
  local known = self:get(account, name)
  row.draft, row.draft_digest = draft_of(known, facts)
  row.file = row.file or known and known.file
  row.formerly = known and known.agent_id == facts.agent_id and known.formerly or nil
  set(self, row)
end

--- Notes a draft that was written and is not yet published; what else is noted of the agent stays.
---@param account string key
---@param name string
---@param facts {agent_id: string, draft: integer, draft_digest: string}
function Lock:set_draft(account, name, facts)
  local row = { agent = name, account = account }
  for key, value in pairs(self:get(account, name) or {}) do row[key] = value end
  for key, value in pairs(facts) do row[key] = value end
  set(self, row)
end

--- Gives rows of an organisation other names, all at once: two may change theirs with each other. What the agents are
--- called there stays noted among the fields.
---@param account string key
---@param names table<string, string> old name -> new one
function Lock:rename(account, names)
  local moved = {}
  for old, new in pairs(names) do
    local key, row = row_key(old, account), {}
    for name, value in pairs(self.by_key[key]) do row[name] = value end
    row.agent, row.fields, row.formerly = new, {}, old
    local known = self.by_key[key].fields or field_digests.note({ name = old }, { name = old }, row.agent_id)
    for path, text in pairs(known) do row.fields[path] = text end
    moved[row_key(new, account)] = row
    self.by_key[key], self.changed[key] = nil, true
  end
  for key, row in pairs(moved) do self.by_key[key], self.changed[key] = row, true end
end

--- Notes a promotion.
---@param from string key
---@param account string key
---@param name string
---@param facts {from_agent_id: string|nil, from_version: integer, agent_id: string, version: integer,
--- fields: table<string, string>|nil} fields: what the target's environment file gave
function Lock:set_promotion(from, account, name, facts)
  local row = {
    agent = name, account = account, from = from, from_agent_id = facts.from_agent_id,
    from_version = facts.from_version, agent_id = facts.agent_id, version = facts.version, fields = facts.fields,
  }
  local known = self:promotion(from, account, name)
  row.draft, row.draft_digest = draft_of(known, { is_published = true, version = facts.version })
  row.draft_fields = row.draft and known.draft_fields
  set(self, row)
end

--- Notes an agent that a promotion has just created, or a draft that it has written and not yet published; what else is
--- noted of the agent stays.
---@param from string key
---@param account string key
---@param name string
---@param facts {agent_id: string, draft: integer|nil, draft_digest: string|nil, draft_fields: table|nil}
function Lock:set_promoted_draft(from, account, name, facts)
  local row = { agent = name, account = account, from = from }
  local known = self:promotion(from, account, name)
  for key, value in pairs(known and known.agent_id == facts.agent_id and known or {}) do row[key] = value end
  row.draft_fields = nil
  for key, value in pairs(facts) do row[key] = value end
  set(self, row)
end

--- What was last written to an agent from the folder of prompts that the lock is in.
---@param account string key
---@param name string
---@return anyreach.lock_row|nil
function Lock:prompts(account, name)
  return self:promotion(PROMPTS, account, name)
end

--- Notes prompts that were written from the folder.
---@param account string key
---@param name string
---@param facts {agent_id: string, version: integer, draft: integer|nil, draft_digest: string|nil, fields: table}
function Lock:set_prompts(account, name, facts)
  local row = { agent = name, account = account, from = PROMPTS }
  for key, value in pairs(facts) do row[key] = value end
  set(self, row)
end

--- Forgets an agent of an organisation, its promotions there included.
---@param account string key
---@param name string
function Lock:remove(account, name)
  for key, row in pairs(self.by_key) do
    if row.account == account and row.agent == name then self.by_key[key], self.changed[key] = nil, true end
  end
end

--- Gives a row to other organisations. Where these have a row already, the one with the higher version stays.
---@param row anyreach.lock_row
---@param account string key
---@param from string|nil key, of a promotion
function Lock:move(row, account, from)
  local old, new, moved = row_key(row.agent, row.account, row.from), row_key(row.agent, account, from), {}
  for name, value in pairs(row) do moved[name] = value end
  moved.account, moved.from = account, from
  self.by_key[old], self.changed[old] = nil, true
  local there = self.by_key[new]
  if there and (there.version or 0) >= (row.version or 0) then return end
  self.by_key[new], self.changed[new] = moved, true
end

--- All rows, promotions included, in the order of the lines.
---@return anyreach.lock_row[]
function Lock:all_rows()
  local keys, rows = {}, {}
  for key in pairs(self.by_key) do keys[#keys + 1] = key end
  table.sort(keys)
  for index, key in ipairs(keys) do rows[index] = self.by_key[key] end
  return rows
end

--- The rows of an organisation without its promotions, sorted by the agents' names.
---@param account string key
---@return anyreach.lock_row[]
function Lock:rows(account)
  local rows = {}
  for _, row in pairs(self.by_key) do
    if row.account == account and not row.from then rows[#rows + 1] = row end
  end
  table.sort(rows, function(a, b) return a.agent < b.agent end)
  return rows
end

return lock
