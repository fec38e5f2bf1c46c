-- --trace: one line on stderr for each request; with --trace=full what was sent and received, too, for
-- every attempt.

local printable_lines = require("anyreach.printable").lines
local redaction = require "anyreach.text.redaction"

local trace = {}

local MOST_SHOWN = 256 * 1024 -- bytes of a body

local function target(note)
  local url = redaction.url(note.url, note.presigned)
  return note.presigned and url or url:match "^%a+://[^/]+(/.*)$" or url
end

local function ending(note)
  if note.is_repeated then return (", attempt %d, to be sent again"):format(note.attempt) end
  return note.attempt > 1 and (", %d attempts"):format(note.attempt) or ""
end

--- The line that stands for a request: "GET /core/agents 200 12.3 ms, 3 attempts".
---@param note anyreach.observing.note
---@return string
function trace.line(note)
  local outcome = note.failure and note.failure .. ": " .. note.message or note.status
  local seconds = note.is_repeated and note.elapsed or note.total
  return redaction.printable(("%s %s %s %.1f ms%s"):format(note.method, target(note), outcome, seconds * 1000,
    ending(note)))
end

local function add_lines(lines, mark, text)
  lines[#lines + 1] = printable_lines(text, mark)
end

-- Not more of a text than is shown, and no half of a character at its end.
local function beginning(text)
  if #text <= MOST_SHOWN then return text end
  return (text:sub(1, MOST_SHOWN):gsub("[\xC2-\xF4][\x80-\xBF]*$", ""))
end

local function add_body(lines, mark, body, headers, note)
  if body == "" then return end
  local content_type = redaction.find_header(headers, "content-type")
  local text = not note.presigned and redaction.body(body, content_type, 2)
  lines[#lines + 1] = mark
  if not text then
    add_lines(lines, mark, ("[%d bytes of %s]"):format(#body, redaction.text(content_type or "something")))
    return
  end
  local shown = beginning(text)
  add_lines(lines, mark, shown)
  if #shown < #text then add_lines(lines, mark, ("[%d bytes more]"):format(#text - #shown)) end
end

local function add_message(lines, mark, first, message, note)
  add_lines(lines, mark, redaction.text(first))
  for _, header in ipairs(message.headers) do
    add_lines(lines, mark, redaction.text(header.name) .. ": " .. redaction.header(header))
  end
  add_body(lines, mark, message.body, message.headers, note)
end

--- All of an attempt, with the line at its end.
---@param note anyreach.observing.note
---@return string
function trace.full(note)
  local lines = {}
  add_message(lines, ">", note.method .. " " .. target(note), note.request, note)
  if note.response.status_line ~= "" then
    add_message(lines, "<", note.response.status_line, note.response, note)
  end
  lines[#lines + 1] = trace.line(note)
  return table.concat(lines, "\n")
end

--- Makes the consumer for the option's value.
---@param mode string "" or "full"
---@return anyreach.observing.consumer
function trace.new(mode)
  return {
    wants_contents = mode == "full",
    take = function(note)
      if mode == "full" and not note.is_abandoned then
        io.stderr:write(trace.full(note) .. "\n")
      elseif not note.is_repeated then
        io.stderr:write(trace.line(note) .. "\n")
      end
    end,
  }
end

return trace
