-- Rollbacks registered before, with and after their effects, beside values, sleeps
-- and branches.
runbook {
  name       = "rollback",
  summary    = "Do what can be taken back",
  params     = { fail = { type = "bool", default = false } },
  on_failure = "rollback",
}

local ledger = require "ledger"

local function taken_back(item)
  return function()
    log.info("undo " .. item)
    ledger.put_retry { item = "undo " .. item }
  end
end
local function undo(item)
  on_rollback("undo " .. item, taken_back(item))
end
local function with(put, item)
  put { item = item, undo = taken_back(item) }
  log.info(item .. " is done")
end
local function after(put, item)
  put { item = item }
  log.info(item .. " is done")
  undo(item)
end
local function before(put, item)
  undo(item)
  put { item = item }
end

after(ledger.put_observe, "m1")
before(ledger.put_ask, "m2")
local wait = random(2)
with(ledger.put_ask, "m3")
sleep(wait / 1000)
parallel {
  x = function()
    with(ledger.put_retry, "x1")
    ledger.look {}
    after(ledger.put_observe, "x2")
  end,
  y = function()
    before(ledger.put_observe, "y1")
    sleep "1ms"
    after(ledger.put_ask, "y2")
  end,
}
after(ledger.put_retry, "m4")
if params.fail then fail "no" end
