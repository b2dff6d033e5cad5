-- New signing key for the outgoing mail.
runbook { name = "dkim-rotate", locks = { "dns/example.org" }, on_failure = "stop" }
local dns, http = require "dns", require "http"
local mail = "https://mail.example.org/api/dkim"

local made = http.request { url = mail .. "/keys/s2026b", method = "PUT", json = { bits = 2048 } }.json
local function publish()
  dns.set { name = "s2026b._domainkey.example.org", type = "TXT", values = { '"v=DKIM1; k=rsa; p=' .. made.public .. '"' }, ttl = "1h" }
  dns.wait { name = "s2026b._domainkey.example.org", type = "TXT", values = { '"v=DKIM1; k=rsa; p=' .. made.public .. '"' }, timeout = "30m" }
end
local function sign()
  http.request { url = mail .. "/domains/example.org", method = "PUT", json = { selector = "s2026b" } }
end
step("publish the new key", publish)
step("sign with the new key", sign)
