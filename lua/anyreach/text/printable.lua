-- Text that others sent, fit for a terminal: control characters but for tab and new line, and those that turn
-- the direction of text, are written as \xNN or \u{NNNN}.

local function escaped(character)
  if character == "\n" or character == "\t" then return nil end
  local code = utf8.codepoint(character)
  return (code < 0x100 and "\\x%02X" or "\\u{%X}"):format(code)
end

---@param text string
---@param is_line? boolean new lines and tabs are escaped, too: what follows them could pass for a line of ours
---@return string
return function(text, is_line)
  if is_line then text = text:gsub("\n", "\\x0A"):gsub("\t", "\\x09") end
  if not text:find("[%c\127\xC2\xE2]") then return text end
  text = text:gsub("[%c\127]", escaped):gsub("\xC2[\x80-\x9F]", escaped)
  return (text:gsub("\xE2\x80[\xAA-\xAE]", escaped):gsub("\xE2\x81[\xA6-\xA9]", escaped))
end
