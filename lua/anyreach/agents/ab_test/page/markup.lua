-- Elements of HTML and SVG as text, which is well-formed XML too, and the style sheet of an experiment's page. Text
-- is escaped, so nothing from a server or a file becomes markup. Only for this folder.

local markup = {}

-- Their metatable tells elements from text.
local Element = {}
Element.__index = Element
function Element:__tostring() return self.text end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Characters that XML forbids become U+FFFD; in text that is not UTF-8 each byte above 127 is read as Latin-1.
local function clean(text)
  if not utf8.len(text) then
    text = text:gsub("[\x80-\xff]", function(byte) return utf8.char(byte:byte()) end)
  end
  return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}"))
end

--- A text as it can be put into an element or an attribute.
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

--- Markup that is used as it is: only for this program's own text.
---@param text string
---@return table element
function markup.raw(text)
  return setmetatable({ text = text }, Element)
end

-- {====== style sheet ======

-- Light and dark, on a phone, and on paper. The colours of the series are those of Okabe and Ito (2008), which people
-- with any colour vision can tell apart, lightened for dark backgrounds.
markup.STYLE = [[
:root {
  color-scheme: light dark;
  --background: #fbfbfa; --surface: #ffffff; --text: #1d1f23; --muted: #5b6068; --line: #d9dbdf; --strong: #6a6f78;
  --won: #00664a; --won-surface: #e3f4ee; --lost: #9a3d00; --lost-surface: #fcece2;
  --undecided: #454a52; --undecided-surface: #eef0f2;
  --series-1: #5b6068; --series-2: #0072b2; --series-3: #b24e00; --series-4: #007a59;
  --series-5: #a8467d; --series-6: #8a6100;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #15171a; --surface: #1d2024; --text: #e9eaec; --muted: #a2a8b1; --line: #353a41; --strong: #8b929c;
    --won: #5fd6ae; --won-surface: #12332a; --lost: #ffae7a; --lost-surface: #3d2415;
    --undecided: #c9ced6; --undecided-surface: #272b31;
    --series-1: #b4bac3; --series-2: #56b4e9; --series-3: #f28e4b; --series-4: #3cc79b;
    --series-5: #e39ac6; --series-6: #e6b422;
  }
}
@media print {
  :root {
    color-scheme: light;
    --background: #fff; --surface: #fff; --text: #000; --muted: #444; --line: #ccc; --strong: #666;
    --won: #00664a; --won-surface: #fff; --lost: #9a3d00; --lost-surface: #fff; --undecided: #333;
    --undecided-surface: #fff;
    --series-1: #5b6068; --series-2: #0072b2; --series-3: #b24e00; --series-4: #007a59;
    --series-5: #a8467d; --series-6: #8a6100;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--background); color: var(--text);
  font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
}
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; line-height: 1.35; margin: 0 0 .25rem; }
p { margin: 0; }
.subtitle, .caption { color: var(--muted); }
.subtitle { margin-top: .375rem; }
.caption { font-size: .875rem; margin-bottom: .5rem; }
.verdict { margin: 1.5rem 0; padding: 1rem 1.25rem; border-left: .3125rem solid; border-radius: .25rem; }
.verdict strong { display: block; font-size: 1.25rem; line-height: 1.35; overflow-wrap: anywhere; }
.verdict p { color: var(--text); overflow-wrap: anywhere; }
.verdict .outlook { color: var(--muted); margin-top: .25rem; }
.won { color: var(--won); background: var(--won-surface); }
.lost { color: var(--lost); background: var(--lost-surface); }
.undecided { color: var(--undecided); background: var(--undecided-surface); }
section, figure {
  margin: 0 0 1.25rem; padding: 1.125rem 1.25rem; background: var(--surface); border: 1px solid var(--line);
  border-radius: .5rem; min-width: 0;
}
.plots { columns: 26rem 2; column-gap: 1.25rem; margin-bottom: 1.25rem; }
.plots figure:last-child { margin-bottom: 0; }
.plots figure { break-inside: avoid; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9375rem; }
th, td { padding: .375rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child {
  text-align: left; padding-left: 0; white-space: normal; overflow-wrap: anywhere; min-width: 6rem;
}
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 600; font-size: .8125rem; vertical-align: bottom; }
tbody th { font-weight: 600; }
.days tbody th { font-weight: 400; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
@media (max-width: 40rem) {
  main { padding-top: 1.5rem; }
  h1 { font-size: 1.5rem; }
  section, figure { padding: .875rem 1rem; }
  th, td { padding: .3125rem .5rem; }
  table { font-size: .875rem; }
}
.range { color: var(--muted); }
.notes { color: var(--muted); font-size: .875rem; padding-left: 1.125rem; margin: 0; }
.notes li + li { margin-top: .25rem; }
.legend {
  list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.125rem; margin: 0 0 .25rem;
  padding: 0; font-size: .875rem;
}
.legend li { display: flex; align-items: center; gap: .4375rem; overflow-wrap: anywhere; }
.legend svg { width: 1.75rem; height: .625rem; flex: none; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 13px; fill: var(--muted); font-variant-numeric: tabular-nums; }
svg .name, svg .value { fill: var(--text); font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.tick, .zero, .decision { stroke: var(--strong); }
.zero { stroke-width: 1.5; }
.decision { stroke-width: 1.25; stroke-dasharray: 3 3; }
.line { fill: none; stroke: currentColor; stroke-width: 2.25; stroke-linejoin: round; }
.interval { stroke: currentColor; stroke-width: 2.25; }
.mark { fill: currentColor; }
.band { fill: currentColor; opacity: .14; }
.edge { fill: none; stroke: currentColor; stroke-width: 1; opacity: .5; }
.series-1 { color: var(--series-1); }
.series-2 { color: var(--series-2); }
.series-3 { color: var(--series-3); }
.series-4 { color: var(--series-4); }
.series-5 { color: var(--series-5); }
.series-6 { color: var(--series-6); }
@media print {
  :root { font-size: 11px; }
  main { padding: 0; max-width: none; }
  figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; }
  .plots { columns: 2; }
}
]]

-- }======

return markup
