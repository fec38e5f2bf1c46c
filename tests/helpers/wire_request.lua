-- The bytes of a request as the wire specs expect them. What differs from run to run is put in its
-- place: the port is PORT, and a form's boundary is `BOUNDARY`, which is as long as a real one.

local request = {}

request.TOKEN = "ak_wire.token"
request.ID = "0c9a5b1e-7d1f-4a52-9f0e-2f5a3f1b6c7d"
request.OTHER_ID = "5f0d2c3b-91aa-4c1e-8f57-3d2b1a0c9e8f"
request.BOUNDARY = "anyreach-" .. ("0"):rep(32)

local AUTHORIZATION = "Authorization: Bearer " .. request.TOKEN .. "\r\n"

---@class wire_differences
---@field accept? string
---@field content_type? string
---@field public? boolean it carries no credential

--- A whole request of the client with TOKEN.
---@param line string method and target
---@param body? string
---@param differences? wire_differences from a request that takes and brings JSON
---@return string
function request.bytes(line, body, differences)
  differences = differences or {}
  local lines = { line .. " HTTP/1.1", "Host: 127.0.0.1:PORT", "User-Agent: anyreach-lua/" .. anyreach.version,
    "Accept-Encoding: gzip" }
  if not differences.public then lines[#lines + 1] = AUTHORIZATION:sub(1, -3) end
  lines[#lines + 1] = "Accept: " .. (differences.accept or "application/json")
  if body then lines[#lines + 1] = "Content-Type: " .. (differences.content_type or "application/json") end
  if body or line:find("^POST") then lines[#lines + 1] = "Content-Length: " .. #(body or "") end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

--- The same request with a personal access token and its organisation.
---@param bytes string
---@param token string
---@param organization string
---@return string
function request.as_person(bytes, token, organization)
  local personal = ("Authorization: Bearer %s\r\nX-Anyreach-Org: %s\r\n"):format(token, organization)
  local start, finish = bytes:find(AUTHORIZATION, 1, true)
  return start and bytes:sub(1, start - 1) .. personal .. bytes:sub(finish + 1) or bytes
end

--- A request that has come, with BOUNDARY for its boundary.
---@param bytes string
---@return string
function request.normalized(bytes)
  return (bytes:gsub("anyreach%-" .. ("%x"):rep(32), request.BOUNDARY))
end

return request
