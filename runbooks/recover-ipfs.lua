-- IPFS recovery: content is brought back from backup nodes, or from archives where
-- these do not help, and every block of it is verified.
--
--   runbook run recover-ipfs.lua --params content.yaml

runbook {
  name    = "recover-ipfs",
  summary = "Bring IPFS content back from backup nodes, and verify it",
  params  = {
    cids      = { type = "list", of = "string", required = true, min = 1, doc = "the content" },
    from      = { type = "list", of = "string", default = {}, doc = "addresses of backup nodes: /ip4/192.0.2.7/tcp/4001/p2p/…" },
    archive   = { type = "string", default = "", doc = "a directory of CAR files, where backup nodes do not help" },
    node      = { type = "string", default = "", doc = "which node; the configured one if empty" },
    providers = { type = "int", default = 1, min = 0, doc = "how many nodes have to offer each content in the end" },
    each      = { type = "duration", default = "10m", doc = "bounds each fetch and each verification" },
    channel   = { type = "string", default = "incidents", doc = "where to tell people; empty tells nobody" },
  },
  locks      = { "ipfs/content" },
  on_failure = "stop",
}

local ipfs, tell = require "ipfs", require "lib.people".tell

local node = params.node ~= "" and params.node or nil

local back = step("bring the content back", function()
  return ipfs.restore {
    cids = params.cids, node = node, providers = params.providers, each = params.each,
    from = #params.from > 0 and params.from or nil, archive = params.archive ~= "" and params.archive or nil,
  }
end)

step("validate the content", function()
  for _, cid in ipairs(params.cids) do
    ipfs.validate { cid = cid, node = node, timeout = params.each }
  end
end)

tell(params.channel, #back.restored .. " of " .. #params.cids .. " were brought back, " .. #back.present .. " were there; all are whole")
