-- What the credential of a client may do, asked for once when the server has refused something with 403.

local core = require "anyreach.client_core"
local errors = require "anyreach.errors"
local host = require "anyreach.host"
local json = require "anyreach.json"

local scopes = {}

local ASKING = "admin.members.my_scopes"

local asked = setmetatable({}, { __mode = "k" }) -- client -> the task that asks

-- A flat list of texts, as the documentation says; anything else says nothing.
local function ask(api)
  local list = core.internal(api).try.admin.members.my_scopes()
  if not json.is_array(list) then return nil end
  for _, scope in ipairs(list) do
    if type(scope) ~= "string" then return nil end
  end
  table.sort(list)
  return list
end

--- Adds to an error of kind "forbidden" the scopes that the credential has, when they can be had.
---@param err anyreach.error
---@param api anyreach.client that was refused
function scopes.explain(err, api)
  if err.operation == ASKING then return end
  asked[api] = asked[api] or host.spawn(ask, api)
  local list = asked[api]:wait()
  if list then errors.add_own_scopes(err, list) end
end

return scopes
