-- What --trace, --stats, --har and --record show of the requests that were made, and --replay, which answers
-- them. C notes every attempt and hands the notes over afterwards (src/lua/observer.c); each option is one
-- consumer of them. The program calls start() before the script and finish() after it.

local answerer = require "anyreach.answerer"
local host = require "anyreach.host"
local observer = require "anyreach.observer"

local observing = {}

---@class anyreach.observing.note what C noted of one attempt of a request
---@field method string
---@field url string as it was sent: not fit to be shown
---@field presigned boolean its query is a credential
---@field attempt integer from 1
---@field is_repeated boolean another attempt follows
---@field is_abandoned boolean not an attempt, but the end of a request that waited to be sent again
---@field status? integer
---@field failure? string why there is no answer: "network", "timeout", "tls", "answer", "memory" or "cancelled"
---@field message? string the same in words
---@field started number seconds since 1970
---@field elapsed number seconds of this attempt; resolved, connected, secured, ready and first_byte are within
---@field total number seconds since the first attempt began
---@field bytes_out integer
---@field bytes_in integer
---@field connections integer opened for it
---@field tls? string the protocol of a connection that was opened, "TLSv1.3"
---@field certificate_ends? string when the server's certificate expires, as the TLS library writes it
---@field request? table {headers, headers_length, length, body}, when a consumer wants contents
---@field response? table {status_line, headers, headers_length, body}, likewise

---@class anyreach.observing.consumer
---@field wants_contents? boolean
---@field take fun(note: anyreach.observing.note)
---@field finish? fun(): string? gives a message when it failed

local consumers = {}

local function add(name, module)
  local value = host.options[name]
  if value ~= nil then consumers[#consumers + 1] = require(module).new(value) end
end

local function take(note)
  for _, consumer in ipairs(consumers) do consumer.take(note) end
end

local function observe()
  local wants_contents = false
  for _, consumer in ipairs(consumers) do wants_contents = wants_contents or consumer.wants_contents end
  observer.start(take, wants_contents)
end

-- A script that calls os.exit ends the program there and then.
local function finish_before_exit()
  local exit = os.exit
  os.exit = function(...) -- luacheck: ignore 122
    observing.finish()
    exit(...)
  end
end

--- Starts what the command line asks for. Clients that are made afterwards are observed.
function observing.start()
  add("trace", "anyreach.observe.trace")
  add("har", "anyreach.observe.har")
  add("record", "anyreach.observe.record")
  add("stats", "anyreach.observe.stats")
  if host.options.replay then answerer.install(require("anyreach.observe.replay").answer) end
  if #consumers > 0 then observe() end
  finish_before_exit()
end

local function is_known(consumer)
  for _, known in ipairs(consumers) do
    if known == consumer then return true end
  end
  return false
end

--- Adds a consumer, for clients that are made afterwards. Call it again when the consumer's wants_contents has
--- changed.
---@param consumer anyreach.observing.consumer
function observing.watch(consumer)
  if not is_known(consumer) then consumers[#consumers + 1] = consumer end
  observe()
end

--- Ends all consumers, which write what they write at the end.
---@return boolean ok false when one of them failed; its message is on stderr
function observing.finish()
  local ok = true
  observer.flush()
  for _, consumer in ipairs(consumers) do
    local problem = consumer.finish and consumer.finish()
    if problem then
      io.stderr:write("anyreach: ", problem, "\n")
      ok = false
    end
  end
  consumers = {}
  return ok
end

return observing
