-- --trace: one line on stderr for each request; with --trace=full what was sent and received, too, for
-- every attempt.

local redaction = require "anyreach.text.redaction"

local trace = {}

local MOST_SHOWN = 256 * 1024 -- bytes of a body

local function target(record)
  local url = redaction.url(record.url, record.presigned)
  return record.presigned and url or url:match "^%a+://[^/]+(/.*)$" or url
end

local function ending(record)
  if record.is_repeated then return (", attempt %d, to be sent again"):format(record.attempt) end
  return record.attempt > 1 and (", %d attempts"):format(record.attempt) or ""
end

--- The line that stands for a request: "GET /core/agents 200 12.3 ms, 3 attempts".
---@param record anyreach.observing.record
---@return string
function trace.line(record)
  local outcome = record.failure and record.failure .. ": " .. record.message or record.status
  local seconds = record.is_repeated and record.elapsed or record.total
  return redaction.printable(("%s %s %s %.1f ms%s"):format(record.method, target(record), outcome, seconds * 1000,
    ending(record)))
end

local function add_lines(lines, mark, text)
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    lines[#lines + 1] = line == "" and mark or mark .. " " .. redaction.printable(line)
  end
end

local function add_body(lines, mark, body, headers, record)
  if body == "" then return end
  local content_type = redaction.find_header(headers, "content-type")
  local text = not record.presigned and redaction.body(body, content_type)
  lines[#lines + 1] = mark
  if not text then
    add_lines(lines, mark, ("[%d bytes of %s]"):format(#body, content_type or "something"))
  elseif #text > MOST_SHOWN then
    add_lines(lines, mark, text:sub(1, MOST_SHOWN))
    add_lines(lines, mark, ("[%d bytes more]"):format(#text - MOST_SHOWN))
  else
    add_lines(lines, mark, text)
  end
end

local function add_message(lines, mark, first, message, record)
  add_lines(lines, mark, first)
  for _, header in ipairs(message.headers) do
    add_lines(lines, mark, header.name .. ": " .. redaction.header(header))
  end
  add_body(lines, mark, message.body, message.headers, record)
end

--- All of an attempt, with the line at its end.
---@param record anyreach.observing.record
---@return string
function trace.full(record)
  local lines = {}
  add_message(lines, ">", record.method .. " " .. target(record), record.request, record)
  if record.response.status_line ~= "" then
    add_message(lines, "<", record.response.status_line, record.response, record)
  end
  lines[#lines + 1] = trace.line(record)
  return table.concat(lines, "\n")
end

--- Makes the consumer for the option's value.
---@param mode string "" or "full"
---@return anyreach.observing.consumer
function trace.new(mode)
  return {
    wants_contents = mode == "full",
    take = function(record)
      if mode == "full" and not record.is_abandoned then
        io.stderr:write(trace.full(record), "\n")
      elseif not record.is_repeated then
        io.stderr:write(trace.line(record), "\n")
      end
    end,
  }
end

return trace
