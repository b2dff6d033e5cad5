local traffic = require "traffic"
local exec = require("exec")
local gates = require "lib.gates"
local dashes = string.rep("-", 3)

runbook { name = "control", params = { wait = { type = "duration", default = 3 }, name = { type = "string" } } }

-- names of the language used as locals, fields and parameters
local function helper(step, ...)
  local n = select("#", ...)
  return step(n, arg)
end
local counters = { print = 0, os = 1 }
counters.print = counters.print + 1
function counters.bump(k) counters[k] = (counters[k] or 0) + 1 end
function counters:total() return self.print + self.os end
counters.bump("x")
print(counters:total(), helper(function(a, b) return a, b end, 1, 2))

-- recursion, mutual recursion, shadowing, closures
local even, odd
even = function(n) if n == 0 then return true end return odd(n - 1) end
odd = function(n) if n == 0 then return false end return even(n - 1) end
log.info(tostring(even(10)))
local fact = function(n) if n < 2 then return 1 end return n end
log.info { text = "fact " .. fact(3), n = fact(3) }
do
  local traffic = { splt = function(t) return t[1] end }
  log.debug(traffic.splt { 1, 2 })
end

-- a module held in a variable that changes is not guessed at
local mover = require "traffic"
if params.name ~= "real" then mover = { move = function() end } end
mover.move()

-- tables made elsewhere
local shares = { green = 10 }
shares.blue = 90
traffic.split(shares)
local split = traffic.split
split { green = 60 - 50, blue = 90 }
local opts = { server = "blue" }
for k, v in pairs(opts) do log.info(k .. v) end
traffic.drain(opts)
local function with(base, more)
  for k, v in pairs(more) do base[k] = v end
  return base
end
traffic.split(with({ green = 1 }, { blue = 99 }))
traffic.split { [params.name] = 30, blue = 70 }
traffic.weights()
traffic.weights {}
local key = "green"
traffic.split { [key] = 100 }
local ok, err = pcall(traffic.split, { green = 1, blue = 99 })
if not ok then fail { message = tostring(err), code = "raised", hint = "look" } end
local _, why = pcall(error, "x")
log.warn(why)
local first = select(1, "a")
log.error(first .. params["wait"])

exec.run { argv = { "./deploy.sh", "--env=" .. params.name }, env = { A = "1" }, class = "write", recovery = "retry", ok = { 0, 3 } }
exec.run { shell = "true", timeout = 60 * 5 }

step("nested", function()
  step("inner", function() return 1 end)
  checkpoint "here"
  checkpoint("there")
end)
step(unpack { "a", function() end })
local body = function() sleep(1) end
step("named body", body)
on_rollback("undo", function() end)
on_rollback(body)
sleep "15m"
sleep(0.5)
sleep(params["wait"])
sleep { duration = "1h", reason = "the cache warms" }
approve "Go on?"
approve { title = "Go on?", by = { "ann", "bob" }, count = 2, timeout = "1d", detail = "x" }
local got = retry { attempts = 5, wait = "1s", backoff = 1.5, max_wait = "1m", any = true, function() return now() end }
local out = parallel { eu = function() return 1 end, us = body }
parallel { body, body }
wait { until_ = function() return body end, timeout = "1m" }
wait { until_ = function() return true end, every = "1s", timeout = 60, title = "all" }
parallel { body, body, limit = 1, fail_fast = false }
parallel { limit = body, fail_fast = function() end }
local branches = {}
for i = 1, 3 do branches[i] = function() return i end end
parallel(branches)
print(got, out.eu, random(), random(6), math.random(1, 6), uuid(), env "HOME", env("PATH") or "")
print(string.format("%d", 3), ("x"):rep(3), table.concat({ 1 }, ","), math.floor(1.5))
local co = coroutine.wrap(function() coroutine.yield(1) end)
co()

while true do
  local done = now() > 0
  if done then break end
end
repeat
  local stop = true
until stop
for i = 10, 1, -1 do
  if i % 2 == 0 then goto continue end
  print(i)
  ::continue::
end
gates.watch(traffic, dashes)
if params.name then return end
