-- How far long work has come: on a terminal a line on stderr that is drawn anew, from one second on;
-- elsewhere a plain line every ten seconds; nothing with --quiet or --json. Lines of results go through
-- progress.print(), so that they do not mix with it.
--
--   local shown <close> = progress.start { label = "provisioning", total = #agents }
--   for _, agent in ipairs(agents) do work(agent) shown:step() end

local core = require "anyreach.client_core"
local host = require "anyreach.host"
local text_width = require "anyreach.text_width"

local progress = {}

local FIRST_SECONDS = 1 -- on a terminal
local REDRAW_SECONDS = 0.2
local PLAIN_SECONDS = 10
local ERASE_LINE = "\r\27[K"
local DEFAULT_WIDTH = 80 -- columns
local HOUR, MINUTE = 3600, 60 -- seconds

local running = {} -- what was started and not finished; the newest is shown
local is_drawn = false -- the line is on the terminal now

-- {====== text ======

local function duration(seconds)
  seconds = math.ceil(seconds)
  if seconds < 100 then return seconds .. " s" end
  if seconds < HOUR then return ("%d min %d s"):format(seconds // MINUTE, seconds % MINUTE) end
  return ("%d h %d min"):format(seconds // HOUR, seconds % HOUR // MINUTE)
end

local function rate_text(rate)
  return rate >= 10 and ("%.0f/s"):format(rate) or rate >= 0.1 and ("%.1f/s"):format(rate)
    or ("%.1f/min"):format(rate * MINUTE)
end

local function requests_text(rate)
  return rate >= 1 and ("%.1f requests/s"):format(rate) or ("%.1f requests/min"):format(rate * MINUTE)
end

--- How far it is, as text: "provisioning: 40 of 500, 8%, 20/s, 23 s left".
---@param state {label: string, done: integer, total?: integer, seconds: number, limit?: number} limit: requests a
--- second, at which a server holds requests back
---@return string
function progress.text(state)
  local parts = {}
  if state.total then
    parts[1] = ("%d of %d"):format(state.done, state.total)
    if state.total > 0 then parts[2] = ("%d%%"):format(state.done * 100 // state.total) end
  else
    parts[1] = tostring(state.done)
  end
  local rate = state.seconds > 0 and state.done / state.seconds or 0
  if rate > 0 then parts[#parts + 1] = rate_text(rate) end
  if rate > 0 and state.total and state.done < state.total then
    parts[#parts + 1] = duration((state.total - state.done) / rate) .. " left"
  end
  if state.limit then parts[#parts + 1] = ("at the server's limit of %s"):format(requests_text(state.limit)) end
  return state.label .. ": " .. table.concat(parts, ", ")
end

-- }======

-- {====== the line ======

local function can_draw()
  return host.is_terminal "stderr" and os.getenv "TERM" ~= "dumb"
end

local function is_silent()
  return host.options.quiet == true or host.options.json == true
end

-- The lowest of the limits that hold requests back now.
local function felt_limit()
  local lowest
  for _, limit in ipairs(core.limits()) do
    if limit.is_felt then lowest = math.min(lowest or limit.rate, limit.rate) end
  end
  return lowest
end

local function text_of(self)
  return progress.text { label = self.label, done = self.done, total = self.total,
    seconds = host.clock() - self.started, limit = felt_limit() }
end

-- The last column stays free: some terminals go on to the next line when it is written.
local function cut(text)
  return text_width.cut(text, (host.terminal_size "stderr" or DEFAULT_WIDTH) - 1)
end

local function draw()
  local self = running[#running]
  if not self or not self.draws or host.clock() - self.started < FIRST_SECONDS then return end
  io.stderr:write(ERASE_LINE, cut(text_of(self)))
  is_drawn = true
end

--- Takes the line away, for whoever is about to write to the terminal. It comes back by itself.
function progress.hide()
  if not is_drawn then return end
  io.stderr:write(ERASE_LINE)
  is_drawn = false
end

-- Runs beside the work, which may take its time for one step. Nothing waits for it.
local function keep_drawing()
  while running[1] do
    host.sleep(REDRAW_SECONDS)
    draw()
  end
end

local function keep_printing(self)
  while not self.is_over do
    host.sleep(PLAIN_SECONDS)
    if not self.is_over and running[#running] == self then
      io.stderr:write(text_of(self), "\n")
      self.has_printed = true
    end
  end
end

-- }======

---@class anyreach.progress
---@field label string
---@field total integer|nil
---@field done integer
local Progress = {}
Progress.__index = Progress

--- One more is done, or `count` more.
---@param count? integer
function Progress:step(count)
  self.done = self.done + (count or 1)
end

--- It is over. More than once does no harm; a variable with <close> does it, too.
function Progress:finish()
  if self.is_over then return end
  self.is_over = true
  for i = #running, 1, -1 do
    if running[i] == self then table.remove(running, i) end
  end
  self.task:cancel()
  progress.hide()
  if self.has_printed then io.stderr:write(text_of(self), "\n") end
end

Progress.__close = Progress.finish

-- Where nothing is shown.
local function nothing() end
local Silent = { step = nothing, finish = nothing, __close = nothing }
Silent.__index = Silent

--- Starts showing how far some work is.
---@param work {label: string, total?: integer} without a total no remaining time is shown
---@return anyreach.progress
function progress.start(work)
  if is_silent() then return setmetatable({}, Silent) end
  local self = setmetatable({
    label = work.label,
    total = work.total,
    done = 0,
    started = host.clock(),
    draws = can_draw(),
  }, Progress)
  running[#running + 1] = self
  self.task = host.background(self.draws and keep_drawing or keep_printing, self)
  return self
end

--- Prints a line of results to stdout, above the line of progress.
---@param text string without a line break at its end
function progress.print(text)
  progress.hide()
  io.stdout:write(text, "\n")
  io.stdout:flush()
  draw()
end

return progress
