-- Elements of HTML and SVG as text that is well-formed XML too. What is given as text is escaped, so
-- nothing from a server or a file becomes markup.

local markup = {}

-- Elements are kept apart from text by their metatable.
local Element = {}
Element.__index = Element
function Element:__tostring() return self.text end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Characters that XML forbids, and bytes that are no UTF-8, become U+FFFD.
local function clean(text)
  if not utf8.len(text) then
    text = text:gsub("[\x80-\xff]", function(byte) return utf8.char(byte:byte()) end)
  end
  return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}"))
end

--- A text as it may stand in an element or an attribute.
---@param value string|number
---@return string
function markup.escape(value)
  return (clean(tostring(value)):gsub("[&<>\"']", ESCAPES))
end

--- The text of figures with minus signs instead of hyphens.
---@param text string
---@return string
function markup.minus(text)
  return (text:gsub("%-(%d)", "−%1"))
end

local function attribute_text(attributes)
  local names, parts = {}, {}
  for name in pairs(attributes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = attributes[name]
    if math.type(value) == "float" then value = ("%.2f"):format(value) end
    parts[#parts + 1] = (' %s="%s"'):format(name, markup.escape(value))
  end
  return table.concat(parts)
end

local function content_text(children)
  local parts = {}
  for index, child in ipairs(children) do
    parts[index] = getmetatable(child) == Element and child.text or markup.escape(child)
  end
  return table.concat(parts)
end

--- An element. `content` holds attributes by name, and at 1, 2, … texts and elements.
---@param name string
---@param content? table
---@return table element whose tostring is its markup
function markup.element(name, content)
  local attributes, children = {}, {}
  for key, value in pairs(content or {}) do
    if type(key) == "string" then attributes[key] = value end
  end
  for index, child in ipairs(content or {}) do children[index] = child end
  local inside = content_text(children)
  return markup.raw(inside == "" and ("<%s%s/>"):format(name, attribute_text(attributes))
    or ("<%s%s>%s</%s>"):format(name, attribute_text(attributes), inside, name))
end

--- Markup that is given as it is: only for text of this program's own.
---@param text string
---@return table element
function markup.raw(text)
  return setmetatable({ text = text }, Element)
end

return markup
