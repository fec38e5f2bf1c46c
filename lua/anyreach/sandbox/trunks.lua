-- Trunks, which carry calls. A managed one is run by the platform and cannot be changed; the others
-- belong to the customer. Stored in "trunks"; a new organisation has one of each kind.
-- The password of a trunk is dropped when it arrives: no answer shows it and no file keeps it (our
-- choice; the documentation does not say whether it is shown).

local json = require "anyreach.json"
local checks = require "anyreach.sandbox.checks"
local listing = require "anyreach.sandbox.listing"

local trunks = {}

-- The documented defaults of both configurations.
local CONFIGS = {
  inbound_config = { enable_noise_cancellation = false },
  outbound_config = { transport = "UDP", media_encryption = "NONE" },
}

---@return table trunk answers 404 when the organisation has none of that id
function trunks.require(request, id)
  local trunk = request.store:get("trunks", request.organization, id)
  if not trunk then checks.refuse(404, "Trunk %s not found.", id) end
  return trunk
end

---@return boolean
function trunks.is_managed(trunk)
  return trunk.managed_account_id ~= json.null
end

---Adds a trunk without configurations.
---@param request SandboxRequest
---@param trunk { id: string, name: string, managed: boolean }
---@return table record
function trunks.add(request, trunk)
  local now = request.now()
  local record = {
    id = trunk.id,
    organization_id = request.organization,
    name = trunk.name,
    managed_account_id = trunk.managed and "sandbox-managed-account" or json.null,
    inbound_config = json.null,
    outbound_config = json.null,
    created_at = now,
    updated_at = now,
  }
  request.store:add("trunks", trunk.id, record, { organization = request.organization })
  return record
end

local function complete(config, defaults)
  if config == json.null then return config end
  for field, default in pairs(defaults) do
    if config[field] == nil then config[field] = default end
  end
  config.auth_password = nil
  return config
end

-- Fields that are not sent keep their value (our choice); a configuration is replaced as a whole.
local function change(request, trunk)
  local body = request.body
  trunk.name = body.name or trunk.name
  for field, defaults in pairs(CONFIGS) do
    if body[field] ~= nil then trunk[field] = complete(body[field], defaults) end
  end
  trunk.updated_at = request.now()
  request.store:save("trunks", trunk.id, trunk)
  return trunk
end

local function require_own(request)
  local trunk = trunks.require(request, request.path.trunk_id)
  if trunks.is_managed(trunk) then checks.refuse(400, "Trunk %s is managed and cannot be changed.", trunk.id) end
  return trunk
end

local function carries_numbers(request, trunk)
  return request.store:each_with("phone_numbers", request.organization, "trunk_id", trunk.id)() ~= nil
end

local rules = {}

-- That `name` matches a part of the name, in upper or lower case, is our choice.
rules["trunks.list"] = function(request)
  local name = request.query.name
  return listing.page(request, "trunks", nil, function(trunk)
    return name == nil or listing.contains_text(trunk.name, name)
  end, { holding = { name = name } })
end

rules["trunks.get"] = function(request)
  return trunks.require(request, request.path.trunk_id)
end

rules["trunks.create"] = function(request)
  local trunk = trunks.add(request, { id = request.new_id(), name = request.body.name })
  return change(request, trunk)
end

rules["trunks.update"] = function(request)
  return change(request, require_own(request))
end

-- A trunk that still carries numbers stays: our choice.
rules["trunks.delete"] = function(request)
  local trunk = require_own(request)
  if carries_numbers(request, trunk) then
    checks.refuse(409, "Trunk %s still carries phone numbers.", trunk.id)
  end
  request.store:remove("trunks", request.organization, trunk.id)
end

trunks.rules = rules

return trunks
