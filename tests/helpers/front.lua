-- What stands between the program and a server on real networks: nginx with TLS before a server, and tinyproxy on
-- the way to it, each with the limits that it comes with.

local process = require "helpers.process"

local front = {}

local START_ATTEMPTS = 5 -- with another port each, since neither program can choose a free one by itself
local KNOCK = "curl -s -o /dev/null --noproxy '*' --max-time 2 http://127.0.0.1:%d/"
local COULD_NOT_CONNECT = 7 -- exit code of curl

local NGINX = [[
daemon off;
worker_processes 1;
error_log %DIRECTORY%/error.log;
pid %DIRECTORY%/nginx.pid;
events { worker_connections 512; }
http {
  access_log %DIRECTORY%/access.log;
  client_body_temp_path %DIRECTORY%/body;
  proxy_temp_path %DIRECTORY%/proxy;
  fastcgi_temp_path %DIRECTORY%/fastcgi;
  uwsgi_temp_path %DIRECTORY%/uwsgi;
  scgi_temp_path %DIRECTORY%/scgi;
  %LIMITS%
  server {
    listen 127.0.0.1:%PORT% ssl %PROTOCOL%;
    ssl_certificate %DIRECTORY%/cert.pem;
    ssl_certificate_key %DIRECTORY%/key.pem;
    location / { proxy_pass %UPSTREAM%; }
  }
}
]]

local TINYPROXY = [[
Port %PORT%
Listen 127.0.0.1
LogFile "%DIRECTORY%/access.log"
%RULES%
]]

local function filled(template, values)
  return (template:gsub("%%([A-Z]+)%%", values))
end

-- Starts a program whose configuration names a port; `make_command(port)` writes it and returns the command.
local function start_at_some_port(what, directory, make_command)
  for _ = 1, START_ATTEMPTS do
    local port = math.random(20000, 32000)
    local started = process.start(make_command(port))
    local is_open = process.eventually(what, function()
      if started:has_ended() then return "ended" end
      return process.run(KNOCK:format(port)) ~= COULD_NOT_CONNECT and "open"
    end)
    if is_open == "open" then
      started.directory_of_logs, started.port = directory, port
      return started
    end
  end
  error(what .. " found no port")
end

--- A self-signed certificate for localhost.
---@return string certificate path
---@return string key path
---@return string directory new, with both
function front.certificate()
  local directory = process.directory()
  local certificate, key = directory .. "/cert.pem", directory .. "/key.pem"
  assert(process.run(("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost -keyout %s -out %s"):format(key, certificate)) == 0)
  return certificate, key, directory
end

--- nginx with TLS before a server.
---@param upstream string address of the server
---@param options? {http2: boolean?, limits: string?} http2: offered to clients; limits: more directives
---@return table background with `base_url`, and `ca_file`, the certificate that it shows
function front.nginx(upstream, options)
  options = options or {}
  local certificate, _, directory = front.certificate()
  local started = start_at_some_port("nginx", directory, function(port)
    process.write(directory .. "/nginx.conf", filled(NGINX, {
      DIRECTORY = directory, PORT = port, UPSTREAM = upstream, LIMITS = options.limits or "",
      PROTOCOL = options.http2 and "http2" or "",
    }))
    return ("/usr/sbin/nginx -p %s -c %s/nginx.conf -e %s/error.log"):format(directory, directory, directory)
  end)
  started.base_url = "https://localhost:" .. started.port
  started.ca_file = certificate
  return started
end

--- tinyproxy, which tunnels HTTPS by CONNECT.
---@param rules? string more lines of its configuration
---@return table background with `base_url`
function front.tinyproxy(rules)
  local directory = process.directory()
  local started = start_at_some_port("tinyproxy", directory, function(port)
    process.write(directory .. "/tinyproxy.conf", filled(TINYPROXY, {
      DIRECTORY = directory, PORT = port, RULES = rules or "",
    }))
    return ("tinyproxy -d -c %s/tinyproxy.conf"):format(directory)
  end)
  started.base_url = "http://127.0.0.1:" .. started.port
  return started
end

--- The lines of an access log, once there are as many.
---@param background table
---@return string
function front.log(background)
  return process.read(background.directory_of_logs .. "/access.log") or ""
end

return front
