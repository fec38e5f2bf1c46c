-- What looks like a secret in any text, whatever it is called: bearer tokens, keys with known beginnings, JSON web
-- tokens, private keys, and passwords and tokens in URLs. Each shape is narrow, for a text that only talks about
-- tokens holds none: most must be long and have a digit, and places that are still to be filled ("{{token}}", "$TOKEN",
-- "YOUR_KEY") are none. With the names of secrets, this is all by which redaction and `export` know what they were not
-- told. Pure.

local secret_shapes = {}

local HIDDEN = "[secret]"

-- {====== names ======

-- Ends of the names of fields and query parameters, in lower case, whose values are secret.
local ENDINGS = {
  "token", "password", "secret", "pat_key", "api_key", "apikey", "private_key", "credential", "credentials",
  "authorization", "signature",
}

--- True when the name of a field or parameter says that its value is a secret.
---@param name string|integer
---@return boolean
function secret_shapes.is_secret_name(name)
  name = tostring(name):lower()
  for _, ending in ipairs(ENDINGS) do
    if name:sub(-#ending) == ending then return true end
  end
  return name == "sig"
end

-- }======

-- {====== shapes ======

-- A long word with a digit, of no single sign, is a token; "Bearer authentication" has none.
local function is_token(text, length)
  return #text >= length and text:find("%d") ~= nil and not text:find("^(.)%1*$")
end

-- Passwords of examples.
local EXAMPLES = { pass = true, passwd = true, password = true, secret = true }

-- A value that is still to be filled in.
local function is_open(text)
  return EXAMPLES[text:lower()] ~= nil or text:find("^[{$<%%%[:]") ~= nil or text:find("^[%u_]+$") ~= nil
    or text:find("^[xX*.]+$") ~= nil
end

-- Replaces the words that match a pattern and are tokens.
local function replace_words(pattern, length)
  return function(text)
    return text:gsub(pattern, function(word) return is_token(word, length) and HIDDEN or nil end)
  end
end

local BEGIN = "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-"

local function replace_private_keys(text)
  local first = text:find(BEGIN)
  while first do
    local _, last = text:find("%-%-%-%-%-END [%u ]*PRIVATE KEY%-%-%-%-%-", first)
    text = text:sub(1, first - 1) .. HIDDEN .. (last and text:sub(last + 1) or "")
    first = text:find(BEGIN)
  end
  return text
end

local function replace_credentials(scheme, length)
  return function(text)
    return text:gsub("%f[%a](" .. scheme .. ")(%s+)([%w%-%._~+/]+=*)", function(word, space, token)
      return is_token(token, length) and word .. space .. HIDDEN or nil
    end)
  end
end

local function replace_passwords(text)
  return text:gsub("(%a[%w+.-]*://[^%s/@:?#\"']*:)([^%s/@?#\"']+)(@)", function(before, password, after)
    return not is_open(password) and before .. HIDDEN .. after or nil
  end)
end

local function replace_parameters(text)
  return text:gsub("([?&])([%w_.-]+)=([^%s&#\"'<>`\\]+)", function(sign, name, value)
    local is_secret = secret_shapes.is_secret_name(name) and #value > 5 and not is_open(value)
    return is_secret and sign .. name .. "=" .. HIDDEN or nil
  end)
end

-- In the order in which they are replaced. `sign` is a piece of text without which there is none.
local SHAPES = {
  { kind = "a private key", sign = "PRIVATE KEY-----", replace = replace_private_keys },
  { kind = "a JSON web token", sign = "eyJ",
    replace = function(text) return text:gsub("%f[%w]eyJ[%w_-]+%.eyJ[%w_-]+%.?[%w_-]*", HIDDEN) end },
  { kind = "an API key", sign = "sk-", replace = replace_words("%f[%w_-]sk%-[%w_-]+", 20) },
  { kind = "an API key", sign = "k_", replace = replace_words("%f[%w_-][srp]k_%l+_%w+", 20) },
  { kind = "an API key", sign = "ak_", replace = replace_words("%f[%w_-]ak_[%w-]+%.[%w_-]+", 20) },
  { kind = "an access token", sign = "pat_", replace = replace_words("%f[%w_-]pat_[%w_-]+", 16) },
  { kind = "an access token", sign = "gh", replace = replace_words("%f[%w_-]gh[pousr]_%w+", 36) },
  { kind = "an access token", sign = "github_pat_", replace = replace_words("%f[%w_-]github_pat_[%w_]+", 30) },
  { kind = "an access token", sign = "xox", replace = replace_words("%f[%w_-]xox[abeprs]%-[%w-]+", 20) },
  { kind = "an API key", sign = "AIza", replace = replace_words("%f[%w_-]AIza[%w_-]+", 39) },
  { kind = "a bearer token", sign = "earer", replace = replace_credentials("[Bb]earer", 12) },
  { kind = "a bearer token", sign = "BEARER", replace = replace_credentials("BEARER", 12) },
  { kind = "a password", sign = "asic ", replace = replace_credentials("[Bb]asic", 16) },
  { kind = "a password in a URL", sign = "://", replace = replace_passwords },
  { kind = "a token in a URL", sign = "=", replace = replace_parameters },
}

--- A text without what looks like a secret in it.
---@param text string
---@return string
function secret_shapes.hide(text)
  for _, shape in ipairs(SHAPES) do
    if text:find(shape.sign, 1, true) then text = shape.replace(text) end
  end
  return text
end

--- What a text seems to hold, such as "a bearer token"; nil when there is nothing of the kind.
---@param text string
---@return string|nil
function secret_shapes.kind(text)
  for _, shape in ipairs(SHAPES) do
    if text:find(shape.sign, 1, true) and shape.replace(text) ~= text then return shape.kind end
  end
end

-- }======

return secret_shapes
