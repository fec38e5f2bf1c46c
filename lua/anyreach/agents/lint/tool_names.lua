-- The names in a prompt that are meant as tools. Only for anyreach.agents.lint. Prompts also put parameters, fields,
-- values and files in backticks, so a name counts only where the text says that it is used:
--   {{tools.NAME}};
--   the NAME tool, tool NAME, with or without backticks;
--   `NAME` or `NAME(…)` behind a word such as "call" or "use", also as one of several ("call `a_b` or `c_d`");
--   - `NAME` at the beginning of a list item or a row of a table, below a heading, or a line that ends with a colon,
--     about tools.
-- But for the first, NAME must hold an underscore and a lower-case letter, and code between fences is left out.
-- A text that names what it uses in another way is missed: a warning that is mostly wrong would be switched off.

local tool_names = {}

local function set_of(words)
  local set = {}
  for word in words:gmatch("%S+") do set[word] = true end
  return set
end

local USES = set_of [[call calls calling invoke invokes invoking use uses using run runs running trigger triggers
  triggering execute executes executing]]
local TOOLS = set_of "tool tools function functions"
-- Between such a word and the name.
local FILLERS = set_of [[the a an then our your either both and or also again immediately now only always
  name names named called]]
-- Behind a name, they say that it is no tool.
local OTHERS = set_of [[variable variables parameter parameters argument arguments field fields file files key keys
  value values option options flag flags column columns property properties attribute attributes setting settings
  environment placeholder placeholders header headers folder directory module package class type enum constant table
  format template section status state tag label id object config configuration macro script plugin branch entry]]

local BEFORE = 120 -- bytes that are looked at before a name
local AFTER = 40

local function is_name(name)
  return name:find("_", 1, true) ~= nil and name:find("%l") ~= nil
end

-- The text with spaces for what stands between fences; positions and lines stay.
local function without_fences(text)
  local lines, fence = {}, nil
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    local mark = line:match("^%s*(```)") or line:match("^%s*(~~~)")
    local is_inside = fence ~= nil
    if mark and not fence then fence = mark elseif mark == fence then fence = nil end
    lines[#lines + 1] = (is_inside or fence) and (" "):rep(#line) or line
  end
  return table.concat(lines, "\n")
end

-- Whether the words before a name say that it is used; read backwards, past fillers and other names in backticks.
local function is_used(before)
  local words = {}
  for word in before:gsub("^.*\n[ \t]*\n", ""):gmatch("%S+") do words[#words + 1] = word end
  for index = #words, 1, -1 do
    local word = words[index]
    local plain = word:lower():gsub("[^%l]", "")
    if word:find("[.!?;]$") then return false end
    if USES[plain] or TOOLS[plain] then return not word:find(",$") end
    local is_passed = FILLERS[plain] or word:find("^[*_(]*`[^`]*`") or word:find("^[*_(\"']+$")
    if not is_passed then return false end
  end
  return false
end

local function each_in_backticks(text, f)
  for _, naming in ipairs { "()`(%a[%w_-]*)`()", "()`(%a[%w_-]*)%([^`\n]*%)`()" } do
    for position, name, stop in text:gmatch(naming) do
      if is_name(name) then
        local noun = text:sub(stop, stop + AFTER):match("^[%s*]+(%a+)")
        local before = text:sub(math.max(1, position - BEFORE), position - 1)
        noun = noun and noun:lower() or ""
        f(position, name, TOOLS[noun] or not OTHERS[noun] and is_used(before))
      end
    end
  end
end

local function each_beside_tool(text, f)
  for _, naming in ipairs { "()%f[%w_](%a[%w_]*)%s+[Tt]ool%f[%W]", "()%f[%w][Tt]ool%s+(%a[%w_]*)" } do
    for position, name in text:gmatch(naming) do
      if is_name(name) then f(position, name, true) end
    end
  end
end

local function is_about_tools(line)
  for word in line:lower():gmatch("%a+") do
    if TOOLS[word] then return true end
  end
  return false
end

local function each_in_lists(text, f)
  local is_list = false
  for start, line in text:gmatch("()([^\n]+)") do
    local position, name = line:match("^%s*[-*+|%d][.)]?%s+[*_]*()`(%a[%w_-]*)`")
    if name then
      if is_name(name) then f(start + position - 1, name, is_list) end
    elseif line:find("^%s*#") or line:find(":[%s*_]*$") then
      is_list = is_about_tools(line)
    end
  end
end

--- Calls f(position, name, is_used) for the names in a prompt that may be tools, perhaps more than once each. With
--- is_used the text says that it is one.
---@param text string
---@param f fun(position: integer, name: string, is_used: boolean)
function tool_names.each(text, f)
  for position, name in text:gmatch("(){{%-?%s*tools%.([%w_-]+)") do f(position, name, true) end
  local prose = without_fences(text)
  each_beside_tool(prose, f)
  each_in_backticks(prose, f)
  each_in_lists(prose, f)
end

return tool_names
