-- Colours and weights of text on a terminal: with --color=auto, where the stream is a terminal that
-- understands them and NO_COLOR is unset (https://no-color.org); with always or never as it says.

local host = require "anyreach.host"

local color = {}

local CODES = {
  bold = "1",
  dim = "2",
  underline = "4",
  reverse = "7",
  red = "31",
  green = "32",
  yellow = "33",
  blue = "34",
  magenta = "35",
  cyan = "36",
}

local RESET = "\27[0m"

--- Whether what is written to a stream may be coloured.
---@param stream "stdout"|"stderr"
---@return boolean
function color.enabled(stream)
  local wanted = host.options.color or "auto"
  if wanted ~= "auto" then return wanted == "always" end
  if (os.getenv "NO_COLOR" or "") ~= "" then return false end
  return host.is_terminal(stream) and (os.getenv "TERM" or "dumb") ~= "dumb"
end

--- A text in a style, or several: color.paint("3 failed", "bold", "red"). Whether to is for the caller to
--- ask first.
---@param text string
---@param ... "bold"|"dim"|"underline"|"reverse"|"red"|"green"|"yellow"|"blue"|"magenta"|"cyan"
---@return string
function color.paint(text, ...)
  local codes = {}
  for i, style in ipairs { ... } do
    codes[i] = CODES[style] or error(("unknown style '%s'"):format(tostring(style)), 2)
  end
  return "\27[" .. table.concat(codes, ";") .. "m" .. text .. RESET
end

return color
