-- The prompt, keystroke by keystroke: a small program reads entries and prints each as one line, with its
-- ends of lines as "|". An entry that starts with "!" is run as Lua instead.

local process = require "helpers.process"
local terminal = require "helpers.terminal"

terminal.is_needed()

local PROGRAM = [==[
local terminal = require "anyreach.terminal"
local words = { "apple", "apricot", "banana", "ünder" }
local function complete(text, cursor)
  local before = text:sub(1, cursor):match("[^%s(]*$")
  local candidates = {}
  for _, word in ipairs(words) do
    if word:sub(1, #before) == before then candidates[#candidates + 1] = { text = word, suffix = "(" } end
  end
  return { from = cursor - #before + 1, to = cursor, candidates = candidates }
end
editor = terminal.editor {
  history = os.getenv "TRY_HISTORY",
  keep = function(text) return not text:find("secret", 1, true) end,
  is_complete = function(text)
    if text == "interrupt" then io.popen("kill -INT $PPID"):close() end
    return not text:find("^begin") or text:find("end%s*$") ~= nil
  end,
  complete = function(...) return (on_tab or complete)(...) end,
  hint = function(text) return text:match("^hint .*") and "about " .. text or nil end,
}
function words_are(...) words = { ... } end
print "ready"
while true do
  local text = editor:read(os.getenv "TRY_PROMPT" or "> ", { initial = initial })
  initial = nil
  if text == nil then break end
  if text == false then
    print "given up"
  else
    editor:add(text)
    if text:sub(1, 1) == "!" then load(text:sub(2))() else print("[" .. text:gsub("\n", "|") .. "]") end
  end
end
print "the end"
]==]

local program_file = process.directory() .. "/program.lua"
process.write(program_file, PROGRAM)

-- `settings`: NAME=VALUE words for the program.
local function start(settings, options)
  local started = terminal.start((settings or "") .. " " .. process.anyreach(program_file), options)
  started:wait_for("ready\n")
  started:keys("C-l")
  return started
end

describe("entries", function()
  it("end with Enter, and what is printed then starts on a line of its own", function()
    local t <close> = start()
    t:text("one"):keys("Enter"):wait_for_screen("> one", "[one]", ">")
    t:text("two"):keys("Left", "Left", "Enter"):wait_for_screen("> one", "[one]", "> two", "[two]", ">")
    t:wait_for_cursor(2, 4)
  end)

  it("have more lines while they are not complete", function()
    local t <close> = start()
    t:text("begin"):keys("Enter"):text(" x"):keys("Enter"):wait_for_screen("> begin", " x")
    t:text("end"):keys("Enter"):wait_for_screen("> begin", " x", "end", "[begin| x|end]", ">")
  end)

  it("are given up with a Ctrl-C that comes right behind Enter", function()
    local t <close> = start()
    t:text("interrupt"):keys("Enter"):wait_for_screen("> interrupt", "given up", ">")
    t:text("z"):keys("Enter"):wait_for("[z]\n>")
  end)

  it("are not cut off from what they read when the window gets another size", function()
    local t <close> = start()
    t:text("!print(io.popen('sleep 0.2; kill -WINCH $PPID; sleep 0.2; echo whole'):read('a'))"):keys("Enter")
    t:wait_for("\nwhole\n")
  end)

  it("have another line after Alt-Enter, complete or not", function()
    local t <close> = start()
    t:text("a"):keys("M-Enter"):text("b"):wait_for_screen("> a", "b")
    t:keys("Enter"):wait_for_screen("> a", "b", "[a|b]", ">")
  end)

  it("are given up with Ctrl-C, all their lines, and the next one is read", function()
    local t <close> = start()
    t:text("begin"):keys("Enter"):text(" x"):keys("Enter"):text(" y"):keys("Up", "Up")
    t:wait_for_cursor(4, 0)
    t:keys("C-c"):wait_for_screen("> begin", " x", " y", "given up", ">")
    t:keys("C-c"):text("z"):keys("Enter"):wait_for("[z]\n>")
  end)

  it("end for good with Ctrl-D in an empty one, which is not shown", function()
    local t <close> = start()
    t:text("ab"):keys("C-d", "Home", "C-d"):wait_for_screen("> b")
    t:keys("C-d", "C-d", "C-d")
    expect.equal(t:wait(), 0)
    t:wait_for_screen(">", "the end")
  end)

  it("may start with a text that the program gives", function()
    local t <close> = start()
    t:text("!initial = 'first\\nsecond'"):keys("Enter")
    t:wait_for_screen("> !initial = 'first\\nsecond'", "> first", "second")
    t:text("!"):keys("Enter"):wait_for("[first|second!]")
  end)
end)

describe("editing", function()
  it("goes to both ends and by characters and words", function()
    local t <close> = start()
    t:text("one two three"):keys("Home"):text("A"):keys("End"):text("B"):wait_for_screen("> Aone two threeB")
    t:keys("M-b", "M-b"):text("C"):keys("M-f"):text("D"):wait_for_screen("> Aone CtwoD threeB")
    t:keys("C-a", "C-f"):text("E"):keys("C-e", "C-b"):text("F"):wait_for_screen("> AEone CtwoD threeFB")
    t:keys("Left", "Left", "BSpace"):text("G"):keys("Right", "DC"):wait_for_screen("> AEone CtwoD thrGeB")
    t:keys("C-Left"):text("<"):keys("C-Right"):text(">"):wait_for_screen("> AEone CtwoD <thrGeB>")
  end)

  it("cuts and pastes back", function()
    local t <close> = start()
    t:text("one two three"):keys("C-w"):wait_for_screen("> one two")
    t:keys("C-y"):wait_for_screen("> one two three")
    t:keys("M-b", "C-k"):wait_for_screen("> one two")
    t:keys("C-y", "M-b", "C-u"):wait_for_screen("> three")
    t:keys("End", "C-y"):wait_for_screen("> threeone two")
  end)

  it("clears the screen with Ctrl-L and keeps the entry", function()
    local t <close> = start()
    t:text("one"):keys("Enter"):wait_for("[one]")
    t:text("two"):keys("Left", "C-l"):wait_for_screen("> two")
    t:wait_for_cursor(4, 0)
  end)

  it("goes up and down in an entry of several lines", function()
    local t <close> = start()
    t:text("begin"):keys("Enter"):text("long line"):keys("Enter"):text("xy")
    t:wait_for_cursor(2, 2)
    t:keys("Up"):wait_for_cursor(2, 1)
    t:keys("End"):wait_for_cursor(9, 1)
    t:keys("Up"):wait_for_cursor(7, 0)
    t:keys("Down"):wait_for_cursor(5, 1)
    t:keys("Home"):wait_for_cursor(0, 1)
    t:keys("Home"):wait_for_cursor(2, 0)
    t:keys("End", "End"):wait_for_cursor(2, 2)
  end)

  it("knows wide characters", function()
    local t <close> = start()
    t:text("é漢字😀ß"):keys("Left", "Left"):text("x")
    t:wait_for_screen("> é漢字x😀ß")
    t:wait_for_cursor(8, 0)
    t:keys("BSpace", "BSpace", "Enter"):wait_for("[é漢😀ß]")
  end)

  -- While the entry is edited, old versions of libedit leave them out, and new ones put the cursor beside its place.
  it("keeps combining characters, however they are drawn", function()
    local t <close> = start()
    t:text("e\u{301}a"):keys("Left"):text("x"):keys("Enter"):wait_for("[e\u{301}xa]")
  end)

  it("goes on in the next row at the edge of the screen", function()
    local t <close> = start(nil, { columns = 20, rows = 8 })
    local text = ("0123456789"):rep(4)
    t:text(text):wait_for_screen("> 012345678901234567", "89012345678901234567", "89")
    t:keys("Home"):text("é"):wait_for_screen("> é01234567890123456", "78901234567890123456", "789")
    t:wait_for_cursor(3, 0)
    t:keys("Enter"):wait_for("\n89]\n>")
    expect.contains(t:history(), "[é" .. text .. "]")
    t:keys("Up"):text("!"):wait_for("\n789!")
  end)

  it("leaves a wide character whole at the edge", function()
    local t <close> = start(nil, { columns = 20, rows = 8 })
    t:text(("漢"):rep(12)):wait_for_screen("> " .. ("漢"):rep(9), ("漢"):rep(3))
    t:keys("Home"):text("x"):wait_for_screen("> x" .. ("漢"):rep(8), ("漢"):rep(4))
    t:keys("C-c"):wait_for_screen("> x" .. ("漢"):rep(8), ("漢"):rep(4), "given up", ">")
  end)

  it("works in ten columns", function()
    local t <close> = start(nil, { columns = 10, rows = 12 })
    t:text("hint abcdefghijkl"):wait_for_screen("> hint abc", "defghijkl")
    t:keys("Enter"):wait_for_screen("> hint abc", "defghijkl", "[hint abcd", "efghijkl]", ">")
    t:text("ap"):keys("Tab", "Tab"):wait_for_screen("> hint abc", "defghijkl", "[hint abcd", "efghijkl]", "apple",
      "apricot", "> ap")
  end)

  it("works on a terminal that can do nothing", function()
    local t <close> = start("TERM=dumb")
    t:text("hint one"):keys("BSpace"):text("x")
    t:wait_for("> hint onx")
    t:keys("Enter"):wait_for("[hint onx]")
    t:text("ap"):keys("Tab", "Tab"):wait_for("apple    apricot\n> ap")
    t:paste("a\tb\n")
    expect.falsy(t:history():find("\27", 1, true))
    expect.falsy(t:history():find("2004", 1, true))
  end)
end)

describe("a prompt", function()
  it("may have colours, which end where they should", function()
    local t <close> = start("TRY_PROMPT=\"$(printf '\\001\\033[1m\\001\\001\\033[31m\\001red> \\001\\033[0m\\001')\"")
    t:text("abc"):wait_for_screen("red> abc")
    t:wait_for_cursor(8, 0)
    local screen = t:screen(true)
    expect.match(screen, "^\27%[1m\27%[31mred>\27%[0m[%[%dm\27]* abc$")
    t:keys("Home", "C-k"):wait_for_cursor(5, 0)
  end)
end)

describe("Tab", function()
  it("takes the only candidate, with what belongs behind it", function()
    local t <close> = start()
    t:text("ba"):keys("Tab"):wait_for_screen("> banana(")
    t:text(" ü"):keys("Tab"):wait_for_screen("> banana( ünder(")
  end)

  it("takes what all candidates share, then lists them above the entry", function()
    local t <close> = start()
    t:text("x a"):keys("Left", "Right", "Tab"):wait_for_screen("> x ap")
    t:keys("Tab"):wait_for_screen("apple    apricot", "> x ap")
    t:text("r"):keys("Tab", "Enter"):wait_for_screen("apple    apricot", "> x apricot(", "[x apricot(]", ">")
  end)

  it("lists nothing for a letter between two Tabs, and does nothing where nothing fits", function()
    local t <close> = start()
    t:text("ap"):keys("Tab"):text("x"):keys("BSpace", "Tab"):text("y"):keys("Tab", "Tab", "Tab")
    t:wait_for_screen("> apy")
  end)

  it("lists no more than the screen holds", function()
    local t <close> = start(nil, { columns = 40, rows = 10 })
    t:text("!local w = {} for i = 1, 100 do w[i] = ('word%03d'):format(i) end words_are(table.unpack(w))")
    t:keys("Enter"):wait_for("\n>")
    t:keys("C-l"):text("wo"):keys("Tab"):wait_for("> word")
    t:keys("Tab"):wait_for("… of 100")
    t:wait_for("\n> word")
    expect.match(t:screen(), "^word001")
  end)

  it("lists above an entry of several lines", function()
    local t <close> = start()
    t:text("begin"):keys("Enter"):text("ap"):keys("Tab", "Tab"):wait_for_screen("apple    apricot", "> begin", "ap")
  end)

  it("survives an error in the program", function()
    local t <close> = start()
    t:text("!on_tab = function() error 'no' end"):keys("Enter"):wait_for("\n>")
    t:text("ap"):keys("Tab", "Tab"):text("!"):keys("Enter"):wait_for("[ap!]")
  end)
end)

describe("a hint", function()
  it("stands dim below the entry, and is gone when that ends", function()
    local t <close> = start()
    t:text("hint me"):wait_for_screen("> hint me", "about hint me")
    t:wait_for_cursor(9, 0)
    expect.contains(t:screen(true), "\27[2mabout hint me")
    t:keys("Left", "BSpace"):wait_for_screen("> hint e", "about hint e")
    t:keys("Enter"):wait_for_screen("> hint e", "[hint e]", ">")
    t:text("hint me"):keys("C-c"):wait_for_screen("> hint e", "[hint e]", "> hint me", "given up", ">")
  end)

  it("is cut at the edge of the screen", function()
    local t <close> = start(nil, { columns = 24, rows = 8 })
    t:text("hint 漢漢漢漢漢漢"):wait_for_screen("> hint 漢漢漢漢漢漢", "about hint 漢漢漢漢漢漢")
    t:text("漢漢"):wait_for_screen("> hint 漢漢漢漢漢漢漢漢", "about hint 漢漢漢漢漢漢")
    t:text("x"):wait_for_screen("> hint 漢漢漢漢漢漢漢漢x", "", "about hint 漢漢漢漢漢漢")
  end)

  it("has room on the last row", function()
    local t <close> = start(nil, { columns = 40, rows = 4 })
    t:text("a"):keys("Enter"):text("b"):keys("Enter"):wait_for_screen("[a]", "> b", "[b]", ">")
    t:text("hint"):wait_for("> hint")
    t:text(" x"):wait_for_screen("> b", "[b]", "> hint x", "about hint x")
    t:keys("C-u"):wait_for_screen("> b", "[b]", ">")
  end)
end)

describe("a paste", function()
  it("of many lines is one entry, and nothing of it is run", function()
    local t <close> = start()
    t:paste("one\n\ttwo\nap\t\nend"):wait_for_screen("> one", "        two", "ap", "end")
    t:keys("Enter"):wait_for("[one|   two|ap  |end]\n>")
  end)

  it("comes to stand where the cursor is", function()
    local t <close> = start()
    t:text("ab"):keys("Left"):paste("1\n2"):wait_for_screen("> a1", "2b")
    t:wait_for_cursor(1, 1)
  end)

  it("may have its lines ended in any way", function()
    local t <close> = start()
    t:text("\27[200~1\r\n2\n3\r4\27[201~"):keys("Enter"):wait_for("[1|2|3|4]")
  end)

  it("of 2,000 lines is one entry, at once", function()
    local t <close> = start()
    local lines = { "!local text = [==[" }
    for i = 1, 2000 do lines[#lines + 1] = ("line %d of many, with some more words"):format(i) end
    lines[#lines + 1] = "]==] print(select(2, text:gsub('\\n', '')) .. ' lines')"
    local started = process.now()
    t:paste(table.concat(lines, "\n")):wait_for("line 2000 of many")
    t:keys("Up", "Home", "Enter"):wait_for("\n2000 lines\n>")
    expect.truthy(process.now() - started < 10)
    t:keys("Up"):wait_for("line 2000 of many")
    t:keys("Home", "Home", "C-c"):wait_for("given up\n>")
  end)

  it("holds no control characters", function()
    local t <close> = start()
    t:paste("a\4\1\27[Ab"):keys("Enter"):wait_for("[a[Ab]")
  end)

  it("without marks, many lines typed at once, is one entry each", function()
    local t <close> = start()
    t:text("one\rtwo\rthree\r"):wait_for("[one]")
    t:wait_for("[three]\n>")
    expect.contains(t:screen(), "> two\n[two]\n> three\n[three]")
  end)
end)

describe("the history", function()
  local function typed(t, ...)
    for _, entry in ipairs { ... } do t:text(entry):keys("Enter"):wait_for("[" .. entry .. "]\n>") end
    t:keys("C-l"):wait_for_screen(">")
  end

  it("goes through all entries, and back to the one that was begun", function()
    local t <close> = start()
    typed(t, "one", "two", "two", "three")
    t:keys("Up"):wait_for_screen("> three")
    t:keys("Up", "Up"):wait_for_screen("> one")
    t:keys("Up", "C-p", "Down"):wait_for_screen("> two")
    t:keys("C-n", "Down"):wait_for_screen(">")
    t:keys("Down"):text("new"):wait_for_screen("> new")
  end)

  it("goes through those with the same beginning, whatever characters it has", function()
    local t <close> = start()
    typed(t, "f(1)", "g(1)", "f[2]", "say f(3)")
    t:text("f("):keys("Up"):wait_for_screen("> f(1)")
    t:keys("Up", "Up", "Down"):wait_for_screen("> f(")
    t:keys("C-u"):text("f["):keys("Up"):wait_for_screen("> f[2]")
  end)

  it("gives entries of several lines whole, and long ones", function()
    local t <close> = start()
    t:text("begin"):keys("Enter"):text(" x"):keys("Enter"):text("end"):keys("Enter"):wait_for("end]\n>")
    local long = ("0123456789"):rep(150)
    t:text(long):keys("Enter"):wait_for("9]\n>")
    t:keys("C-l"):keys("Up", "Up"):wait_for_screen("> begin", " x", "end")
    t:keys("Down", "Enter"):wait_for("9]\n>")
    expect.equal(select(2, t:history():gsub("%[" .. long .. "%]", "")), 2)
  end)

  it("is searched with Ctrl-R", function()
    local t <close> = start()
    typed(t, "alpha one", "beta", "alpha two", "a.*o")
    t:text("draft"):keys("C-r"):wait_for_screen("search: draft")
    t:text("alp"):wait_for_screen("search 'alp': alpha two")
    t:keys("C-r"):wait_for_screen("search 'alp': alpha one")
    t:text("x"):wait_for_screen("nothing has 'alpx': alpha one")
    t:keys("BSpace", "BSpace"):wait_for_screen("search 'al': alpha two")
    t:keys("C-g"):wait_for_screen("> draft")
    t:keys("C-r"):text(".*"):wait_for_screen("search '.*': a.*o")
    t:keys("End"):text("!"):wait_for_screen("> a.*o!")
    t:keys("C-c", "C-r"):text("bet"):keys("Enter"):wait_for("> beta\n[beta]\n>")
    t:keys("C-r"):text("alp"):keys("C-c"):wait_for("given up\n>")
    t:text("é"):keys("Enter", "C-r"):text("é"):wait_for("search 'é': é")
  end)

  it("outlives the program in a file for the user alone, without what is not to be kept", function()
    local file = process.directory() .. "/history"
    local settings = "TRY_HISTORY=" .. file
    local first <close> = start(settings)
    first:text("begin"):keys("Enter"):text("\tx \\ é😀"):keys("BSpace"):text("end"):keys("Enter"):wait_for("end]\n>")
    first:text("a secret"):keys("Enter"):text("last"):keys("Enter"):wait_for("[last]\n>")
    first:keys("C-d"):wait()
    expect.equal(process.first_line("stat -c %a " .. file), "600")
    expect.falsy(process.read(file):find("secret", 1, true))
    local second <close> = start(settings)
    second:keys("Up"):wait_for_screen("> last")
    second:keys("Up"):wait_for_screen("> begin", "x \\ éend")
    second:keys("Up", "Enter"):wait_for("[begin|x \\ éend]")
  end)

  it("is shared by two programs at once", function()
    local file = process.directory() .. "/history"
    local settings = "TRY_HISTORY=" .. file
    local first <close> = start(settings)
    local second <close> = start(settings)
    first:text("of the first"):keys("Enter"):wait_for("[of the first]")
    second:text("of the second"):keys("Enter"):wait_for("[of the second]")
    first:text("again"):keys("Enter"):wait_for("[again]")
    local third <close> = start(settings)
    third:keys("Up", "Up"):wait_for_screen("> of the second")
    third:keys("Up"):wait_for_screen("> of the first")
  end)
end)

describe("while an entry is read", function()
  it("other tasks run, and what they print stands above it", function()
    local t <close> = start()
    t:text("!anyreach.spawn(function() anyreach.sleep(0.5) editor:print('from\\nbehind') end)"):keys("Enter")
    t:keys("C-l"):text("begin"):keys("Enter"):text("hint"):keys("Up", "Left")
    t:wait_for_screen("from", "behind", "> begin", "hint")
    t:wait_for_cursor(5, 2)
    t:text("-"):wait_for_screen("from", "behind", "> beg-in", "hint")
  end)

  it("a burst of prints does not garble it", function()
    local t <close> = start(nil, { columns = 40, rows = 10 })
    t:text("!anyreach.spawn(function() anyreach.sleep(0.5) for i = 1, 500 do editor:print('print ' .. i) "
      .. "if i % 100 == 0 then anyreach.sleep(0.01) end end end)"):keys("Enter")
    t:text("hint of a long line that has two rows")
    t:wait_for("print 500\n> hint of a long line that has two rows\nabout hint of a long line that has two")
    t:keys("Enter"):wait_for("[hint of a long line that has two rows]")
    local history = t:history()
    local count = 0
    for number in history:gmatch("%f[^\n]print (%d+)%f[\n]") do
      count = count + 1
      expect.equal(tonumber(number), count)
    end
    expect.equal(count, 500)
  end)

  it("a change of the screen's size draws it anew at once", function()
    local t <close> = start(nil, { columns = 30, rows = 10 })
    t:text("first"):keys("Enter"):wait_for("[first]\n>")
    t:text(("0123456789"):rep(5)):keys("Left")
    t:wait_for_screen("> first", "[first]", "> 0123456789012345678901234567", "8901234567890123456789")
    local function has(...)
      local expected = table.concat({ "ready", ">", ... }, "\n") -- which Ctrl-L has moved out of sight
      t:wait_until(expected, function() return t:tmux("capture-pane -p -S -"):gsub("\n+$", "") == expected end)
    end
    t:resize(20, 10)
    has("> first", "[first]", "> 012345678901234567", "89012345678901234567", "890123456789")
    t:text("x"):wait_for("\n89012345678x9")
    t:resize(60, 10)
    has("> first", "[first]", "> " .. ("0123456789"):rep(4) .. "012345678x9")
    t:keys("Enter"):wait_for("012345678x9]\n>")
  end)

  it("a change of the size is seen without a hint or a key being garbled", function()
    local t <close> = start(nil, { columns = 60, rows = 10 })
    t:text("hint of some length"):wait_for("about hint of some length")
    t:resize(30, 8)
    t:wait_for_screen("> hint of some length", "about hint of some length")
    t:resize(60, 12)
    t:text("!"):wait_for_screen("> hint of some length!", "about hint of some length!")
  end)
end)

describe("the terminal", function()
  local function modes_of(t, name)
    local file = t.modes .. "/" .. name
    return t:wait_until("the modes " .. name, function()
      return (process.read(file) or ""):match("^(.-)\n")
    end)
  end

  -- The program inside a shell that notes the terminal's modes before and after it.
  local function start_in_shell()
    local modes = process.directory()
    local t = terminal.start(process.quote("sh") .. " -c " .. process.quote(([[
      trap : INT QUIT; ulimit -c 0
      stty -g >%s/before; %s; code=$?; stty -g >%s/after; echo "code $code"; trap '' INT; sleep 1000]]):format(
        modes, process.anyreach(program_file), modes)))
    t.modes = modes
    t:wait_for("ready\n>")
    return t
  end

  local function program_in(t)
    return process.first_line("pgrep -P " .. t:pid())
  end

  local function expect_restored(t, code)
    expect.equal(modes_of(t, "after"), modes_of(t, "before"))
    t:wait_for("code " .. code)
    t:paste("pasted"):wait_for("pasted")
    expect.falsy(t:history():find("200~", 1, true))
  end

  it("is what it was after the end of input", function()
    local t <close> = start_in_shell()
    t:keys("C-d")
    expect_restored(t, 0)
  end)

  it("is what it was after SIGTERM", function()
    local t <close> = start_in_shell()
    t:text("half an entry")
    os.execute("kill -TERM " .. program_in(t))
    expect_restored(t, 130)
  end)

  it("is what it was after os.exit, from a task while an entry is read", function()
    local t <close> = start_in_shell()
    t:text("!anyreach.spawn(function() anyreach.sleep(0.05) os.exit(7) end)"):keys("Enter")
    expect_restored(t, 7)
  end)

  it("is what it was after an error", function()
    local t <close> = start_in_shell()
    t:text("!error('wrong', 0)"):keys("Enter"):wait_for("wrong")
    expect_restored(t, 1)
  end)

  it("is what it was after a second Ctrl-C, when nothing else helps", function()
    local t <close> = start_in_shell()
    t:text("!on_tab = function() print 'stuck' ;(('a'):rep(100000)):find('.-.-.-.-b') end"):keys("Enter")
    t:keys("Tab"):wait_for("stuck")
    t:wait_until("the end of the program", function()
      t:keys("C-c")
      return t:screen():find("code", 1, true)
    end)
    expect_restored(t, 130)
  end)

  it("is what it was after Ctrl-\\", function()
    local t <close> = start_in_shell()
    t:keys("C-\\")
    expect_restored(t, 131)
  end)

  it("is the shell's after Ctrl-Z, and the entry is there again after fg", function()
    local t <close> = terminal.start("PS1='$ ' ENV= sh -i")
    t:wait_for("$")
    t:text("clear; " .. process.anyreach(program_file)):keys("Enter"):wait_for("ready\n>")
    t:text("begin"):keys("Enter"):text("hint of it"):keys("Up")
    t:wait_for_cursor(7, 1)
    t:keys("C-z"):wait_for("\n$")
    t:text("stty -a | grep -o -- '-*icanon'"):keys("Enter"):wait_for("\nicanon")
    t:text("fg"):keys("Enter"):wait_until("the entry to be drawn again", function()
      return t:screen():match("fg\n.+\n> begin\nhint of it$")
    end)
    t:text("!"):keys("Down", "End"):text(" end"):keys("Enter"):wait_for("[begin!|hint of it end]")
  end)

  it("is no hindrance to a signal that ends the program while it is stopped", function()
    local t <close> = terminal.start("PS1='$ ' ENV= sh -i")
    t:wait_for("$")
    t:text("clear; " .. process.anyreach(program_file)):keys("Enter"):wait_for("ready\n>")
    t:keys("C-z"):wait_for("\n$")
    t:text("clear; kill %1; fg; echo $?"):keys("Enter")
    t:wait_until("the program to be gone", function() return t:screen():match("\n143\n%$$") end)
  end)

  it("ends the program when it is hung up, also one that does not hear the signal", function()
    local t = terminal.start("sh -c " .. process.quote("trap '' HUP; exec " .. process.anyreach(program_file)))
    t:wait_for("ready\n>")
    local pid = t:pid()
    t:text("half an entry"):wait_for("half an entry")
    t:stop()
    process.eventually("the program to end", function()
      return not os.execute(("kill -0 %d 2>/dev/null"):format(pid))
    end, 10)
  end)
end)
