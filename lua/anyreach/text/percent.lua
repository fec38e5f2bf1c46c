-- Percent-encoding, as URLs and forms have it.

local percent = {}

--- The text with everything but RFC 3986's unreserved characters encoded.
---@param text string
---@return string
function percent.encode(text)
  return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return percent
