-- Text that may be put into an answer: JSON holds nothing but UTF-8.

local clean_text = {}

---The text with every byte that is not part of UTF-8 replaced by a question mark.
---@param text string
---@return string
function clean_text.utf8(text)
  local parts, start = {}, 1
  while true do
    local length, position = utf8.len(text, start)
    if length then break end
    parts[#parts + 1] = text:sub(start, position - 1)
    start = position + 1
  end
  parts[#parts + 1] = text:sub(start)
  return table.concat(parts, "?")
end

return clean_text
