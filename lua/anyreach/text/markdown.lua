-- Reads the Markdown that our own documents are written in: headings, paragraphs, lists of one level,
-- tables and code. For `anyreach help` and the manual page, which write it in their own ways.

local markdown = {}

---@class anyreach.markdown.block
---@field kind "heading"|"paragraph"|"list"|"table"|"code"
---@field level? integer of a heading
---@field text? string of a heading or paragraph, on one line, with its inline marks; of code, as it is
---@field language? string of fenced code; may be empty
---@field items? {marker: string, text: string}[] of a list; the marker is "-" or "1."
---@field rows? string[][] of a table; the first is its head

local FENCE, RULE = "^```", "^|[%s:|-]+|$"

-- {====== blocks ======

local function split_row(line)
  local cells = {}
  line = line:gsub("\\|", "\0"):gsub("^|", ""):gsub("|%s*$", "")
  for cell in (line .. "|"):gmatch("(.-)|") do
    cells[#cells + 1] = cell:gsub("%z", "|"):match("^%s*(.-)%s*$")
  end
  return cells
end

-- Each reader takes the lines and the index of its first one; it returns its block and the index after it.
local function read_fenced(lines, index)
  local text, language = {}, lines[index]:match "^```(.*)$"
  index = index + 1
  while lines[index] and not lines[index]:find(FENCE) do
    text[#text + 1] = lines[index]
    index = index + 1
  end
  return { kind = "code", text = table.concat(text, "\n"), language = language }, index + 1
end

local function read_indented(lines, index)
  local text = {}
  local function is_code(line) return line ~= nil and line:find("^    ") ~= nil end
  while is_code(lines[index]) or lines[index] == "" and is_code(lines[index + 1]) do
    text[#text + 1] = lines[index]:sub(5)
    index = index + 1
  end
  return { kind = "code", text = table.concat(text, "\n") }, index
end

local function read_table(lines, index)
  local rows = {}
  while lines[index] and lines[index]:find("^|") do
    if not lines[index]:find(RULE) then rows[#rows + 1] = split_row(lines[index]) end
    index = index + 1
  end
  return { kind = "table", rows = rows }, index
end

local function item_of(line)
  local marker, text = line:match("^([-*])%s+(.*)$")
  if not marker then marker, text = line:match("^(%d+%.)%s+(.*)$") end
  return marker and { marker = marker == "*" and "-" or marker, text = text }
end

local function read_list(lines, index)
  local items = {}
  while lines[index] and (item_of(lines[index]) or lines[index]:find("^%s+%S")) do
    local item = item_of(lines[index])
    if item then
      items[#items + 1] = item
    else
      items[#items].text = items[#items].text .. " " .. lines[index]:match("^%s*(.-)%s*$")
    end
    index = index + 1
  end
  return { kind = "list", items = items }, index
end

local function begins_block(line)
  return line == "" or line:find "^#+ " or line:find(FENCE) or line:find "^|" or item_of(line) ~= nil
end

local function read_paragraph(lines, index)
  local text = { lines[index] }
  index = index + 1
  while lines[index] and not begins_block(lines[index]) do
    text[#text + 1] = lines[index]:match("^%s*(.-)%s*$")
    index = index + 1
  end
  return { kind = "paragraph", text = table.concat(text, " ") }, index
end

local function read_block(lines, index)
  local line = lines[index]
  local marks, text = line:match("^(#+) (.*)$")
  if marks then return { kind = "heading", level = #marks, text = text }, index + 1 end
  if line:find(FENCE) then return read_fenced(lines, index) end
  if line:find("^    ") then return read_indented(lines, index) end
  if line:find("^|") then return read_table(lines, index) end
  if item_of(line) then return read_list(lines, index) end
  return read_paragraph(lines, index)
end

--- The blocks of a text.
---@param text string
---@return anyreach.markdown.block[]
function markdown.read(text)
  local lines, blocks, index = {}, {}, 1
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line:gsub("%s+$", "") end
  while lines[index] do
    if lines[index] == "" then
      index = index + 1
    else
      blocks[#blocks + 1], index = read_block(lines, index)
    end
  end
  return blocks
end

--- The blocks below a heading, with it and the headings below; nil when there is no such heading.
---@param blocks anyreach.markdown.block[]
---@param heading string
---@return anyreach.markdown.block[]|nil
function markdown.section(blocks, heading)
  local found, level
  for _, block in ipairs(blocks) do
    if found and block.kind == "heading" and block.level <= level then break end
    if not found and block.kind == "heading" and block.text == heading then found, level = {}, block.level end
    if found then found[#found + 1] = block end
  end
  return found
end

-- }======

-- {====== within a line ======

-- The mark that begins at a place: its style, its text, and the place after it.
local function mark_at(text, place)
  for _, mark in ipairs {
    { "^`([^`]+)`()", "code" },
    { "^%*%*([^*]+)%*%*()", "bold" },
    { "^%*([^*%s][^*]*)%*()", "emphasis" },
  } do
    local inner, after = text:match(mark[1], place)
    if inner then return mark[2], inner, after end
  end
  local inner, target, after = text:match("^%[([^%]]+)%]%(([^)]+)%)()", place)
  if not inner then return nil end
  if target:find "^https?://" and target ~= inner then inner = inner .. " (" .. target .. ")" end
  return "plain", inner:gsub("`", ""), after
end

--- The parts of a line's text.
---@param text string
---@return {style: "plain"|"code"|"bold"|"emphasis", text: string}[]
function markdown.spans(text)
  local spans, place, plain_from = {}, 1, 1
  local function add(style, part)
    if part ~= "" then spans[#spans + 1] = { style = style, text = part } end
  end
  while place <= #text do
    local style, inner, after = mark_at(text, place)
    if style then
      add("plain", text:sub(plain_from, place - 1))
      add(style, inner)
      place, plain_from = after, after
    else
      place = place + 1
    end
  end
  add("plain", text:sub(plain_from))
  return spans
end

-- }======

return markdown
