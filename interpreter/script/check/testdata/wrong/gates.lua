runbook { name = "gates", summary = "has gates that nobody hears" }
local health, dns, exec = require "health", require "dns", require "exec"
local notify, http = require "notify", require "http"
pcall(function() dns.wait { name = "www.example.org", values = { "192.0.2.1" } } end) -- warning: nobody sees it where dns\.wait fails
pcall(health.check, { env = "green" }) -- warning: nobody sees it where health\.check fails
pcall(function() approve { title = "go on?", by = { "ana" } } end) -- warning: nobody sees it where approve fails
exec.run { argv = { "openssl", "verify", "www.pem" }, class = "read", ok = { 0, 1 } } -- warning: exec\.run counts several codes as success, and nobody looks at which
http.request { url = "http://example.org/ready", ok = { 200, 503 } } -- warning: http\.request counts several codes as success
pcall(health.wait, { env = "one" }) -- warning: nobody sees it where health\.wait fails
health.check { env = "another" }
retry { attempts = 3, function()
  notify.send { to = "customers", text = "It is there" } -- warning: notify\.send cannot be taken back, and exec\.run comes after it in the same retry
  exec.run { argv = { "./publish" }, class = "write", recovery = "retry" }
end }
retry { attempts = 3, function()
  http.request { url = "http://pay.example.org/charge", method = "POST" } -- warning: http\.request cannot be taken back, and exec\.run comes after it
  exec.run { argv = { "./publish" }, class = "write", recovery = "retry" }
end }
local again = function()
  step("tell", function() notify.send { to = "customers", text = "It is there" } end) -- warning: notify\.send cannot be taken back, and health\.check comes after it
  if env("DRILL") ~= "1" then health.check { env = "again" } end
end
retry { attempts = 3, again }
