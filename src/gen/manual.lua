-- Writes the manual page anyreach(1) to standard output, from what --help and `anyreach help` are made of:
-- options, commands, recipes and topics. Run by `make install`:
--
--   build/anyreach src/gen/manual.lua

local here = arg[0]:match("^(.*/)") or "./"
package.path = here .. "?.lua;" .. package.path

local arguments = require "anyreach.arguments"
local command = require "anyreach.cli.commands"
local host = require "anyreach.host"
local recipe = require "anyreach.recipe"
local roff = require "roff"
local topics = require "anyreach.cli.topics"

local HEAD = [[
.TH ANYREACH 1 "" "anyreach %s" "User commands"
.SH NAME
anyreach \- provision, change and explore Anyreach agents with Lua
.SH SYNOPSIS
.nf
\fBanyreach\fR [\fIOPTIONS\fR] \fISCRIPT.lua\fR [\fIARGUMENTS\fR]
\fBanyreach\fR [\fIOPTIONS\fR] \fB\-e\fR \fICODE\fR [\fIARGUMENTS\fR]
\fBanyreach\fR [\fIOPTIONS\fR] \fBrun\fR \fIRECIPE\fR [\fIARGUMENTS\fR]
\fBanyreach\fR [\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]
.fi
.SH DESCRIPTION
\fBanyreach\fR runs Lua 5.4 scripts against the Anyreach API of voice and chat agents.
Every endpoint is a native function with checked arguments; recipes for provisioning, promotion and migration
come with it, and so does a sandbox, an emulator of the API, against which all of it can be tried offline.
.PP
\fBanyreach help\fR explains commands, recipes, operations and further topics.]]

local function option_term(option)
  local term = (option.letter and "\\fB\\-" .. option.letter .. "\\fR, " or "") .. "\\fB"
    .. roff.line("--" .. option.name) .. "\\fR"
  local value = option.value or option.value_name
  if not value then return term end
  value = "\\fI" .. roff.line(value) .. "\\fR"
  return term .. (option.value_is_optional and "[=" .. value .. "]" or " " .. value)
end

local function option_list(options)
  local parts = {}
  for i, option in ipairs(options) do parts[i] = roff.definition(option_term(option), roff.line(option.help)) end
  return table.concat(parts, "\n")
end

-- A command or recipe, as its declaration tells it.
local function declaration(name, spec)
  local usage = ".RS 4\n" .. roff.line(spec.usage) .. "\n.RE"
  local parts = { ".SS " .. roff.line(name), usage, ".PP\n" .. roff.line(spec.summary) }
  if spec.options and #spec.options > 0 then parts[#parts + 1] = option_list(spec.options) end
  if spec.notes then parts[#parts + 1] = roff.help(spec.notes) end
  if spec.exit_codes then parts[#parts + 1] = roff.help(arguments.exit_codes(spec)) end
  return table.concat(parts, "\n")
end

local function commands()
  local parts = { ".SH COMMANDS" }
  for _, name in ipairs(command.names()) do parts[#parts + 1] = declaration(name, command.get(name).spec) end
  return table.concat(parts, "\n")
end

local function recipes()
  local parts = { ".SH RECIPES", "\\fBanyreach run\\fR \\fIRECIPE\\fR runs one of these." }
  for _, name in ipairs(recipe.names()) do parts[#parts + 1] = declaration(name, recipe.spec(name)) end
  return table.concat(parts, "\n")
end

-- A topic as a section; its own heading gives way to the section's.
local function topic(section, name)
  local blocks = topics.get(name)
  return ".SH " .. section .. "\n" .. roff.markdown(table.move(blocks, 2, #blocks, 1, {}))
end

local page = table.concat({
  HEAD:format(host.version),
  ".SH OPTIONS\n" .. option_list(host.option_rows()),
  commands(),
  recipes(),
  topic("PROFILES", "profiles"),
  topic("ENVIRONMENT", "environment"),
  topic("FILES", "files"),
  topic('"EXIT STATUS"', "exit-codes"),
}, "\n")

-- A heading begins a paragraph by itself.
io.stdout:write((page:gsub("(\n%.S[HS] [^\n]*)\n%.PP\n", "%1\n")), "\n")
