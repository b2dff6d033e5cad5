-- parallel returns first results under the same keys.
local r = parallel { eu = function() return 1, 2 end, us = function() sleep(1) return "b" end, none = function() end }
assert(r.eu == 1 and r.us == "b" and r.none == nil)
local list = parallel { function() return "a" end, function() return "b" end }
assert(#list == 2 and list[1] == "a" and list[2] == "b")
assert(next(parallel {}) == nil)
----
-- Branches share variables.
local n = 0
parallel { a = function() n = n + 1 sleep(1) n = n * 2 end, b = function() n = n + 10 sleep(1) n = n * 3 end }
assert(n == 66, n)
----
-- With fail_fast = false all branches run to their end; the first failure is raised.
local done = {}
local ok, e = pcall(parallel, {
  a = function() sleep(1) fail { message = "first", code = "mine" } end,
  b = function() error("second") end,
  c = function() sleep(1) sleep(1) done.c = true end,
  fail_fast = false,
})
assert(not ok and done.c and e.code == "mine", e)
assert(e.message == 'branch "a": first (1 other branch failed too)', e.message)
----
-- The failure of a branch stops the others at their next effect, which pcall does not catch.
local done = {}
local ok, e = pcall(parallel, {
  a = function() pcall(function() sleep(1) done.a = true sleep(1) done.a2 = true end) done.a3 = true end,
  b = function() fail { message = "second", code = "mine" } end,
  c = function() done.c = true end,
})
assert(not ok and e.code == "mine" and not (done.a2 or done.a3 or done.c), e) -- a.a: its sleep may have ended before
assert(e.message == 'branch "b": second (2 other branches were stopped)', e.message)
----
-- A branch that is stopped ends with what is inside it, and the one around it goes on.
local done = {}
local ok, e = pcall(parallel, {
  a = function()
    pcall(parallel, { x = function() sleep(1) sleep(1) done.x = true end, y = function() sleep(1) sleep(1) done.y = true end })
    done.a = true
  end,
  b = function() error "no" end,
})
assert(not ok and not (done.x or done.y or done.a), e)
sleep(1)
----
-- limit: so many branches are at work at once; the others begin in their order.
local order, most, at = "", 0, 0
local function branch(name)
  return function() at = at + 1 most = math.max(most, at) order = order .. name sleep(1) at = at - 1 return name end
end
local got = parallel { branch "a", branch "b", branch "c", branch "d", branch "e", limit = 2 }
assert(order == "abcde" and most == 2 and table.concat(got) == "abcde", order)
----
-- What has not begun does not begin when a branch has failed.
local begun = ""
local ok, e = pcall(parallel, {
  function() begun = begun .. 1 sleep(1) error "no" end, function() begun = begun .. 2 end, function() begun = begun .. 3 sleep(1) end,
  function() begun = begun .. 4 end, limit = 1, fail_fast = true })
assert(begun == "1" and e.message:find("3 other branches were stopped"), begun .. tostring(e))
----
-- A function under the name of an option is a branch.
assert(parallel { limit = function() return 1 end, fail_fast = function() return 2 end }.fail_fast == 2)
----
parallel { a = function() end, limit = 0 } --- error: limit of parallel has to be a whole number from 1 to 500
----
parallel { a = function() end, limit = 1.5 } --- error: limit of parallel has to be a whole number
----
parallel { a = function() end, fail_fast = 1 } --- error: fail_fast of parallel has to be true or false
----
parallel { a = function() end, retries = 1 } --- error: a branch of parallel has to be a function
----
parallel {
  b = function() end,
  a = function()
    local x = nil + 1 --- error: ^branch "a": attempt to calculate with a nil and a number
  end,
}
----
parallel { 1 } --- error: a branch of parallel has to be a function; 1 is 1
----
parallel { function() end, a = function() end } --- error: mixes named branches
----
parallel { ["a.b"] = function() end } --- error: "a.b" cannot be the name of a branch
----
parallel(print) --- error: parallel takes one table of functions
----
-- retry tries again after errors that can pass.
local traffic = require "traffic"
local tries = 0
local a, b = retry { attempts = 4, wait = "1s", function()
  tries = tries + 1
  if tries < 3 then traffic.split { broken = 100 } end
  return "done", tries
end }
assert(a == "done" and b == 3)
----
local tries = 0
local ok = pcall(retry, { function() tries = tries + 1 error("fatal") end })
assert(not ok and tries == 1)
pcall(retry, { any = true, attempts = 5, wait = 0, function() tries = tries + 1 error("fatal") end })
assert(tries == 6)
----
local traffic = require "traffic"
retry { attempts = 2, function()
  traffic.split { broken = 100 } --- error: ^traffic.split: the proxy is away
end }
----
retry { attemps = 2, function() end } --- error: attemps: is not known here; did you mean "attempts"\?
----
retry { attempts = 2 } --- error: retry has no function to try
----
retry { attempts = 0, function() end } --- error: attempts: must be at least 1
----
retry { backoff = 0.5, function() end } --- error: backoff must be at least 1
----
-- Coroutines may carry out effects, and steps stand in them.
local co = coroutine.wrap(function()
  step("inside", function() sleep(1) end)
  coroutine.yield(now())
  sleep(1)
end)
assert(co() == 1700000000.5)
co()
----
-- A coroutine that runs is not resumed from inside of itself.
local co
co = coroutine.create(function()
  local inner = coroutine.create(function() return coroutine.status(co), coroutine.resume(co) end)
  local ok, status, resumed, why = coroutine.resume(inner)
  assert(ok and status == "normal" and resumed == false and why:find("cannot resume a coroutine that is running"), why)
  assert(coroutine.status(co) == "running")
  return "done"
end)
assert(select(2, coroutine.resume(co)) == "done")
assert(coroutine.status(co) == "dead")
----
-- wait calls its function until it returns a true value, and returns what it returned.
local n = 0
local a, b = wait { until_ = function() n = n + 1 return n == 3 and "three", n end, every = 1, timeout = "1h", title = "three" }
assert(a == "three" and b == 3 and n == 3)
assert(wait { until_ = function() return 0 end, timeout = 0 } == 0)
----
local ok, e = pcall(wait, { title = "it", every = 1, timeout = 0, until_ = function() return false, "1 of 3" end })
assert(not ok and e.code == "timeout" and e.retryable and
  e.message == [["it" did not come about within 0s: asked once, it last returned false, 1 of 3]], e.message)
----
wait { timeout = 0, until_ = function() end } --- error: what until_ asks for did not come about within 0s: asked once, it last returned nothing
----
wait { timeout = 1, until_ = function() fail "broken" end } --- error: ^broken
----
wait { timeout = "1m", until_ = true } --- error: until_ is a function that returns whether it has come about, got true
----
wait { until_ = print } --- error: timeout
----
wait { until_ = print, timeout = "soon" } --- error: wait: timeout
----
wait { until_ = print, timeout = 1, evry = 1 } --- error: did you mean "every"
----
wait { until_ = print, timeout = 1, every = 0 } --- error: every
----
wait(print) --- error: wait takes one table
