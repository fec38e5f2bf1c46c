-- While an entry is typed, what other tasks write goes above it, so that the line stays whole. It goes there
-- by whole lines; what has no end of line yet waits for it, or for the entry's end.

local output = {}

local function texts_of(...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  return texts
end

-- What is replaced, to be put back.
local function replacing(file_methods)
  local write_file, write, print_plainly = file_methods.write, io.write, print
  return setmetatable({}, {
    __close = function()
      file_methods.write, io.write, _G.print = write_file, write, print_plainly -- luacheck: ignore 122
    end,
  }), write_file, print_plainly
end

-- Writes to the editor by whole lines. Returns also what writes the rest, when no entry is typed any more.
local function line_writer(editor, write_file)
  local pending = ""
  local function write_above(text)
    local lines, rest = (pending .. text):match "^(.*\n)(.-)$"
    pending = rest or pending .. text
    if lines then editor:print(lines) end
  end
  local function write_pending()
    local text = pending
    pending = ""
    if text ~= "" then write_file(io.stdout, text) end
  end
  return write_above, write_pending
end

--- Lets print, io.write, io.stdout and io.stderr write above the line of an editor, until what is returned is
--- closed.
---@param editor table as anyreach.terminal has it
---@return table
function output.redirect(editor)
  local file_methods = getmetatable(io.stdout).__index
  local redirection, write_file, print_plainly = replacing(file_methods)
  local write_above, write_pending = line_writer(editor, write_file)

  function file_methods.write(file, ...)
    if file ~= io.stdout and file ~= io.stderr then return write_file(file, ...) end
    if not editor:is_reading() then
      write_pending()
      return write_file(file, ...)
    end
    write_above(table.concat { ... })
    return file
  end
  function io.write(...) -- luacheck: ignore 122
    return io.output():write(...)
  end
  function _G.print(...)
    if editor:is_reading() then return write_above(table.concat(texts_of(...), "\t") .. "\n") end
    write_pending()
    print_plainly(...)
  end
  return redirection
end

return output
