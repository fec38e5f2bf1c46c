-- SHA-256 (FIPS 180-4), for keys that the store has to recognise without holding them.

local MASK = 0xFFFFFFFF

local function is_prime(number)
  for divisor = 2, math.floor(math.sqrt(number)) do
    if number % divisor == 0 then return false end
  end
  return true
end

-- The standard's constants: the first 32 bits behind the point of the square roots of the first 8 primes
-- and of the cube roots of the first 64.
local START, ROUNDS = {}, {}
local candidate = 2
while #ROUNDS < 64 do
  if is_prime(candidate) then
    ROUNDS[#ROUNDS + 1] = math.floor(candidate ^ (1 / 3) % 1 * 2 ^ 32)
    if #START < 8 then START[#START + 1] = math.floor(candidate ^ 0.5 % 1 * 2 ^ 32) end
  end
  candidate = candidate + 1
end

local function rotate(word, count)
  return (word >> count | word << 32 - count) & MASK
end

-- The 64 words that a block of 64 bytes is spread over.
local function schedule(text, position)
  local words = { string.unpack(">" .. ("I4"):rep(16), text, position) }
  for index = 17, 64 do
    local early, late = words[index - 15], words[index - 2]
    local early_mix = rotate(early, 7) ~ rotate(early, 18) ~ early >> 3
    local late_mix = rotate(late, 17) ~ rotate(late, 19) ~ late >> 10
    words[index] = words[index - 16] + early_mix + words[index - 7] + late_mix & MASK
  end
  return words
end

-- Works one block into the state of eight words.
local function compress(state, words)
  local a, b, c, d, e, f, g, h = table.unpack(state)
  for index = 1, 64 do
    local choice, majority = e & f ~ ~e & g, a & b ~ a & c ~ b & c
    local first = h + (rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)) + choice + ROUNDS[index] + words[index]
    local second = (rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)) + majority
    a, b, c, d, e, f, g, h = first + second & MASK, a, b, c, d + first & MASK, e, f, g
  end
  for index, word in ipairs { a, b, c, d, e, f, g, h } do state[index] = state[index] + word & MASK end
end

local sha256 = {}

---@param text string
---@return string digest 64 hexadecimal digits
function sha256.hex(text)
  local padding = "\x80" .. ("\0"):rep(-(#text + 9) % 64)
  local padded = text .. padding .. string.pack(">I8", #text * 8)
  local state = table.move(START, 1, 8, 1, {})
  for position = 1, #padded, 64 do compress(state, schedule(padded, position)) end
  return (("%08x"):rep(8)):format(table.unpack(state))
end

return sha256
