-- Texts behind the tag !file: which files it may read, and that what is written for a text is read as that text.

local agent_file = require "anyreach.agents.file"
local agent_files = require "anyreach.agent_files"
local errors = require "anyreach.errors"
local files = require "anyreach.files"
local process = require "helpers.process"
local text_files = require "anyreach.agents.file.text_files"
local yaml = require "anyreach.yaml"

local function tell(path, ...)
  local ok, err = pcall(agent_file.read, { path .. "/" .. ((...) or "agents") })
  return ok and "read" or tostring(err)
end

-- An agent file below `path` that names a text file.
local function agent_with(target)
  return "name: A\nconfig:\n  instructions: !file " .. target .. "\n"
end

local function run(format, ...)
  assert(os.execute(format:format(...)))
end

describe("the text of a file", function()
  it("has the same line ends and no byte order mark, whatever editor wrote it", function()
    for _, bytes in ipairs { "a\nb\n", "a\r\nb\r\n", "a\rb\r", "\u{FEFF}a\nb", "\u{FEFF}a\r\nb\r\n" } do
      local path = process.directory_of { ["agents/a.yaml"] = agent_with "p.md", ["agents/p.md"] = bytes }
      expect.equal(agent_file.read({ path .. "/agents" })[1].config.instructions, "a\nb")
    end
  end)

  it("is as it is where that is asked for", function()
    for bytes, text in pairs { ["a\r\nb\r\n"] = "a\r\nb\r", ["\u{FEFF}a\r\n\n"] = "\u{FEFF}a\r\n" } do
      local path = process.directory_of { ["agents/p.md"] = bytes,
        ["agents/a.yaml"] = agent_with "{path: p.md, keep_line_ends: true}" }
      expect.equal(agent_file.read({ path .. "/agents" })[1].config.instructions, text)
    end
  end)

  it("is told when its tag is malformed", function()
    for value, message in pairs { ["{pth: x}"] = "expected the path of a text file after !file",
      ["{path: x, keep_line_end: true}"] = "unknown key 'keep_line_end'; did you mean 'keep_line_ends'?",
      ["{path: x, keep_line_ends: 1}"] = "keep_line_ends: expected true or false" } do
      expect.contains(tell(process.directory_of { ["agents/a.yaml"] = agent_with(value) }), message)
    end
  end)

  it("of any kind is read as it was before it was written, and the ends of lines stay", function()
    math.randomseed(3)
    local pieces = { "a", "b c", "\n", "\r\n", "\r", "\u{FEFF}", "é", "\n\n", "---" }
    local folder = process.directory_of { ["agents/x"] = "" }
    for _ = 1, 500 do
      local words = {}
      for index = 1, math.random(0, 8) do words[index] = pieces[math.random(#pieces)] end
      local text, path = table.concat(words), folder .. "/agents/p.md"
      for _, present in ipairs { "", "old\n", "old\r\nold\r\n", "\u{FEFF}old\r\n" } do
        for _, old in ipairs { false, yaml.tag("!file", "p.md"), yaml.tag("!file", { path = "p.md",
          keep_line_ends = true }) } do
          process.write(path, present)
          local tag = text_files.tag("p.md", text, old or nil)
          local bytes = text_files.content(path, text, tag)
          process.write(path, bytes)
          expect.equal({ text_files.read(folder .. "/agents/a.yaml", tag) }, { text })
          local is_plain = type(tag.value) == "string"
          if is_plain and present:find "\r\n" then expect.falsy(bytes:gsub("\r\n", ""):find "[\r\n]") end
        end
      end
    end
  end)

  it("is written by a script with a tag that can give it back", function()
    local path = process.directory_of { ["agents/a.yaml"] = agent_with "p.md", ["agents/p.md"] = "old\r\n" }
    local agents = agent_files.load(path .. "/agents")
    for _, text in ipairs { "new\nlines", "new\r\nlines", "${NAME} @@NAME@@" } do
      agents[1].config.instructions, agents[1].config.greeting = text, text
      expect.equal(agent_files.write(path .. "/agents/a.yaml", agents[1]), true)
      local config = agent_files.load(path .. "/agents")[1].config
      expect.equal({ config.instructions, config.greeting }, { text, text })
    end
    expect.contains(process.read(path .. "/agents/a.yaml"), "$${NAME} @@@@NAME@@")
  end)
end)

describe("the tag !file", function()
  local function outside(said)
    expect.contains(said, "it is outside")
    expect.contains(said, "--allow-read")
  end

  it("reads below the repository of its file", function()
    local path = process.directory_of { ["repo/deep/er/agents/a.yaml"] = agent_with "../../../prompts/p.md",
      ["repo/prompts/p.md"] = "x", ["key"] = "secret" }
    run("git init -q '%s/repo'", path)
    expect.equal(tell(path, "repo/deep/er/agents"), "read")
    process.write(path .. "/repo/deep/er/agents/a.yaml", agent_with "../../../../key")
    outside(tell(path, "repo/deep/er/agents"))
  end)

  it("without a repository reads below the directory above its own", function()
    local path = process.directory_of { ["x/agents/a.yaml"] = agent_with "../prompts/p.md", ["x/prompts/p.md"] = "x",
      ["key"] = "secret", ["x/agents/environments/e.yaml"] = "defaults: {description: !file ../../prompts/p.md}\n" }
    expect.equal(tell(path, "x/agents"), "read")
    expect.equal(agent_files.load(path .. "/x/agents", { environment = "e" })[1].own.description, "x")
    process.write(path .. "/x/agents/a.yaml", agent_with "../../key")
    outside(tell(path, "x/agents"))
  end)

  it("leads nowhere else, by links, absolute paths or detours, but where that is allowed", function()
    local path = process.directory_of { ["x/agents/a.yaml"] = "", ["secrets/key"] = "s", ["secrets-2/key"] = "s" }
    run("ln -s ../../secrets '%s/x/agents/link'; ln -s ../../secrets/key '%s/x/agents/key'", path, path)
    local ways = { "link/key", "key", path .. "/secrets/key", "../agents/../../secrets/key", "../../secrets/none" }
    for _, target in ipairs(ways) do
      process.write(path .. "/x/agents/a.yaml", agent_with(target))
      outside(tell(path, "x/agents"))
    end
    for _, target in ipairs(ways) do
      process.write(path .. "/x/agents/a.yaml", agent_with(target))
      local command = process.anyreach("run", "validate", "--offline", path .. "/x/agents", "--allow-read",
        path .. "/secrets")
      local _, out, err = process.run(command)
      expect.falsy((out .. err):find "outside")
    end
    process.write(path .. "/x/agents/a.yaml", agent_with "../../secrets-2/key")
    expect.contains(select(2, process.run(process.anyreach("run", "validate", "--offline", path .. "/x/agents",
      "--allow-read", path .. "/secrets"))), "outside")
  end)

  it("writes nothing where it may not read", function()
    local path = process.directory_of { ["x/agents/a.yaml"] = agent_with "../../key", key = "secret\n" }
    expect.raises(function()
      agent_files.write(path .. "/x/agents/a.yaml", { name = "A", config = { instructions = "new" } })
    end, "it is outside")
    expect.equal(process.read(path .. "/key"), "secret\n")
  end)

  it("reads regular files alone, and never waits", function()
    local path = process.directory_of { ["agents/a.yaml"] = agent_with "pipe" }
    run("mkfifo '%s/agents/pipe'", path)
    expect.contains(tell(path), "pipe: expected a file, this is a pipe")
    process.write(path .. "/agents/a.yaml", agent_with "/dev/zero")
    outside(tell(path))
  end)
end)

describe("a pipe or a device in place of a file", function()
  it("is refused by whatever reads files", function()
    local path = process.directory_of { ["a.yaml"] = "name: A\nconfig: {instructions: x}\n", ["prompts/x.md"] = "x" }
    run("mkfifo '%s/pipe.yaml' '%s/prompts/pipe.md'", path, path)
    for _, read in ipairs { files.read_file, files.read_json, files.read_yaml } do
      for _, name in ipairs { path .. "/pipe.yaml", "/dev/null", "/dev/zero" } do
        local err = expect.raises(function() read(name) end,
          "expected a file, this is " .. (name:find "pipe" and "a pipe" or "a device"))
        expect.equal(errors.exit_code(err), 3)
      end
    end
    local pipe = path .. "/pipe.yaml"
    for _, words in ipairs {
      { "run", "validate", "--offline", pipe }, { "run", "validate", "--offline", path .. "/a.yaml", "--schema", pipe },
      { "run", "validate", "--offline", path .. "/a.yaml", "--environment", pipe },
      { "--sandbox", "run", "migrate-prompts", path .. "/prompts" }, { "--openapi", pipe, "api" },
    } do
      local code, out, err = process.run("timeout 20 " .. process.anyreach(table.unpack(words)))
      expect.equal({ words, code }, { words, 3 })
      expect.contains(out .. err, "this is a pipe")
    end
  end)
end)
