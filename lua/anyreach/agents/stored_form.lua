-- Whether a server has stored a value in another form, or not at all: it may mask secrets when they are read, trim
-- texts and round numbers. And what follows from it: a mask must not be written back. Pure.

local diff = require "anyreach.text.diff"
local errors = require "anyreach.errors"
local json = require "anyreach.json"
local redaction = require "anyreach.text.redaction"

local stored_form = {}

-- What stands for a part of a secret.
local function is_masked(text)
  return (text:find("***", 1, true) or text:find("•••", 1, true) or text:find("^%[?<?redacted>?%]?$")) ~= nil
end

local function squashed(text)
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""):lower())
end

-- True when a number is another with fewer digits.
local function is_rounded(number, stored)
  if math.abs(number - stored) <= 1e-6 * math.abs(number) then return true end
  for digits = 0, 6 do
    local unit = 10 ^ -digits
    local is_multiple = math.abs(stored / unit - math.floor(stored / unit + 0.5)) < 1e-6
    if is_multiple and math.abs(number - stored) <= unit / 2 * (1 + 1e-9) then return true end
  end
  return false
end

--- True when what came back is another form of what was written, and says the same.
---@param written any
---@param stored any
---@return boolean
function stored_form.is_alike(written, stored)
  local is_secret = getmetatable(written) == "secret"
  if type(stored) == "string" and is_masked(stored:lower()) then return is_secret or type(written) == "string" end
  if is_secret then return type(stored) == "string" and written:redact(stored) ~= stored end
  if type(written) == "string" and type(stored) == "string" then return squashed(written) == squashed(stored) end
  if type(written) == "number" and type(stored) == "number" then return is_rounded(written, stored) end
  local is_text = type(written) == "string" and type(stored) == "number"
    or type(written) == "number" and type(stored) == "string"
  return is_text and tonumber(written) == tonumber(stored)
end

-- {====== what must not be written back ======

-- A prompt may hold asterisks, a secret hardly holds a space.
local function is_mask(value)
  return type(value) == "string" and not value:find("%s") and is_masked(value:lower())
end

local function is_mapping(value)
  return type(value) == "table" and not json.is_number(value)
end

local function find_masks(value, base, path, is_secret, found)
  if is_mask(value) and (is_secret or value == base) then found[#found + 1] = path end
  if not is_mapping(value) then return end
  for key, part in pairs(value) do
    local below = is_mapping(base) and base[key] or nil
    find_masks(part, below, diff.path(path, key), redaction.is_secret_name(key), found)
  end
end

--- Refuses to write a configuration that was read from the organisation and shows a secret only masked: the mask would
--- take the secret's place. Raises an error of kind "conflict".
---@param config table that is to be written
---@param base? table the configuration that it was made from
function stored_form.check_unmasked(config, base)
  local found = {}
  find_masks(config, base, "config", false, found)
  if #found == 0 then return end
  table.sort(found)
  errors.raise("conflict", "the organisation shows %s only masked, and a new version would hold the mask in place of "
    .. "the value; give the value in the agent file, as !env {name: …, secret: true}, or null to remove it",
    table.concat(found, ", "))
end

-- }======

return stored_form
