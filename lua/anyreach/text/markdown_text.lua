-- Our Markdown as plain text for a terminal: lines wrapped, tables in columns, code indented, headings in
-- capitals, or bold where colours are wanted.

local color = require "anyreach.text.color"
local markdown = require "anyreach.text.markdown"
local text_width = require "anyreach.text_width"
local wrap = require("anyreach.text.terminal_text").wrap

local markdown_text = {}

local MAX_WIDTH, MIN_WIDTH = 100, 40 -- columns
local EASY_COLUMN, MIN_COLUMN = 25, 20 -- columns of a table that read well, and that are not made narrower
local GAP = "  " -- between columns of a table
local INDENT = "    " -- of code

-- The text of a line, without its marks; code keeps them where it could not be told from the words.
local function plain(text)
  local parts = {}
  for i, span in ipairs(markdown.spans(text)) do
    local is_like_words = span.text:find " " or span.text:find "^%a+$" or not span.text:find "%w"
    parts[i] = span.style == "code" and is_like_words and "`" .. span.text .. "`" or span.text
  end
  return table.concat(parts)
end

-- In a cell that holds nothing but code there are no words to tell it from.
local function cell_text(text)
  local parts = {}
  for i, span in ipairs(markdown.spans(text)) do
    if span.style ~= "code" and span.text:find "%w" then return plain(text) end
    parts[i] = span.text
  end
  return table.concat(parts)
end

local function pad(text, width)
  return text .. (" "):rep(width - text_width.of(text))
end

local writers = {}

function writers.heading(block, _, in_color)
  local text = plain(block.text)
  return in_color and color.paint(text, "bold") or text:upper()
end

function writers.paragraph(block, width)
  return wrap(plain(block.text), width, "")
end

-- Commands have a prompt before them, to distinguish them from what they print.
function writers.code(block)
  local indent = block.language == "sh" and INDENT .. "$ " or INDENT
  return indent .. block.text:gsub("\n", "\n" .. indent):gsub("\n +\n", "\n\n")
end

function writers.list(block, width)
  local items = {}
  for i, item in ipairs(block.items) do
    local indent = (" "):rep(#item.marker + 1)
    items[i] = wrap(item.marker .. " " .. plain(item.text), width, indent)
  end
  return table.concat(items, "\n")
end

-- {====== tables ======

-- A head such as "| key | |" says nothing that the rows do not.
local function rows_of(block)
  local rows = {}
  for i, row in ipairs(block.rows) do
    local is_head = i == 1
    local cells, filled = {}, 0
    for column, cell in ipairs(row) do
      cells[column] = cell_text(cell)
      if cell ~= "" then filled = filled + 1 end
    end
    if not is_head or filled > 1 then rows[#rows + 1] = cells end
  end
  return rows
end

-- The widest column from `first` on that is wider than `least`.
local function widest_of(widths, first, least)
  local widest
  for i = first, #widths do
    if widths[i] > least and (not widest or widths[i] > widths[widest]) then widest = i end
  end
  return widest
end

-- Columns are as wide as they need to be; when that is too much, the widest ones give way: first those that
-- do not hold the names.
local function column_widths(rows, width)
  local widths, sum = {}, -#GAP
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, text_width.of(cell)) end
  end
  for _, column in ipairs(widths) do sum = sum + column + #GAP end
  while sum > width do
    local widest = widest_of(widths, 2, EASY_COLUMN) or widest_of(widths, 1, MIN_COLUMN)
    if not widest then break end
    widths[widest], sum = widths[widest] - 1, sum - 1
  end
  return widths
end

-- The lines of a row whose cells are wrapped.
local function row_lines(row, widths)
  local cells, height, lines = {}, 1, {}
  for i, cell in ipairs(row) do
    cells[i] = {}
    for line in (wrap(cell, widths[i], "") .. "\n"):gmatch "(.-)\n" do table.insert(cells[i], line) end
    height = math.max(height, #cells[i])
  end
  for y = 1, height do
    local parts = {}
    for x, cell in ipairs(cells) do parts[x] = pad(cell[y] or "", widths[x]) end
    lines[y] = table.concat(parts, GAP):gsub("%s+$", "")
  end
  return lines
end

function writers.table(block, width)
  local rows, lines = rows_of(block), {}
  local widths = column_widths(rows, width)
  for _, row in ipairs(rows) do
    for _, line in ipairs(row_lines(row, widths)) do lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n")
end

-- }======

--- Writes blocks as text.
---@param blocks anyreach.markdown.block[]
---@param options {width?: integer, color?: boolean} width in columns; default 80
---@return string
function markdown_text.write(blocks, options)
  local width = math.max(MIN_WIDTH, math.min(options.width or 80, MAX_WIDTH))
  local texts = {}
  for i, block in ipairs(blocks) do texts[i] = writers[block.kind](block, width, options.color) end
  return table.concat(texts, "\n\n") .. "\n"
end

return markdown_text
