-- The commands and scripts that a document shows, carried out as they stand, with what it says they print.
-- A fenced block of a script or data that begins with a comment of its path (-- name.lua, # name.yaml) is a
-- file. A block of `sh` is run; the block without a language that follows it is what it prints.

local markdown = require "anyreach.text.markdown"
local process = require "helpers.process"

local document = {}

--- The blocks below a heading, cut at each heading that is one level deeper. What stands before the first of
--- these has no title.
---@param text string Markdown
---@param title string of the heading
---@return {title: string|nil, blocks: anyreach.markdown.block[]}[]
function document.parts(text, title)
  local blocks = assert(markdown.section(markdown.read(text), title), title)
  local level = table.remove(blocks, 1).level
  local parts = { { blocks = {} } }
  for _, block in ipairs(blocks) do
    if block.kind == "heading" and block.level == level + 1 then
      parts[#parts + 1] = { title = block.text, blocks = {} }
    else
      table.insert(parts[#parts].blocks, block)
    end
  end
  return parts
end

--- The blocks of a kind between a heading and the next deeper one.
---@param text string Markdown
---@param title string of the heading
---@param kind "code"|"table"
---@return anyreach.markdown.block[]
function document.blocks(text, title, kind)
  local found = {}
  for _, block in ipairs(document.parts(text, title)[1].blocks) do
    if block.kind == kind then found[#found + 1] = block end
  end
  return found
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
  return block.text:match "^%-%- ([%w_/.-]+%.%w+)[:\n]" or block.text:match "^# ([%w_/.-]+%.%w+)\n"
end

--- Carries out blocks of code in their order; other blocks are passed over.
---@param place document.place
---@param blocks anyreach.markdown.block[]
---@return string[] printed by each block of commands, masked
---@return string[] expected of each, masked; nothing where no block of output follows
function document.carry_out(place, blocks)
  local printed, expected = {}, {}
  for index, block in ipairs(blocks) do
    local following = blocks[index + 1]
    if block.language == "sh" then
      printed[#printed + 1] = document.masked(place:run(block.text))
      expected[#expected + 1] = following and following.language == "" and document.masked(following.text .. "\n") or ""
    elseif block.kind == "code" and block.language ~= "" and file_name(block) then
      place:write(file_name(block), block.text .. "\n")
    end
  end
  return printed, expected
end

return document
