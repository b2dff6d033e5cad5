runbook { name = "results", summary = "looks at what ops return, wrongly", params = { behind = { type = "int", default = 500, doc = "milliseconds that b may be behind" } } }
local db, health, hosts = require "db", require "health", require "hosts"
local deploy, exec, traffic = require "deploy", require "exec", require "traffic"
local lag = db.lag { node = "b" }
if lag.lagg then fail "b is behind" end -- warning: lag\.lagg is always nil: what db\.lag returns has no such field; did you mean "lag"\?
if lag.lag > "1s" then fail "b is behind" end -- error: lag\.lag is a number, and cannot be compared with a string
if db.is_primary { node = "b" } then fail "b takes writes" end -- warning: db\.is_primary returns a table, which counts as true.*look at db\.is_primary \{…\}\.primary
if not db.is_primary { node = "a" } then fail "a only reads" end -- warning: returns a table
if db.is_primary { node = "b" }.primary == "true" then fail "b takes writes" end -- warning: is a boolean, and "true" is a string: they are never equal
local ran = hosts.run { on = { "web" }, argv = { "uptime" }, class = "read", partial = true }
for name, host in pairs(ran.hosts) do
  if host.exit_code then log.warn(name) end -- warning: host\.exit_code is always nil: what hosts\.run returns
  if host.code == "0" then log.info(name) end -- warning: host\.code is a number, and "0" is a string: they are never equal
end
local days = exec.run { argv = { "./days-left" }, class = "read" }
if days.stdout < 14 then fail "the certificate ends soon" end -- error: days\.stdout is a string, and cannot be compared with a number; write tonumber\(days\.stdout\)
if days.stdout < "14" then fail "the certificate ends soon" end -- warning: days\.stdout is compared with "14" letter by letter.*write tonumber\(days\.stdout\)
local status = deploy.status { env = "green" }
if status.state == "running" then fail "it runs" end -- warning: status\.state is never "running"; it is absent, released, active, failed, mixed
for _, server in ipairs(traffic.servers {}.servers) do
  if server.status == "DOWN" then fail(server.name) end -- warning: server\.status is never "DOWN"; it is up, down, drain, maint
end
local seen = health.measure { env = "green" }
if seen.p99_latency > 500 then fail "it is slow" end -- warning: seen\.p99_latency is in seconds, and 500 of them are 8m20s; write 0\.5 for 500ms
if lag.lag and lag.lag > params.behind then fail "b is behind" end -- warning: lag\.lag is in seconds, and params\.behind is in milliseconds; write lag\.lag \* 1000
local most_minutes = 5
if most_minutes < db.lag { node = "b" }.lag then fail "b is behind" end -- warning: is in seconds, and most_minutes is in minutes
health.alerts { severity = "critical" } -- warning: nobody looks at what health\.alerts returns
deploy.activate { env = "green" }
approve { title = "too late to see those", by = { "ana" } }
