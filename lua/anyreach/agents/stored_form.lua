-- Whether a server has stored a value in another form, or not at all: it may mask secrets when they are read, trim
-- texts and round numbers. Pure.

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

return stored_form
