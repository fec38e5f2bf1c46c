-- The commands and scripts that a document shows, carried out as they stand, with what it says they print.
-- A fenced block of a script or data that begins with a comment of one path alone (-- name.lua, # name.yaml)
-- is a file. A block of `sh` is run; the block without a language that follows it is what it prints.

local process = require "helpers.process"

local document = {}

-- The fenced blocks of some lines of Markdown.
local function blocks_of(lines)
  local blocks, open = {}, nil
  for _, line in ipairs(lines) do
    if open and line == "```" then
      open.text = table.concat(open, "\n") .. (open[1] and "\n" or "")
      blocks[#blocks + 1], open = open, nil
    elseif open then
      open[#open + 1] = line
    elseif line:find "^```" then
      open = { language = line:sub(4) }
    end
  end
  return blocks
end

-- Iterates over the lines of Markdown, with the marks and the title of those that are headings.
local function lines_of(text)
  local next_line, in_code = text:gmatch "([^\n]*)\n", false
  return function()
    local line = next_line()
    if not line then return nil end
    if line:find "^```" then in_code = not in_code end
    return line, (in_code and "" or line):match "^(#+) (.*)$"
  end
end

--- The sections below a heading: what stands under each of the headings one level deeper.
---@param text string Markdown
---@param heading string such as "## Tutorial"
---@return {title: string, blocks: {language: string, text: string}[]}[]
function document.sections(text, heading)
  local level = #heading:match "^#+"
  local sections, section, is_inside = {}, nil, false
  for line, marks, title in lines_of(text) do
    if marks and #marks <= level then
      is_inside, section = line == heading, nil
    elseif is_inside and marks and #marks == level + 1 then
      section = { title = title, lines = {} }
      sections[#sections + 1] = section
    elseif section then
      table.insert(section.lines, line)
    end
  end
  for _, found in ipairs(sections) do found.blocks = blocks_of(found.lines) end
  return sections
end

--- What stands between a heading and the next one, whatever its level.
---@param text string Markdown
---@param heading string
---@return {language: string, text: string}[] blocks
---@return string[] lines
function document.part(text, heading)
  local lines
  for line, marks in lines_of(text) do
    if lines and marks then break end
    if lines then lines[#lines + 1] = line end
    if line == heading then lines = {} end
  end
  return blocks_of(assert(lines, heading)), lines
end

--- What differs from run to run is made equal: ids, ports, days.
---@param text string
---@return string
function document.masked(text)
  local hex = "%x%x%x%x"
  local id = hex .. hex .. ("%-" .. hex):rep(3) .. "%-" .. hex .. hex .. hex
  return (text:gsub(id, "ID"):gsub("127%.0%.0%.1:%d+", "ADDRESS"):gsub("%d%d%d%d%-%d%d%-%d%d", "DAY"))
end

---@class document.place a directory with a home and a program of its own, in which commands run
local Place = {}
Place.__index = Place

---@return document.place
function document.place()
  local base = process.directory()
  assert(os.execute(("mkdir %s/home %s/bin %s/work && ln -s %s %s/bin/anyreach"):format(base, base, base,
    process.quote(process.program), base)))
  return setmetatable({ base = base, directory = base .. "/work" }, Place)
end

--- Runs shell commands; stdout and stderr come as one.
---@param commands string
---@return string printed
---@return integer code
function Place:run(commands)
  process.write(self.base .. "/commands", commands)
  local code, out = process.run(("cd %s/work && HOME=%s/home PATH=%s/bin:\"$PATH\" sh %s/commands 2>&1"):format(
    self.base, self.base, self.base, self.base))
  return out, code
end

function Place:write(path, text)
  assert(os.execute("mkdir -p " .. process.quote((self.directory .. "/" .. path):match "^(.*)/")))
  process.write(self.directory .. "/" .. path, text)
end

local function file_name(block)
  return block.text:match "^%-%- (%S+)\n" or block.text:match "^# (%S+)\n"
end

--- Carries out blocks in their order.
---@param place document.place
---@param blocks {language: string, text: string}[]
---@return string[] printed by each block of commands, masked
---@return string[] expected of each, masked; nothing where no block of output follows
function document.carry_out(place, blocks)
  local printed, expected = {}, {}
  for index, block in ipairs(blocks) do
    local following = blocks[index + 1]
    if block.language == "sh" then
      printed[#printed + 1] = document.masked(place:run(block.text))
      expected[#expected + 1] = document.masked(following and following.language == "" and following.text or "")
    elseif block.language ~= "" and file_name(block) then
      place:write(file_name(block), block.text)
    end
  end
  return printed, expected
end

return document
