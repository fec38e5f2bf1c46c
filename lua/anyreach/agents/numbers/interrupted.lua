-- Interrupted slot changes. Changes that take several requests are noted before the first of them and forgotten
-- after the last, so that the next run can complete what an interrupted one began, even where the slots alone no
-- longer show what was meant, as half-way through a swap. One file an account:
--
--   $XDG_STATE_HOME/anyreach/unfinished/DIGEST.json        ($HOME/.local/state without XDG_STATE_HOME)
--
-- A recipe that writes keeps others from the organisation meanwhile (recipe.connect), so that none takes its note for
-- one that an interrupted run has left. For all recipes that write slots.

local account = require "anyreach.account.identity"
local digest = require "anyreach.digest"
local directory = require "anyreach.directory"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local number_state = require "anyreach.agents.numbers.number_state"
local disk = require "anyreach.disk"
local report = require "anyreach.report"
local slot_changes = require "anyreach.agents.numbers.slot_changes"
local slot_report = require "anyreach.agents.numbers.slot_report"
local slots = require "anyreach.agents.numbers.slots"
local state_file = require "anyreach.agents.state_file"
local user_paths = require "anyreach.account.user_paths"

local interrupted = {}

local NAME_LENGTH = 16 -- digits of the digest in the name of the file

---@class anyreach.noted_changes
---@field what string the command, in words
---@field changes anyreach.slot_change[]

-- {====== the file ======

local function path_of_key(key)
  return key and user_paths.state(("unfinished/%s.json"):format(digest.sha256(key):sub(1, NAME_LENGTH)))
end

-- Nil without a state directory: then nothing was noted, and nothing can be. A note from before the organisation was
-- asked for its id is where it was.
local function path_of(api)
  local whose = account.learn(api)
  local old = path_of_key(account.old_key(whose))
  return old and directory.kind(old) and old or path_of_key(whose.key)
end

--- Forgets what was noted.
---@param api anyreach.client
function interrupted.forget(api)
  local path = path_of(api)
  if not path then return end
  local ok, message = os.remove(path)
  if not ok and directory.kind(path) then errors.raise("input", "%s", message) end
end

local function is_change(change)
  return type(change) == "table" and type(change.number) == "string" and slots.of(change.slot) ~= nil
    and (change.from == nil or type(change.from) == "table") and (change.to == nil or type(change.to) == "table")
end

local function is_note(value)
  if type(value) ~= "table" or type(value.what) ~= "string" or not json.is_array(value.changes) then return false end
  for index = 1, #value.changes do
    if not is_change(value.changes[index]) then return false end
  end
  return true
end

local function read_note(api)
  local path = path_of(api)
  return path and state_file.read(path, is_note, "the changes that an interrupted run had begun; remove the file if "
    .. "you know that nothing is unfinished")
end

local function refuse_because_of(earlier)
  errors.raise("conflict", "'%s' was interrupted; run it again to complete it first", earlier.what)
end

-- Notes what is about to be done. While an earlier note exists, that is an error of kind "conflict".
local function note(api, what, changes)
  local earlier = read_note(api)
  if earlier then refuse_because_of(earlier) end
  local path = path_of(api)
  if not path then errors.raise("input", "no directory to note the changes in: set XDG_STATE_HOME or HOME") end
  local text = json.encode({ what = what, changes = json.array(changes) }, { indent = 2 }) .. "\n"
  local ok, message = disk.create(path, text, { private = true })
  if ok then return end
  earlier = read_note(api) -- another run was faster
  if earlier then refuse_because_of(earlier) end
  errors.raise("input", "%s", message)
end

-- }======

-- {====== running ======

local function is_begun(list)
  return list[1].outcome == "done" or list[1].outcome == "may_have_been_done"
end

local function changes_of(list)
  local changes = {}
  for _, step in ipairs(list) do table.move(step.changes, 1, #step.changes, #changes + 1, changes) end
  return changes
end

local function apply(api, what, list)
  if #list < 2 then return slot_changes.apply(api, list) end
  note(api, what, changes_of(list))
  local ok, err = pcall(slot_changes.apply, api, list)
  if ok or not is_begun(list) then interrupted.forget(api) end
  if not ok then error(err, 0) end
end

-- Shows what was done before a failure, too.
local function apply_and_show(list, apply_steps)
  local ok, err = pcall(apply_steps)
  slot_report.steps(list)
  if not ok then error(err, 0) end
end

--- Carries out steps and shows them with their outcome. Several steps are noted first; while an earlier note
--- exists, that is an error of kind "conflict". A failure after the first step is of kind "partial".
---@param api anyreach.client
---@param what string the command, in words
---@param list anyreach.slot_step[] get their `outcome`
function interrupted.run(api, what, list)
  apply_and_show(list, function() apply(api, what, list) end)
end

-- }======

-- {====== completing ======

local function is_held(phone_number, change, holder)
  return slots.version_id(phone_number, change.slot) == (holder and holder.version_id)
end

--- What remains to be done of noted changes.
---@param noted anyreach.noted_changes
---@param phone_numbers table<string, table> as they are now, by number
---@return anyreach.slot_change[] due the slots still hold what they held
---@return anyreach.slot_change[] changed the slots hold something else by now, and must be left alone
function interrupted.remaining(noted, phone_numbers)
  local due, changed = {}, {}
  for _, change in ipairs(noted.changes) do
    local now = phone_numbers[change.number]
    if not now then
      changed[#changed + 1] = change
    elseif not is_held(now, change, change.to) then
      local list = is_held(now, change, change.from) and due or changed
      list[#list + 1] = change
    end
  end
  return due, changed
end

---@class anyreach.interrupted_changes
---@field what string the command that was interrupted
---@field steps anyreach.slot_step[] what remains of it
---@field changed anyreach.slot_change[] slots that were changed since, which are left alone

--- What an interrupted run on this account has left, or nil.
---@param api anyreach.client
---@return anyreach.interrupted_changes|nil
function interrupted.read(api)
  local noted = read_note(api)
  if not noted then return nil end
  local by_number = {}
  for _, phone_number in ipairs(number_state.phone_numbers(api)) do
    by_number[phone_number.phone_number] = phone_number
  end
  local due, changed = interrupted.remaining(noted, by_number)
  return { what = noted.what, steps = slot_changes.steps(due), changed = changed }
end

--- Completes what an interrupted run on this account has left; or only shows it, and has what is planned then follow
--- on it.
---@param api anyreach.client
---@param is_check boolean|nil
---@return anyreach.interrupted_changes|nil
function interrupted.complete(api, is_check)
  local left = interrupted.read(api)
  if not left then return nil end
  report.note("completing '%s', which was interrupted; 'anyreach run numbers forget' gives it up", left.what)
  for _, change in ipairs(left.changed) do
    report.warn("the %s slot of %s has been changed since, and is left alone", change.slot, change.number)
  end
  if is_check then
    slot_report.steps(left.steps)
    number_state.expect(api, changes_of(left.steps))
  else
    apply_and_show(left.steps, function()
      slot_changes.apply(api, left.steps)
      interrupted.forget(api)
    end)
  end
  return left
end

-- }======

return interrupted
