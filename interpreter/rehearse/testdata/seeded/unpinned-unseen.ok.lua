-- The old node drops content before anybody looked whether the new one has all of it.
runbook { name = "move-pins", locks = { "ipfs/site" }, on_failure = "stop" }
local ipfs = require "ipfs"

for _, pin in ipairs(ipfs.pins { node = "old" }.pins) do
  step("move " .. pin.cid, function()
    ipfs.pin { cid = pin.cid, node = "new", timeout = "30m" }
    ipfs.validate { cid = pin.cid, node = "new" }
    ipfs.unpin { cid = pin.cid, node = "old" }
  end)
end
