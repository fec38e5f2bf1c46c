-- make install and make uninstall: which files come and go, and that each is of use. The program itself is
-- the one under test: make is told not to build it anew.

local command = require "anyreach.cli.commands"
local host = require "anyreach.host"
local process = require "helpers.process"
local recipe = require "anyreach.recipe"

local FILES = {
  "bin/anyreach",
  "share/bash-completion/completions/anyreach",
  "share/fish/vendor_completions.d/anyreach.fish",
  "share/man/man1/anyreach.1",
  "share/zsh/site-functions/_anyreach",
}

local root = process.directory() .. "/a root"
local prefix = root .. "/opt/anyreach"
local build = process.relative_build

local function make(target)
  return process.run(("make -o %s/anyreach BUILD=%s DESTDIR=%s PREFIX=/opt/anyreach %s"):format(build, build,
    process.quote(root), target))
end

local function installed()
  local _, out = process.run(("cd %s 2>/dev/null && find . -type f | LC_ALL=C sort"):format(process.quote(prefix)))
  local names = {}
  for name in out:gmatch("%./([^\n]+)") do names[#names + 1] = name end
  return names
end

local function is_there(program)
  return (process.run("command -v " .. program)) == 0
end

describe("make install", function()
  process.run(("rm -rf %s/share"):format(process.quote(process.build)))
  local code, _, err = make "install"

  it("puts the program, its manual and its completions where they belong", function()
    expect.equal({ code, err:match("error") or "" }, { 0, "" })
    expect.equal(installed(), FILES)
    for _, name in ipairs(FILES) do
      local mode = process.first_line(("stat -c %%a %s"):format(process.quote(prefix .. "/" .. name)))
      expect.equal(mode, name == FILES[1] and "755" or "644")
    end
  end)

  it("installs a program that works by itself", function()
    local command_line = "cd / && env -i %s --sandbox -e 'print(#anyreach.client().agents.list())'"
    local run_code, out = process.run(command_line:format(process.quote(prefix .. "/bin/anyreach")))
    expect.equal({ run_code, out }, { 0, "0\n" })
  end)

  it("can be repeated", function()
    expect.equal((make "install"), 0)
    expect.equal(installed(), FILES)
  end)
end)

describe("the manual page", function()
  local page = prefix .. "/share/man/man1/anyreach.1"

  it("is rendered without a warning, in any locale", function()
    if not is_there "man" then skip "man is not installed" end
    for _, locale in ipairs { "C", "C.UTF-8" } do
      local code, out, err = process.run(("LC_ALL=%s man --warnings -l %s"):format(locale, process.quote(page)))
      expect.equal({ code, err }, { 0, "" })
      expect.contains(out, "anyreach - provision, change and explore Anyreach agents with Lua")
    end
  end)

  it("is well-formed", function()
    if not is_there "mandoc" then skip "mandoc is not installed" end
    local _, out = process.run(("mandoc -Tlint -Wwarning %s"):format(process.quote(page)))
    for line in out:gmatch("[^\n]+") do
      expect.truthy(line:find("STYLE", 1, true) or line:find("missing date", 1, true))
    end
  end)

  it("tells every option, command, recipe, exit code, file and variable", function()
    local text = process.read(page):gsub("\\%-", "-"):gsub("\\f%u", "")
    for _, option in ipairs(host.option_rows()) do expect.contains(text, "--" .. option.name) end
    for _, name in ipairs(command.names()) do expect.contains(text, "\n.SS " .. name .. "\n") end
    for _, name in ipairs(recipe.names()) do expect.contains(text, "\n.SS " .. name .. "\n") end
    for _, exit_code in pairs(require("anyreach.errors").exit_codes) do
      expect.contains(text, (".TP\n%d\n"):format(exit_code))
    end
    for _, word in ipairs { "ANYREACH_TOKEN", "ANYREACH_PROFILE", "NO_COLOR", "~/.config/anyreach/config.yaml" } do
      expect.contains(text, word)
    end
  end)
end)

describe("the completions", function()
  for _, shell in ipairs { "bash", "fish", "zsh" } do
    it("are good " .. shell, function()
      if not is_there(shell) then skip(shell .. " is not installed") end
      for _, name in ipairs(FILES) do
        if name:find(shell, 1, true) then
          expect.equal((process.run(("%s -n %s"):format(shell, process.quote(prefix .. "/" .. name)))), 0)
        end
      end
    end)
  end
end)

describe("make uninstall", function()
  it("removes what install has put there, and nothing else", function()
    process.write(prefix .. "/share/man/man1/other.1", "of somebody else")
    expect.equal((make "uninstall"), 0)
    expect.equal(installed(), { "share/man/man1/other.1" })
    expect.equal((make "uninstall"), 0)
  end)
end)
