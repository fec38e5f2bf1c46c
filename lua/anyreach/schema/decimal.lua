-- Exact arithmetic on the numbers of JSON, which may be integers, doubles, or number objects beyond
-- both: comparing, and whether one is a multiple of the other. A double counts as the decimal number
-- that it is written as, so that 0.3 is a multiple of 0.1. Pure.

local json = require "anyreach.json"

local decimal = {}

local DIVISOR_DIGITS = 17 -- ten times as many still fit an integer
local EXPONENT_MAX = math.tointeger(1e15)
local SHIFT_MAX = 60 -- no integer has more factors of 2

local function exponent_of(text)
  if text == "" then return 0 end
  local exponent = math.tointeger(tonumber(text))
  if exponent and math.abs(exponent) <= EXPONENT_MAX then return exponent end
  return text:sub(1, 1) == "-" and -EXPONENT_MAX or EXPONENT_MAX
end

---@class anyreach.decimal sign * digits * 10^exponent; digits without zeros at either end, "" for 0
---@field sign integer
---@field digits string
---@field exponent integer

local ZERO = { sign = 1, digits = "", exponent = 0 }

local function text_of(number)
  if math.type(number) == "float" then return json.encode(number) end
  return tostring(number)
end

--- Reads a number.
---@param number number|userdata
---@return anyreach.decimal|nil nil for what is no number, such as NaN
local function parse(number)
  if number ~= number or number == math.huge or number == -math.huge then return nil end
  local sign, whole, rest = text_of(number):match("^(-?)(%d+)(.*)$")
  if not whole then return nil end
  local fraction = rest:match("^%.(%d+)") or ""
  local digits, exponent = whole .. fraction, exponent_of(rest:match("[eE]%+?(.*)$") or "") - #fraction
  digits = digits:gsub("^0+", "")
  local stripped = digits:gsub("0+$", "")
  if stripped == "" then return ZERO end
  return { sign = sign == "-" and -1 or 1, digits = stripped, exponent = exponent + #digits - #stripped }
end

local function compare_magnitudes(a, b)
  local a_size, b_size = #a.digits + a.exponent, #b.digits + b.exponent
  if a.digits == "" or b.digits == "" then return #a.digits - #b.digits end
  if a_size ~= b_size then return a_size - b_size end
  if a.digits == b.digits then return 0 end
  return a.digits < b.digits and -1 or 1 -- without zeros at the end, text order is number order
end

--- Compares two numbers: negative, zero or positive as in a - b.
---@param a number|userdata
---@param b number|userdata
---@return number
function decimal.compare(a, b)
  if type(a) == "number" and type(b) == "number" then return a < b and -1 or a > b and 1 or 0 end
  a, b = parse(a) or ZERO, parse(b) or ZERO
  if a.sign ~= b.sign and (a.digits ~= "" or b.digits ~= "") then return a.sign end
  return a.sign * compare_magnitudes(a, b)
end

--- Whether a number has no fraction, however it is written.
---@param number number|userdata
---@return boolean
function decimal.is_integer(number)
  if type(number) == "number" then
    return math.type(number) == "integer" or (number % 1 == 0 and math.abs(number) ~= math.huge)
  end
  local parsed = parse(number)
  return parsed ~= nil and parsed.exponent >= 0
end

--- The number as text that is the same for equal numbers.
---@param number number|userdata
---@return string
function decimal.key(number)
  local integer = type(number) == "number" and math.tointeger(number)
  if integer then return tostring(integer) end
  local parsed = parse(number)
  if not parsed then return tostring(number) end
  if parsed.digits == "" then return "0" end
  return ("%d:%se%d"):format(parsed.sign, parsed.digits, parsed.exponent)
end

-- The remainder of digits * 10^shift.
local function remainder(digits, shift, divisor)
  local rest = 0
  for digit in digits:gmatch("%d") do rest = (rest * 10 + tonumber(digit)) % divisor end
  for _ = 1, shift do rest = rest * 10 % divisor end
  return rest
end

local function without_factor(number, factor)
  while number % factor == 0 do number = number // factor end
  return number
end

--- Whether a number is an integer times another. Divisors of more than 17 digits count as doubles.
---@param number number|userdata
---@param divisor number|userdata more than 0
---@return boolean
function decimal.is_multiple(number, divisor)
  if math.type(number) == "integer" and math.type(divisor) == "integer" then return number % divisor == 0 end
  local a, b = parse(number), parse(divisor)
  if not a or not b then return false end
  if a.digits == "" then return true end
  if #b.digits > DIVISOR_DIGITS then
    return (tonumber(text_of(number)) / tonumber(text_of(divisor))) % 1 == 0
  end
  local shift, by = a.exponent - b.exponent, math.tointeger(tonumber(b.digits))
  if shift < 0 then return false end
  if shift > SHIFT_MAX then shift, by = 0, without_factor(without_factor(by, 2), 5) end
  return remainder(a.digits, shift, by) == 0
end

return decimal
