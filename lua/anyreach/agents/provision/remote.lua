-- What the organisation has of a wanted agent now: the agent, the two versions that count, and the
-- numbers that it asks for. Only reads.

local agent_lookup = require "anyreach.agents.lookup"
local checked = require "anyreach.agents.checked"
local errors = require "anyreach.errors"

local remote = {}

---@class anyreach.remote
---@field agent table|nil nil: there is none of that name
---@field published table|nil the newest published version, with its config
---@field draft table|nil the newest draft that is newer than `published`, with its config
---@field numbers table<string, table> the records of the wanted numbers

local function get_number(api, number)
  local record, err = api.try.phone_numbers.get(number)
  if not errors.is_error(err) then return checked.object("phone_number", record, "phone_numbers.get") end
  if err.kind ~= "not_found" then error(err, 0) end
  errors.raise("input", "phone number %s is none of the organisation's; 'anyreach call phone_numbers.list --each' "
    .. "shows those", number)
end

--- Reads all that matters for a wanted agent. Two agents of its name, or a number that the
--- organisation does not have, raise an error.
---@param api anyreach.client
---@param wanted anyreach.agent
---@param known_id? string of the agent, when it was written before
---@return anyreach.remote
function remote.read(api, wanted, known_id)
  local state = { agent = agent_lookup.by_name(api, wanted.name, known_id), numbers = {} }
  for _, claim in ipairs(wanted.numbers) do
    state.numbers[claim.number] = state.numbers[claim.number] or get_number(api, claim.number)
  end
  if state.agent and wanted.config then
    state.published, state.draft = agent_lookup.in_use(api, state.agent.id)
  end
  return state
end

return remote
