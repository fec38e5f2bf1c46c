-- What is at the end of a piece of Lua source: what is being typed there, and in which calls and
-- tables. One pass over the tokens keeps two things up to date:
--
--   the chain    the expression that the tokens so far end with, as steps: `api.agents["x"]:f()` is
--                name api, field agents, field x, method f, call; nil when they end with none
--   the frames   what is open: brackets, and blocks that end with `end` or `until`, outermost first
--
-- Nothing is evaluated: text in, tables out.

local lexer = require "anyreach.repl.lexer"

local context = {}

---@class anyreach.repl.step
---@field kind "name"|"field"|"method"|"call"|"unknown" a chain begins with a name; what an index is may be unknown
---@field name? string|integer

---@class anyreach.repl.frame
---@field open "("|"{"|"["|"block"
---@field callee? anyreach.repl.step[] what the bracket calls, or "[" looks into
---@field position integer of an argument or element, from 1
---@field field? string|integer of a table: whose value is being typed
---@field given table<string, boolean> of a table: the fields that it has so far
---@field at_start boolean nothing is between the opening or the last separator and the end
---@field constant? string|integer the contents of "[", when that is one constant and nothing else

---@class anyreach.repl.place
---@field frames anyreach.repl.frame[]
---@field chain? anyreach.repl.step[] what precedes the word and its dot or colon
---@field access? "."|":" is between the chain and the word
---@field word? anyreach.repl.token the name, or the open string, that is being typed
---@field locals table<string, boolean> names declared so far
---@field is_blocked boolean nothing can be completed: in a comment or a number

local CLOSES = { [")"] = "(", ["}"] = "{", ["]"] = "[" }
local OPENS_BLOCK = { ["function"] = true, ["do"] = true, ["then"] = true, ["else"] = true, ["repeat"] = true }
local CLOSES_BLOCK = { ["end"] = true, ["until"] = true, ["else"] = true, ["elseif"] = true }

local Pass = {}
Pass.__index = Pass

local function extended(chain, kind, name)
  local longer = table.move(chain, 1, #chain, 1, {})
  longer[#longer + 1] = { kind = kind, name = name }
  return longer
end

-- {====== frames ======

function Pass:frame()
  return self.frames[#self.frames]
end

function Pass:push(open, callee)
  self.frames[#self.frames + 1] = { open = open, callee = callee, position = 1, given = {}, at_start = true }
end

-- Closes the innermost frame of that kind and all within it; nil when there is none.
function Pass:pop(open)
  for i = #self.frames, 1, -1 do
    local frame = self.frames[i]
    if frame.open == open then
      for j = #self.frames, i, -1 do self.frames[j] = nil end
      return frame
    end
  end
end

-- }======

-- {====== tokens ======

function Pass:open_bracket(bracket)
  self:push(bracket, not self.in_head and self.chain or nil)
  self:frame().holds_parameters = self.in_head and bracket == "("
  self.chain, self.in_head = nil, false
end

-- What follows it is the result of a call, or an element; or, in a table, a key has ended.
function Pass:close_bracket(bracket)
  local frame = self:pop(CLOSES[bracket])
  self.chain = nil
  if not frame then return end
  local constant = bracket == "]" and frame.constant or nil
  if not frame.callee then
    self.key = constant
  elseif bracket ~= "]" then
    self.chain = extended(frame.callee, "call")
  else
    self.chain = extended(frame.callee, constant and "field" or "unknown", constant)
  end
end

function Pass:separate()
  local frame = self:frame()
  if frame and frame.open ~= "block" then
    frame.position, frame.field, frame.at_start = frame.position + 1, nil, true
  end
  self.chain = nil
end

function Pass:assign()
  local frame = self:frame()
  if frame and frame.open == "{" and self.key then
    frame.field = self.key
    frame.given[self.key] = true
  end
  self.chain = nil
end

function Pass:take_symbol(text)
  if text == "." or text == ":" then
    self.access = self.chain and text
  elseif text == "(" or text == "{" or text == "[" then
    self:open_bracket(text)
  elseif CLOSES[text] then
    self:close_bracket(text)
  elseif text == "," or text == ";" then
    self:separate()
  elseif text == "=" then
    self:assign()
  else
    self.chain = nil
  end
end

function Pass:take_keyword(word)
  if CLOSES_BLOCK[word] then self:pop("block") end
  if OPENS_BLOCK[word] then self:push("block") end
  self.in_head = word == "function"
  self.chain = nil
end

function Pass:take_name(name, access, is_first)
  if access then
    self.chain = extended(self.chain, access == ":" and "method" or "field", name)
    return
  end
  local frame = self:frame()
  self.chain = { { kind = "name", name = name } }
  self.key = is_first and frame.open == "{" and name or nil
  if self.declares == "next" or frame and frame.holds_parameters then self.locals[name] = true end
end

-- The value of a string without escapes or of a whole number; else nil.
local function constant_of(token)
  return token.text:match "^[\"']([^\\]*)[\"']$" or math.tointeger(tonumber(token.text))
end

function Pass:take_constant(token, is_first)
  local frame = self:frame()
  if self.chain and token.kind == "string" then
    self.chain = extended(self.chain, "call")
    return
  end
  if is_first and frame.open == "[" then frame.constant = constant_of(token) end
  self.chain = nil
end

-- `local a, b` and `for a, b` declare the names after the word and after each comma.
local function declaring(before, token)
  if token.text == "local" or token.text == "for" then return "next" end
  if before == "next" and token.kind == "name" then return "named" end
  return before == "named" and token.text == "," and "next" or nil
end

function Pass:take(token)
  if token.kind == "comment" then return end
  local frame, access = self:frame(), self.access
  local is_first = frame and frame.at_start
  if frame then frame.at_start = false end
  if frame and not is_first and token.text ~= "]" then frame.constant = nil end
  self.access = nil
  if token.kind == "symbol" then
    self:take_symbol(token.text)
  elseif token.kind == "keyword" then
    self:take_keyword(token.text)
  elseif token.kind == "name" then
    self:take_name(token.text, access, is_first)
  else
    self:take_constant(token, is_first)
  end
  self.declares = declaring(self.declares, token)
end

-- }======

local function is_word(token, text)
  return (token.kind == "name" or token.kind == "keyword") and token.last == #text
    or token.kind == "string" and token.is_open
end

local function is_blocked(token, text)
  return token.kind == "comment" and token.is_open or token.kind == "number" and token.last == #text
end

--- The place at the end of a text.
---@param text string
---@return anyreach.repl.place
function context.at_end(text)
  local tokens = lexer.tokens(text)
  local pass = setmetatable({ frames = {}, locals = {} }, Pass)
  local last = tokens[#tokens]
  local word = last and is_word(last, text) and last or nil
  for i = 1, #tokens - (word and 1 or 0) do pass:take(tokens[i]) end
  return {
    frames = pass.frames,
    chain = pass.chain,
    access = pass.access,
    word = word,
    locals = pass.locals,
    is_blocked = last ~= nil and is_blocked(last, text) or false,
  }
end

return context
