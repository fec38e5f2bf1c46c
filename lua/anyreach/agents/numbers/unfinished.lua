-- Changes of slots that take several requests, written down before the first of them and forgotten after
-- the last; so that a run that was cut off is completed by the next one, also where the slots alone do not
-- tell any more what was meant, as half-way through a swap. One file an account:
--
--   $XDG_STATE_HOME/anyreach/unfinished/DIGEST.json        ($HOME/.local/state without XDG_STATE_HOME)
--
-- Beside it, DIGEST.lock is held by the recipe that is at work, so that no other takes its note for one
-- that was left behind.

local account = require "anyreach.account.identity"
local digest = require "anyreach.digest"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local json = require "anyreach.json"
local private_file = require "anyreach.private_file"
local slots = require "anyreach.agents.numbers.slots"
local state_path = require "anyreach.account.state_path"

local unfinished = {}

local NAME_LENGTH = 16 -- digits of the digest in the name of the file

---@class anyreach.unfinished
---@field what string the command, in words
---@field changes anyreach.slot_change[]

-- {====== the file ======

-- Nil where there is no place for it: then nothing was noted, and nothing can be.
local function path_of(api, ending)
  local name = digest.sha256(account.of(api).key):sub(1, NAME_LENGTH)
  return state_path(("unfinished/%s.%s"):format(name, ending or "json"))
end

--- Keeps other recipes from changing slots of this account. While another does, that is an error of kind
--- "conflict".
---@param api anyreach.client
---@return any held to be closed; nil where nothing can be noted
function unfinished.hold(api)
  local path = path_of(api, "lock")
  if not path then return nil end
  local held, message = private_file.hold(path, 0)
  if held then return held end
  if held == false then
    errors.raise("conflict", "another run is changing phone numbers of this organisation; run this one when it has "
      .. "ended")
  end
  errors.raise("input", "%s", message)
end

--- Forgets what was noted.
---@param api anyreach.client
function unfinished.forget(api)
  local path = path_of(api)
  if not path then return end
  local ok, message = os.remove(path)
  if not ok and directory.kind(path) then errors.raise("input", "%s", message) end
end

local function is_change(change)
  return type(change) == "table" and type(change.number) == "string" and slots.of(change.slot) ~= nil
    and (change.from == nil or type(change.from) == "table") and (change.to == nil or type(change.to) == "table")
end

local function is_record(record)
  if type(record) ~= "table" or type(record.what) ~= "string" or not json.is_array(record.changes) then return false end
  for index = 1, #record.changes do
    if not is_change(record.changes[index]) then return false end
  end
  return true
end

--- What an earlier run has begun and not finished, or nil. A file that cannot be read is an error, and
--- never taken for none.
---@param api anyreach.client
---@return anyreach.unfinished|nil
function unfinished.read(api)
  local path = path_of(api)
  if not path or not directory.kind(path) then return nil end
  local record = files.read_json(path)
  if not is_record(record) then
    errors.raise("input", "%s: expected what a run of the program had begun; remove the file when you know that "
      .. "nothing is unfinished", path)
  end
  return record
end

local function refuse_because_of(earlier)
  errors.raise("conflict", "'%s' was begun and not finished; run it again to complete it first", earlier.what)
end

--- Notes what is about to be done. While an earlier note stands, that is an error of kind "conflict".
---@param api anyreach.client
---@param what string the command, in words
---@param changes anyreach.slot_change[]
function unfinished.note(api, what, changes)
  local earlier = unfinished.read(api)
  if earlier then refuse_because_of(earlier) end
  local path = path_of(api)
  if not path then errors.raise("input", "there is no place to note what is begun: set XDG_STATE_HOME or HOME") end
  local text = json.encode({ what = what, changes = json.array(changes) }, { indent = 2 }) .. "\n"
  local ok, message = private_file.create(path, text)
  if ok then return end
  earlier = unfinished.read(api) -- somebody else's, of just now
  if earlier then refuse_because_of(earlier) end
  errors.raise("input", "%s", message)
end

-- }======

local function is_held(record, change, holder)
  return slots.version_id(record, change.slot) == (holder and holder.version_id)
end

--- What is left to be done of a record.
---@param record anyreach.unfinished
---@param records table<string, table> of the numbers as they are now, by number
---@return anyreach.slot_change[] due the slots still hold what they held
---@return anyreach.slot_change[] changed the slots hold something else by now, and are to be left alone
function unfinished.remaining(record, records)
  local due, changed = {}, {}
  for _, change in ipairs(record.changes) do
    local now = records[change.number]
    if not now then
      changed[#changed + 1] = change
    elseif not is_held(now, change, change.to) then
      local list = is_held(now, change, change.from) and due or changed
      list[#list + 1] = change
    end
  end
  return due, changed
end

return unfinished
