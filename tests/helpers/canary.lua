-- Canaries: secrets that are looked for in all that a program leaves behind, as they are, percent-encoded,
-- in base64, as JSON may write them, and as a file may be named after them.

local asking = require "helpers.sandbox"
local process = require "helpers.process"

local canary = {}

-- The base64 of any text that has `text` in it has one of these in it.
local function base64_forms(text)
  local forms = {}
  for shift = 0, 2 do
    local digits = asking.base64(("x"):rep(shift) .. text)
    local first = (shift * 8 + 5) // 6 + 1
    forms[shift + 1] = digits:sub(first, (shift + #text) * 8 // 6)
  end
  return forms
end

local function forms_of(text)
  local forms = base64_forms(text)
  forms[#forms + 1] = text
  forms[#forms + 1] = asking.encode_query(text)
  forms[#forms + 1] = text:gsub("/", "\\/")
  forms[#forms + 1] = text:gsub("[^%w]+", "-")
  return forms
end

local Canaries = {}
Canaries.__index = Canaries

--- Canaries by names for messages.
---@param secrets table<string, string>
function canary.new(secrets)
  local forms = {}
  for name, text in pairs(secrets) do forms[name] = forms_of(text) end
  return setmetatable({ forms = forms }, Canaries)
end

--- Raises an error when one of them is in the text.
---@param where string
---@param text string
function Canaries:expect_none(where, text)
  for name, list in pairs(self.forms) do
    for _, form in ipairs(list) do
      if text:find(form, 1, true) then error(("%s shows the %s as %s:\n%s"):format(where, name, form, text), 3) end
    end
  end
end

--- Looks at every file below a directory, and at its name.
---@param what string the program that wrote them
---@param directory string
function Canaries:expect_none_below(what, directory)
  local _, out = process.run("find " .. process.quote(directory) .. " -type f")
  for file in out:gmatch "[^\n]+" do
    self:expect_none("the name of a file of " .. what, file:sub(#directory + 1))
    self:expect_none(file .. " of " .. what, process.read(file))
  end
end

--- Options that show everything that can be shown; files go below `directory`.
---@param directory string
---@return string[]
function canary.looking(directory)
  local har, record = "--har=" .. directory .. "/x.har", "--record=" .. directory .. "/tape"
  return { "--trace=full", "--stats", "--verbose", har, record }
end

return canary
