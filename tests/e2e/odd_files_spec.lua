-- Every option and argument that takes a file, given something else: a pipe, a device, a socket, a directory, nothing,
-- a file that may not be read. No program waits for ever or takes it for an empty file, and the message names it and
-- says what it is.

local process = require "helpers.process"

local AGENT = "name: Ada\nconfig:\n  instructions: Be kind.\n"
local SECONDS = 20 -- nothing here takes one

-- How to make one at a path, and what a message says of it.
local KINDS = {
  { name = "pipe", make = "mkfifo %s", said = "a pipe" },
  { name = "device without an end", make = "ln -s /dev/zero %s", said = "a device" },
  { name = "empty device", make = "ln -s /dev/null %s", said = "a device" },
  { name = "socket", said = "a socket",
    make = "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => shift, Listen => 1)' %s" },
  { name = "directory", make = "mkdir %s", said = "directory" },
  { name = "link that leads nowhere", make = "ln -s nowhere %s", said = "No such file", is_missing = true },
  { name = "file that may not be read", make = "install -m 000 /dev/null %s", said = "ermission denied" },
}

local LIST = [[-e 'anyreach.client{token="ak_x.y"}.agents.list()']]
local BESIDE = { ["a.yaml"] = AGENT }

-- What takes a file: the arguments, in which PATH is it and DIR its directory. `place`: its name there. `beside`: more
-- files. `made`: a missing one is no mistake. `folder`: nor is a directory. `device`, `other`: what is said of
-- one, of all that is neither file nor directory. `others`: the rest fails with the network.
local TAKERS = {
  { "an agent file", "--sandbox run provision PATH", place = "x.yaml", folder = true },
  { "an agent file that is checked", "run validate --offline PATH", place = "x.yaml", folder = true },
  { "an agent file that is compared", "--sandbox run diff PATH", place = "x.json", folder = true },
  { "a prompt", "run validate --offline DIR/a.yaml", place = "p.md", device = "it is outside",
    beside = { ["a.yaml"] = "name: Ada\nconfig:\n  instructions: !file p.md\n" } },
  { "the lock", "--sandbox run provision DIR/a.yaml", place = "anyreach.lock", beside = BESIDE, made = true },
  { "an environment file", "--sandbox run provision --environment PATH DIR/a.yaml", place = "x.yaml", beside = BESIDE },
  { "a schema", "run validate --offline --schema PATH DIR/a.yaml", beside = BESIDE },
  { "inputs", "--sandbox run generate-instructions x --inputs PATH", place = "x.yaml" },
  { "a body", "--sandbox call agents.create -d @PATH" },
  { "a field of a body", "--sandbox call agents.create --name x --metadata @PATH" },
  { "an OpenAPI document", "--sandbox --openapi PATH -e 'anyreach.client()'" },
  { "certificate authorities", "--ca-file PATH --retries 0 --base-url https://127.0.0.1:9 " .. LIST,
    others = true },
  { "a recording", "--replay DIR " .. LIST, place = "0001-GET-core-agents.json" },
  { "the sandbox's state", "--sandbox=PATH -e 'anyreach.client().agents.list()'", made = true, code = 1 },
  { "the config file", "profile list", place = "config/anyreach/config.yaml", made = true },
  { "a file that a script reads", "-e 'require(\"anyreach.files\").read_file(arg[1])' PATH" },
  { "an archive of requests", "--sandbox --har PATH -e 'anyreach.client().agents.list()'", made = true,
    other = "not a regular file" },
}

local function run(taker, kind)
  local directory = process.directory_of(taker.beside or {})
  local path = directory .. "/" .. (taker.place or "odd")
  assert(os.execute("mkdir -p " .. process.quote((path:gsub("/[^/]*$", "")))))
  assert(os.execute(kind.make:format(process.quote(path))))
  local arguments = taker[2]:gsub("PATH", path):gsub("DIR", directory)
  local code, out, err = process.run(("env XDG_CONFIG_HOME=%s/config XDG_STATE_HOME=%s/state timeout -k 1 %d %s %s")
    :format(directory, directory, SECONDS, process.quote(process.program), arguments))
  return code, out .. err, path
end

-- Root may read every file.
if process.first_line "id -u" == "0" then table.remove(KINDS) end

for _, taker in ipairs(TAKERS) do
  describe(taker[1], function()
    for _, kind in ipairs(KINDS) do
      it("that is a " .. kind.name .. " is refused by name", function()
        local code, said, path = run(taker, kind)
        local is_other = kind.said:find "^a " ~= nil
        if taker.others and not is_other then
          expect.equal(code, 10)
          return
        elseif (kind.is_missing and taker.made) or (kind.name == "directory" and taker.folder) then
          expect.truthy(code == 0 or code == 3)
          return
        end
        expect.contains(said, path:match "[^/]*$")
        expect.contains(said, kind.said == "a device" and taker.device or is_other and taker.other or kind.said)
        expect.equal(code, taker.code or 3)
      end)
    end
  end)
end

describe("standard input that is closed", function()
  it("is empty for whatever reads it", function()
    for _, words in ipairs { "--sandbox -", "--sandbox repl", "--sandbox call agents.create -d @-",
      "--sandbox -e 'print(io.read())'", "profile add x --token-command true" } do
      local code, out, err = process.run(("env XDG_CONFIG_HOME=%s timeout -k 1 %d %s %s <&-"):format(
        process.directory(), SECONDS, process.quote(process.program), words))
      expect.truthy(code < 100)
      expect.falsy((out .. err):find "traceback")
    end
  end)
end)

describe("a pipe that a script writes to", function()
  it("gets the bytes when somebody reads it, and is an error when nobody does", function()
    local path = process.directory() .. "/pipe"
    assert(os.execute("mkfifo " .. path))
    local write = process.anyreach("-e", 'require("anyreach.files").write_file(arg[1], ("x"):rep(100000))', path)
    local code, _, err = process.run("timeout -k 1 20 " .. write)
    expect.equal(code, 3)
    expect.contains(err, path .. ": No such device or address")
    local _, count = process.run(("timeout 20 wc -c <%s & until timeout 5 %s 2>/dev/null; do sleep 0.1; done; wait")
      :format(path, write))
    expect.equal(tonumber(count), 100000)
  end)
end)
