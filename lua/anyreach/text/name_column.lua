-- The column of names in the lines that recipes print. It is as wide as the widest name in it, up to a bound:
-- a name that is wider stands whole, and moves what follows it on its own line alone.

local printable = require "anyreach.text.printable"
local text_width = require "anyreach.text_width"

local WIDEST = 60 -- columns of the terminal

local name_column = {}

--- The width of the column.
---@param items {name: string}[]
---@return integer columns of the terminal
function name_column.width(items)
  local width = 0
  for _, item in ipairs(items) do
    local own = text_width.of(printable(item.name, true))
    if own <= WIDEST then width = math.max(width, own) end
  end
  return width
end

--- A name as the column shows it.
---@param name string
---@param width? integer of the column; without it the name alone
---@return string
function name_column.cell(name, width)
  local text = printable(name, true)
  return text .. (" "):rep((width or 0) - text_width.of(text))
end

return name_column
