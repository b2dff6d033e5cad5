-- The edition that a name leads to is let go of before the name leads to the next one.
runbook { name = "publish", locks = { "ipfs/docs", "dns/docs" }, on_failure = "stop" }
local dns, ipfs = require "dns", require "ipfs"
local added = ipfs.add { path = "docs", node = "a" }
dns.set { name = "_dnslink.example.org", type = "TXT", values = { "dnslink=/ipfs/" .. added.cid }, ttl = "5m" }
sleep "6m"
ipfs.unpin { cid = "bafyold", node = "a" }
