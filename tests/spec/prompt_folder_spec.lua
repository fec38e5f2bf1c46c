-- Folders of prompts: what arrives is what the file says.

local directory = require "anyreach.directory"
local files = require "anyreach.files"
local folder = require "anyreach.agents.prompts.folder"

local BOM = "\u{FEFF}"

local path = os.tmpname()
assert(os.remove(path))
directory.make(path)

-- What is read of a file.
local function read(text, options)
  files.write_file(path .. "/some-agent.md", text)
  local found = { problems = {}, warnings = {} }
  local list = folder.read(path, found, options)
  return list[1], found
end

local function pick(list)
  return list[math.random(#list)]
end

-- {====== random files ======

local LINES = {
  "", "---", "--- ", "----", "***", "# Role", "You are kind.", "- a list", "title: Desk", "Note: be brief", "a: [1",
  "{{name}}: hello", "\tindented", "`code`: x", "'", "key: value: other", "日本語: はい", " agent, indented", "...",
  "I, your helper: am", "field of roses", "%TAG", "@at", "<b>", "2024-01-01", "null", "~",
}

local FRONT = {
  { "agent: Desk" }, { "field: a.b" }, { "agent: Desk", "field: a.b" }, { "field: a.b", "", "owner: Kim" },
  { "# a comment", "agent: 'Desk'" },
}

local function random_lines()
  local lines = {}
  for index = 1, math.random(1, 12) do lines[index] = pick(LINES) end
  lines[#lines + 1] = "the end" .. pick { "", "\n", "\n\n", " " }
  return lines
end

-- A file without front matter, often beginning with a rule; and one with it.
local function random_file()
  local lines, front = random_lines(), math.random(2) == 1 and pick(FRONT) or nil
  if math.random(2) == 1 then table.insert(lines, 1, "---") end
  local text = table.concat(lines, "\n")
  if not front then return text, text, nil end
  local blank = pick { "", "\n", "\n\n" }
  return "---\n" .. table.concat(front, "\n") .. "\n---\n" .. blank .. text, text:gsub("^\n+", ""), front
end

-- The same file as an editor of another system writes it.
local function in_dress(text)
  local ending = pick { "\n", "\r\n", "\r" }
  return pick { "", BOM } .. text:gsub("\n", ending)
end

-- }======

describe("a file of a folder", function()
  it("gives the prompt that it holds, whatever rules, front matter, marks and line ends are in it", function()
    math.randomseed(11)
    for _ = 1, 3000 do
      local whole, text, front = random_file()
      local prompt, found = read(in_dress(whole))
      expect.equal(found.problems, {}, whole)
      expect.equal(prompt.text, (text:gsub("\n$", "")), whole)
      expect.equal(prompt.agent, front and table.concat(front):find("agent") and "Desk" or nil)
      expect.equal(prompt.field, front and table.concat(front):find("a.b", 1, true) and "a.b" or "instructions")
    end
  end)

  it("keeps its mark and its line ends when that is asked for", function()
    math.randomseed(12)
    for _ = 1, 500 do
      local text = in_dress(table.concat(random_lines(), "\n"))
      local prompt = read(text, { keep_line_ends = true })
      expect.equal(prompt.text, (text:gsub("\n$", "")))
    end
    local prompt = read(BOM .. "---\r\nagent: Desk\r\n---\r\n\r\na\r\nb\r\n", { keep_line_ends = true })
    expect.equal({ prompt.agent, prompt.text }, { "Desk", "a\r\nb\r" })
  end)

  it("names the keys of front matter that mean nothing", function()
    local _, found = read("---\nagent: Desk\nowner: Kim\ndate: 2024-01-01\n---\nHello.")
    expect.equal(found.warnings[1].message, "front matter: unknown and ignored: date, owner")
  end)

  it("says that lines which look like front matter are part of the prompt", function()
    local prompt, found = read("---\ntitle: Desk\n---\nHello.")
    expect.equal(prompt.text, "---\ntitle: Desk\n---\nHello.")
    expect.contains(found.warnings[1].message, "are taken as part of the prompt")
  end)

  it("is refused when front matter is meant and cannot be read", function()
    for text, message in pairs {
      ["---\nagent: Desk\nHello."] = "the front matter does not end",
      ["---\nagent: [Desk\n---\nHello."] = "",
      ["---\nagent: {a: b}\n---\nHello."] = "front matter: agent: expected a text",
      ["---\nagnet: Desk\n---\nHello."] = "did you mean 'agent'?; if these lines are part of the prompt, put",
      ["---\nagent: Desk\nfeild: a\n---\nHello."] = "unknown key 'feild'; did you mean 'field'?",
    } do
      local _, found = read(text)
      expect.equal(#found.problems, 1, text)
      expect.contains(found.problems[1].message, message)
    end
  end)
end)
