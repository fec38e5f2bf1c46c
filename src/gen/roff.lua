-- Text as man(7) macros of roff: escapes, paragraphs, and our Markdown. What is not ASCII is written by its
-- code, so that no formatter has to guess the encoding, and "…" as dots, which every terminal has.

local markdown = require "anyreach.text.markdown"

local roff = {}

local FONTS = { code = "\\fB%s\\fR", bold = "\\fB%s\\fR", emphasis = "\\fI%s\\fR", plain = "%s" }

-- Escapes characters that mean something to roff, wherever they stand in a line.
local function escape(text)
  text = text:gsub("…", "..."):gsub("[\\%-]", { ["\\"] = "\\e", ["-"] = "\\-" })
  return (text:gsub("[\xC2-\xF4][\x80-\xBF]+", function(character)
    return ("\\[u%04X]"):format(utf8.codepoint(character))
  end))
end

-- A line that begins with a control character would be a request.
local function safe(line)
  return (line:gsub("^[.']", "\\&%0"))
end

--- A line of text as it is.
---@param text string
---@return string
function roff.line(text)
  return safe(escape(text))
end

--- A line with Markdown's inline marks as fonts.
---@param text string
---@return string
function roff.inline(text)
  local parts = {}
  for i, span in ipairs(markdown.spans(text)) do parts[i] = FONTS[span.style]:format(escape(span.text)) end
  return safe(table.concat(parts))
end

--- Text whose lines stay as they are, indented.
---@param text string
---@return string
function roff.literal(text)
  local lines = { ".PP", ".RS 4", ".nf" }
  for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line == "" and ".sp" or roff.line(line) end
  lines[#lines + 1] = ".fi\n.RE"
  return table.concat(lines, "\n")
end

--- A term, and what there is to say of it.
---@param term string roff
---@param text string roff
---@return string
function roff.definition(term, text)
  return ".TP\n" .. term .. "\n" .. text
end

local writers = {}

function writers.heading(block)
  return ".SS " .. roff.inline(block.text)
end

function writers.paragraph(block)
  return ".PP\n" .. roff.inline(block.text)
end

function writers.code(block)
  return roff.literal(block.text)
end

function writers.list(block)
  local items = {}
  for i, item in ipairs(block.items) do
    local mark = item.marker == "-" and "\\(bu" or roff.line(item.marker)
    items[i] = (".IP %s 4\n%s"):format(mark, roff.inline(item.text))
  end
  return table.concat(items, "\n")
end

-- The first cell is the term; the head says only what the cells are.
function writers.table(block)
  local rows = {}
  for i = 2, #block.rows do
    local row = block.rows[i]
    local rest = {}
    for column = 2, #row do
      if row[column] ~= "" then rest[#rest + 1] = roff.inline(row[column]) end
    end
    local term = roff.inline(row[1])
    rows[i - 1] = roff.definition(term:find "\\fB" and term or "\\fB" .. term .. "\\fR", table.concat(rest, "; "))
  end
  return table.concat(rows, "\n")
end

--- Blocks of Markdown.
---@param blocks anyreach.markdown.block[]
---@return string
function roff.markdown(blocks)
  local texts = {}
  for i, block in ipairs(blocks) do texts[i] = writers[block.kind](block) end
  return table.concat(texts, "\n")
end

--- Text of a help message: paragraphs, where one with an indented line stays as it is.
---@param text string
---@return string
function roff.help(text)
  local parts = {}
  for paragraph in (text:gsub("%s+$", "") .. "\n\n"):gmatch("(.-)\n\n+") do
    local is_literal = ("\n" .. paragraph):find("\n ") ~= nil
    parts[#parts + 1] = is_literal and roff.literal(paragraph) or ".PP\n" .. roff.line((paragraph:gsub("\n", " ")))
  end
  return table.concat(parts, "\n")
end

return roff
