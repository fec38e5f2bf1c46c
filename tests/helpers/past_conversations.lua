-- Conversations of earlier days in a sandbox's file: the sandbox itself makes them only now. It must not be
-- running meanwhile.

local asking = require "helpers.sandbox"
local json = require "anyreach.json"
local sqlite = require "anyreach.sqlite"

local past = {}

-- A time stamp of a day, so many microseconds after midnight.
local function time_of(date, microseconds)
  local seconds = microseconds // 1000000
  return ("%sT%02d:%02d:%02d.%06dZ"):format(date, seconds // 3600, seconds // 60 % 60, seconds % 60,
    microseconds % 1000000)
end

--- Adds conversations. Times are all different, as the sandbox's own are.
---@param path string of the sandbox's file
---@param rows table[] with date ("2026-11-23") and whatever else a conversation has
function past.add(path, rows)
  local database <close> = sqlite.open(path)
  database:execute "BEGIN"
  for index, row in ipairs(rows) do
    local created_at = time_of(row.date, 3600 * 1000000 + index * 1000)
    local conversation = {
      id = ("00000000-0000-4000-8000-%012x"):format(index), organization_id = asking.FIRST, created_at = created_at,
      updated_at = created_at, channel = "telephone", direction = "inbound", status = "completed",
      user_id = "+15550100", custom_metadata = {}, duration = 60, user_turn_count = 4,
    }
    for name, value in pairs(row) do conversation[name] = value end
    conversation.date = nil
    database:run("INSERT INTO documents VALUES ('conversations', ?, ?, '', NULL, ?, ?)", conversation.id,
      asking.FIRST, created_at, json.encode(conversation))
  end
  database:execute "COMMIT"
end

return past
