runbook { name = "shown", summary = "lets pass what people, or a later gate, look at" }
local health, exec, http, hosts = require "health", require "exec", require "http", require "hosts"
local db, ipfs, secrets, notify = require "db", require "ipfs", require "secrets", require "notify"
-- Programs that answer by their code, and codes that are all good.
exec.run { argv = { "kubectl", "diff", "-f", "app.yaml" }, ok = { 0, 1 }, class = "read", output = "all" }
exec.run { argv = { "terraform", "plan", "-detailed-exitcode" }, ok = { 0, 2 }, class = "read" }
exec.run { argv = { "grep", "verify", "log" }, ok = { 0, 1 }, class = "read" }
hosts.run { on = { "all" }, argv = { "pgrep", "-a", "sshd" }, ok = { 0, 1 }, class = "read" }
http.request { url = "https://example.org/healthz", ok = { 200, 204 } }
http.request { method = "HEAD", url = "https://example.org/", ok = { 200, 301 } }
-- Shown to those who are asked.
exec.run { argv = { "openssl", "verify", "www.pem" }, class = "read", ok = { 0, 2 } }
health.alerts {}
db.lag {}
health.measure { env = "app", window = "1m" }
approve { title = "apply this?", by = { "lead" } }
-- On a chance: none of these is a gate, or the gate comes yet.
pcall(ipfs.export, { cid = "bafy", path = "/var/backups/site.car" })
pcall(db.query, { sql = "SELECT pg_prewarm('orders')", timeout = "5m" })
local function settled(env) health.check { env = env } end
pcall(function() health.wait { env = "app", timeout = "3m" } end)
health.watch { env = "app", during = "10m", slo = { error_rate = "< 1%" } }
pcall(health.check, { env = "blue" })
settled "blue"
on_rollback(function() pcall(health.check, { env = "old" }) end)
-- Ended twice is ended once; one or the other; the way that a try ends; another text each time.
retry { attempts = 3, function()
  secrets.revoke { name = "api/key", version = "3" }
  health.check { env = "api" }
end }
retry { attempts = 3, function()
  if env("DRILL") == "1" then
    notify.send { to = "ops", text = "this is a drill" }
  else
    db.validate {}
  end
end }
retry { attempts = 3, function()
  if db.is_primary { node = "b" }.primary == false then
    notify.send { to = "ops", text = "b takes no writes yet, trying again" }
    fail "not yet"
  end
  health.check { env = "b" }
end }
local try = 0
retry { attempts = 3, function()
  try = try + 1
  notify.send { to = "ops", text = "try " .. try }
  health.check { env = "b" }
end }
retry { attempts = 3, function()
  notify.send { to = "on-call", text = "come, please" }
  if notify.acknowledged { to = "on-call", key = "k" }.acknowledged == false then fail "nobody came" end
end }
