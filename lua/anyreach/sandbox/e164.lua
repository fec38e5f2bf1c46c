-- Telephone numbers in E.164, such as +15551234567, and the completion of others to that form.

local e164 = {}

local LONGEST = 16 -- a plus and 15 digits

---@param number any
---@return boolean
function e164.is_valid(number)
  return type(number) == "string" and #number <= LONGEST and number:find("^%+[1-9]%d+$") ~= nil
end

---Drops what people put between digits, and puts the country's calling code before a number that
---begins without a plus; leading zeros of such a number are dropped (our choice).
---@param number string
---@param calling_code string? digits
---@return string? number in E.164; nil when it cannot be made one
function e164.complete(number, calling_code)
  local plain = number:gsub("[%s().%-]", "")
  if calling_code and plain:find("^%d") then plain = "+" .. calling_code .. plain:gsub("^0+", "") end
  return e164.is_valid(plain) and plain or nil
end

return e164
