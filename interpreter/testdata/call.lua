-- One call that hangs at its first attempt, between two others.
runbook {
  name    = "call",
  summary = "Hang in one call",
  params  = { op = { type = "string" }, hang = { type = "string" } },
}

local ledger = require "ledger"
ledger.put_observe { item = "before" }
retry { attempts = 2, wait = 0, function()
  if params.op == "look" then
    ledger.look { gate = "look" }
  else
    ledger[params.op] { item = "victim", hang = params.hang, fails = params.op == "flaky" and 0 or nil }
  end
end }
ledger.put_observe { item = "after" }
