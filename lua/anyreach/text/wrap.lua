-- Wrapping: a text as lines that fit a number of columns of a terminal.

local text_width = require "anyreach.text_width"

--- Breaks a text between its words. A word that is wider than a line stands on one of its own.
---@param text string
---@param width integer columns, the indent included
---@param indent? string what all lines but the first begin with
---@return string
return function(text, width, indent)
  indent = indent or ""
  local lines, line = {}, nil
  for word in text:gmatch("%S+") do
    if line and text_width.of(line) + 1 + text_width.of(word) > width then
      lines[#lines + 1] = line
      line = indent .. word
    else
      line = line and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line or ""
  return table.concat(lines, "\n")
end
