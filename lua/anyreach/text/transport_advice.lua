-- What can be done about a failure on the way to the server: libcurl's and OpenSSL's words, explained.

local transport_advice = {}

-- Parts of their messages, and what they mean. The first that is found counts.
local explanations = {
  { "certificate has expired", "the server's certificate has expired; is the clock of this machine right?" },
  { "certificate is not yet valid", "the server's certificate is not valid yet; is the clock of this machine right?" },
  { "no alternative certificate subject name matches", "the server's certificate is for another host" },
  { "does not match target host name", "the server's certificate is for another host" },
  { "self-signed certificate", "the server's certificate is of an authority that is unknown here; "
    .. "--ca-file FILE trusts it" },
  { "self signed certificate", "the server's certificate is of an authority that is unknown here; "
    .. "--ca-file FILE trusts it" },
  { "unable to get local issuer", "the server's certificate is of an authority that is unknown here; "
    .. "--ca-file FILE trusts it" },
  { "certificate revoked", "the server's certificate was withdrawn" },
  { "wrong version number", "the server does not speak TLS at this address" },
  { "error setting certificate", "the file of certificate authorities cannot be used" },
  { "Could not resolve proxy", "the proxy's name is unknown; look at HTTPS_PROXY and NO_PROXY" },
  { "Could not resolve host", "the server's name is unknown; look at the base URL and the network" },
  { "from proxy after CONNECT", "the proxy refused the connection; look at HTTPS_PROXY and NO_PROXY" },
  { "CONNECT tunnel failed", "the proxy refused the connection; look at HTTPS_PROXY and NO_PROXY" },
  { "Connection refused", "nothing listens at this address" },
  { "Couldn't connect to server", "nothing answers at this address" },
  { "Connection timed out", "no connection within the time for it" },
  { "Connection timeout", "no connection within the time for it" },
  { "Resolving timed out", "the server's name was not found within the time for connecting" },
  { "SSL connection timeout", "no TLS within the time for connecting" },
  { "Operation too slow", "the answer stalled" },
  { "Operation timed out", "no whole answer within the time for a request; --timeout SECONDS sets it" },
}

local PROXY_IS_SILENT = "nothing answers at the proxy's address; look at HTTPS_PROXY and NO_PROXY"

-- Whether the address that libcurl names is another than the request's: then it is a proxy's.
local function names_proxy(message, url)
  local host, port = message:match "^Failed to connect to (%S+) port (%d+)"
  local scheme, authority = url:match "^(%a+)://([^/?#]*)"
  if not host or not authority then return false end
  local own_port = authority:match ":(%d+)$" or scheme == "https" and "443" or "80"
  local own_host = authority:gsub(":%d+$", ""):gsub("[%[%]]", "")
  return port ~= own_port or host:lower() ~= own_host:lower()
end

--- The message with an explanation before it, where there is one.
---@param message string
---@param url? string of the request
---@return string
function transport_advice.explain(message, url)
  if url and names_proxy(message, url) then return ("%s (%s)"):format(PROXY_IS_SILENT, message) end
  for _, row in ipairs(explanations) do
    if message:find(row[1], 1, true) then return ("%s (%s)"):format(row[2], message) end
  end
  return message
end

return transport_advice
