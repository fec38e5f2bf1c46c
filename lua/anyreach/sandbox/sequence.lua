-- Where ids and time stamps come from. Both are unique within a store: time never stands still nor
-- goes back, because the cursor of a list is the created_at of its last row, and two rows with the
-- same one would lose one of them between pages.
-- With a seed both are repeatable: time starts on a fixed day and moves one millisecond a call, and
-- ids follow from the seed and that time.

local timestamp = require "anyreach.text.timestamp"

local Sequence = {}
Sequence.__index = Sequence

local SEEDED_START = timestamp.parse("2026-01-01T00:00:00Z")
local SEEDED_STEP = 1000

-- FNV-1a, 64 bits.
local function hash(text)
  local value = 0xcbf29ce484222325
  for index = 1, #text do value = (value ~ text:byte(index)) * 0x100000001b3 end
  return value
end

-- The output function of SplitMix64: spreads neighbouring integers over all 64 bits.
local function mix(value)
  value = (value ~ (value >> 30)) * 0xbf58476d1ce4e5b9
  value = (value ~ (value >> 27)) * 0x94d049bb133111eb
  return value ~ (value >> 31)
end

-- Lays the version (4) and variant bits of RFC 4122 over 128 random bits.
local function uuid(high, low)
  high = (high & ~0xF000) | 0x4000
  low = (low & 0x3FFFFFFFFFFFFFFF) | (1 << 63)
  return ("%08x-%04x-%04x-%04x-%012x"):format(high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
    low & 0xFFFFFFFFFFFF)
end

---@param database table? an open anyreach.sqlite database: the source of time and randomness without a seed
---@param seed string? makes the sequence repeatable
function Sequence.new(database, seed)
  return setmetatable({ database = database, seed = seed and hash(seed), last = 0 }, Sequence)
end

---Continues behind a time that was handed out before, such as by an earlier process.
---@param microseconds integer 0 starts anew
function Sequence:continue_after(microseconds)
  self.last = microseconds
end

local function clock(sequence)
  if sequence.seed then return math.max(SEEDED_START, sequence.last + SEEDED_STEP) end
  local rows = sequence.database:query(
    "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000 AS now")
  return rows[1].now
end

local function tick(sequence)
  sequence.last = math.max(clock(sequence), sequence.last + 1)
  return sequence.last
end

---A time stamp later than every earlier one.
---@return string
function Sequence:now()
  return timestamp.format(tick(self))
end

---A new UUID.
---@return string
function Sequence:id()
  if self.seed then
    local base = self.seed ~ tick(self)
    return uuid(mix(base), mix(base + 0x9e3779b97f4a7c15))
  end
  local bytes = self.database:query("SELECT randomblob(16) AS bytes")[1].bytes
  return uuid(string.unpack("<i8i8", bytes))
end

return Sequence
