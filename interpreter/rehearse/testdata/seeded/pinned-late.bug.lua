-- The name leads to content that the gateway does not keep yet.
runbook { name = "publish-site", locks = { "dns/example.org" }, on_failure = "stop" }
local ipfs, dns, health = require "ipfs", require "dns", require "health"
local new = ipfs.add { path = "./public", node = "builder" }
local function point()
  dns.replace { name = "_dnslink.www.example.org", type = "TXT", from = { "dnslink=/ipfs/bafyold" }, to = { "dnslink=/ipfs/" .. new.cid } }
end
point()
ipfs.pin { cid = new.cid, node = "gateway", name = "site" }
ipfs.validate { cid = new.cid, node = "gateway" }
health.check { env = "www" }
