-- One writing run per organisation on a machine: a file that the run locks while it works,
--
--   $XDG_STATE_HOME/anyreach/running/DIGEST.lock           ($HOME/.local/state without XDG_STATE_HOME)
--
-- with a line of JSON that says who it is. The kernel ends the lock with the process, even when that is killed. For
-- recipe.connect alone; the caller closes what take() gives it.

local digest = require "anyreach.digest"
local disk = require "anyreach.disk"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"
local user_paths = require "anyreach.account.user_paths"

local run_lock = {}

local NAME_LENGTH = 16 -- digits of the digest in the name of a file
local PAUSE_SECONDS = 0.2 -- between two tries

---@class anyreach.run_holder
---@field recipe string
---@field pid integer|nil
---@field directory string|nil
---@field since string time in UTC

-- {====== who holds it ======

-- The number of this process; nil where the system does not say it.
local function own_pid()
  local file = io.open("/proc/self/stat", "r")
  if not file then return nil end
  local number = file:read("n")
  file:close()
  return math.tointeger(number)
end

-- In place: another file of that name would have a lock of its own.
local function write_holder(path, recipe)
  local file = io.open(path, "wb")
  if not file then return end
  file:write(json.encode { recipe = recipe, pid = own_pid(), directory = os.getenv "PWD",
    since = os.date("!%Y-%m-%dT%H:%M:%SZ") }, "\n")
  file:close()
end

local function read_holder(path)
  local file = io.open(path, "rb")
  if not file then return {} end
  local text = file:read("a")
  file:close()
  local ok, value = pcall(json.decode, text)
  return ok and type(value) == "table" and value or {}
end

-- "'provision' in /home/ana/agents, process 4711, since 2026-03-01T09:00:00Z"
local function describe(holder)
  local parts = { type(holder.recipe) == "string" and ("'%s'"):format(holder.recipe) or "a recipe" }
  if type(holder.directory) == "string" then parts[1] = parts[1] .. " in " .. holder.directory end
  if math.type(holder.pid) == "integer" then parts[#parts + 1] = "process " .. holder.pid end
  if type(holder.since) == "string" then parts[#parts + 1] = "since " .. holder.since end
  return table.concat(parts, ", ")
end

-- }======

local held = {} -- path -> how often this process holds it: a recipe may call another one

local Held = {}
Held.__index = Held

function Held:__close()
  if self.is_closed then return end
  self.is_closed = true
  held[self.path].count = held[self.path].count - 1
  if held[self.path].count > 0 then return end
  local lock <close> = held[self.path].lock -- luacheck: ignore 211
  held[self.path] = nil
  if host.sandbox_url() then os.remove(self.path) end -- nobody else has this sandbox
end

Held.close = Held.__close

local function refuse(path)
  errors.raise("conflict", "another run is writing to this organisation: %s; --wait waits for its end",
    describe(read_holder(path)))
end

-- Tries until the file is locked, or the patience is at an end.
local function wait_for(path, options)
  local started, is_said = host.clock(), false
  while true do
    local lock, message = disk.lock(path, 0)
    if lock ~= false then return lock, message end
    local waited = host.clock() - started
    if not options.wait or waited >= options.wait then refuse(path) end
    if not is_said then options.on_wait(describe(read_holder(path))) end
    is_said = true
    host.sleep(math.min(PAUSE_SECONDS, options.wait - waited))
  end
end

--- Where a file that belongs to the run lock of an account is.
---@param key string of the account on its server
---@param ending string
---@return string|nil path nil when neither XDG_STATE_HOME nor HOME is set
function run_lock.path(key, ending)
  return user_paths.state(("running/%s.%s"):format(digest.sha256(key):sub(1, NAME_LENGTH), ending))
end

--- Keeps other writing runs from an organisation until the value is closed. While one is at work, that is an error of
--- kind "conflict" that names it.
---@param key string of the account on its server
---@param options {recipe: string, wait?: number, on_wait?: fun(holder: string)} wait: for so many seconds
---@return any|nil held to be closed; nil when the file cannot be locked
---@return string|nil problem why
function run_lock.take(key, options)
  local path = run_lock.path(key, "lock")
  if not path then return nil, "neither XDG_STATE_HOME nor HOME is set" end
  if not held[path] then
    local lock, message = wait_for(path, options)
    if not lock then return nil, message end
    write_holder(path, options.recipe)
    held[path] = { lock = lock, count = 0 }
  end
  held[path].count = held[path].count + 1
  return setmetatable({ path = path }, Held)
end

return run_lock
