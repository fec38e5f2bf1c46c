-- Text fit for a terminal: without what a terminal would obey, wrapped to its width, and in columns. Widths are
-- counted by anyreach.text_width, which the sandbox's Lua state lacks: so it is loaded only when they are asked for.

local terminal_text = {}

local WIDEST_CELL = 60 -- columns of the terminal

-- {====== control characters ======

--- Escapes what a terminal would obey: control characters but for tab and new line, and those that turn the
--- direction of text, are written as \xNN or \u{NNNN}. With `is_line`, new lines and tabs are escaped, too: what
--- follows them could pass for a line of ours.
---@type fun(text: string, is_line?: boolean): string
terminal_text.printable = require("anyreach.printable").text

-- }======

-- {====== lines and columns ======

--- Breaks a text between its words. A word that is wider than a line gets a line of its own.
---@param text string
---@param width integer columns, the indent included
---@param indent? string what all lines but the first begin with
---@return string
function terminal_text.wrap(text, width, indent)
  local text_width = require "anyreach.text_width"
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

-- A column of names is as wide as the widest name in it, up to a bound: a name that is wider moves what follows
-- it on its own line alone.

--- The width of the column.
---@param items {name: string}[]
---@return integer columns of the terminal
function terminal_text.column_width(items)
  local text_width = require "anyreach.text_width"
  local width = 0
  for _, item in ipairs(items) do
    local own = text_width.of(terminal_text.printable(item.name, true))
    if own <= WIDEST_CELL then width = math.max(width, own) end
  end
  return width
end

--- A name as the column shows it.
---@param name string
---@param width? integer of the column; without it the name alone
---@return string
function terminal_text.cell(name, width)
  local text_width = require "anyreach.text_width"
  local text = terminal_text.printable(name, true)
  return text .. (" "):rep((width or 0) - text_width.of(text))
end

-- }======

return terminal_text
