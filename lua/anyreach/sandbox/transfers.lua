-- Addresses at which the bytes of a source are sent and fetched, as an object store would give them: the
-- address itself is the permission, for a while. They need no credential, and a request that carries one
-- is refused: a client that leaks its credential to such an address is to be noticed.
-- Stored in "transfers" under the token that the address ends in; the bytes apart, under the source's id.

local refusal = require "anyreach.sandbox.refusal"
local timestamp = require "anyreach.text.timestamp"

local transfers = {}

local MICROSECONDS = 1000000
local KINDS = {
  uploads = { seconds = 3600, methods = { PUT = true, POST = true }, allowed = "PUT, POST" },
  downloads = { seconds = 900, methods = { GET = true }, allowed = "GET" },
}

---Makes an address.
---@param kind "uploads"|"downloads"
---@param source_id string
---@param content_type string what the bytes are sent as
---@return string url
function transfers.open(request, kind, source_id, content_type)
  local store, now = request.store, request.store:now()
  local token = store:new_id():gsub("%-", "")
  store:add("transfers", token, {
    kind = kind,
    source_id = source_id,
    content_type = content_type,
    expires_at = timestamp.format(timestamp.parse(now) + KINDS[kind].seconds * MICROSECONDS),
    created_at = now,
  }, { organization = request.organization })
  return ("%s/_sandbox/%s/%s"):format(request.base_url, kind, token)
end

---Whether a path is one of these addresses.
---@param path string
---@return boolean
function transfers.is_address(path)
  return path:find("^/_sandbox/uploads/") ~= nil or path:find("^/_sandbox/downloads/") ~= nil
end

-- The permission that the address stands for, and its source; 403 when it has expired or never was one.
local function require_permission(store, kind, token)
  local organization = store:owner("transfers", token)
  local transfer = store:get("transfers", organization, token)
  local source = transfer and transfer.kind == kind and store:get("sources", organization, transfer.source_id)
  if not source or transfer.expires_at < store:now() then
    refusal.raise(403, "This address is unknown or has expired.")
  end
  return transfer, source
end

local function check_headers(transfer, kind, headers)
  if headers["authorization"] then
    refusal.raise(400, "This address takes no credential; send the request without Authorization.")
  end
  local content_type = headers["content-type"]
  if kind == "uploads" and content_type and content_type ~= transfer.content_type then
    refusal.raise(403, "Content-Type: expected %s, got %s", transfer.content_type, content_type)
  end
end

local function keep(store, source, bytes)
  store:put_bytes(source.id, bytes)
  source.file_size = #bytes
  store:save("sources", source.id, source)
  return { status = 200, headers = {} }
end

local function give(store, transfer, source)
  local bytes = store:get_bytes(source.id)
  if not bytes then refusal.raise(404, "The bytes of source %s have not arrived.", source.id) end
  return { status = 200, headers = { ["Content-Type"] = transfer.content_type }, body = bytes }
end

---Answers a request to one of these addresses, within a transaction.
---@param store table
---@param call { method: string, path: string, headers: table, body: string }
---@return table answer
function transfers.answer(store, call)
  local kind, token = call.path:match("^/_sandbox/(%l+)/(.*)$")
  local rule = KINDS[kind]
  if not rule.methods[call.method] then
    refusal.raise(405, "Method %s is not allowed here; allowed: %s.", call.method, rule.allowed)
  end
  local transfer, source = require_permission(store, kind, token)
  check_headers(transfer, kind, call.headers)
  if kind == "uploads" then return keep(store, source, call.body or "") end
  return give(store, transfer, source)
end

return transfers
