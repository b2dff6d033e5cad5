runbook { name = "dnssec-off", summary = "Take DNSSEC off example.org", locks = { "dns/example.org" }, on_failure = "stop" }
local exec, http, secrets, notify = require "exec", require "http", require "secrets", require "notify"
local token = secrets.get { name = "registrar" }.value

approve { title = "take DNSSEC off example.org?", by = { "role:network" }, timeout = "2h" }
step("no DS in the zone above", function()
  http.request { url = "https://api.registrar.example/v1/domains/example.org/ds", method = "DELETE", secrets = { Authorization = token }, recovery = "retry" }
  wait { title = "the zone above shows none", every = "10m", timeout = "24h", until_ = function()
    return exec.run { argv = { "dig", "+short", "DS", "example.org", "@a0.org.afilias-nst.info" }, class = "read" }.stdout == ""
  end }
  sleep { duration = "48h", reason = "resolvers keep a DS for a day, and some for longer" }
end)
step("the zone is not signed any more", function()
  exec.run { argv = { "pdnsutil", "disable-dnssec", "example.org" }, class = "irreversible" }
end)
notify.send { to = "network", text = "example.org is without DNSSEC" }
