local traffic, health, notify, exec = require "traffic", require "health", require "notify", require "exec"
assert(require "traffic" == traffic)
local w = traffic.weights()
assert(w.weights.blue == 90 and w.weights.green == 10)
local order = {}
for k in pairs(w.weights) do order[#order + 1] = k end
assert(table.concat(order, " ") == "blue green")
assert(now() == 1700000000.5 and uuid() == "0190-uuid" and env("HOME") == "/home/me" and env("NONE") == nil)
assert(random() == 0.5 and random(10) == 6 and random(3, 4) == 4 and math.random == random)
sleep "15m"
sleep(5)
sleep { duration = "1s", reason = "why" }
checkpoint "here"
print("a", 1, nil, true, {})
log.info "text"
log.warn { text = "text", server = "web1", list = { 1, 2 } }
assert(step("named", function() return 1, 2 end) == 1)
----
-- An effect's error is a table.
local traffic = require "traffic"
local ok, e = pcall(traffic.split, { broken = 100 })
assert(not ok and e.code == "unavailable" and e.message == "the proxy is away" and e.op == "traffic.split")
assert(e.where == "effects.lua:21" and e.retryable == true and e.hint == "start it", e.where)
assert(tostring(e) == "effects.lua:21: traffic.split: the proxy is away (unavailable)")
assert("x: " .. e == "x: " .. tostring(e) and getmetatable(e) == "error")
local ok, again = pcall(error, e)
assert(again == e)
log.error(e)
----
local traffic = require "traffic"
traffic.split { broken = 100 } --- error: ^traffic.split: the proxy is away \(unavailable\); start it$
----
local traffic = require "traffic"
local ok, e = pcall(traffic.split, { broken = 100 }) --- error: ^traffic.split: reworded \(unavailable\)
e.message = "reworded"
error(e)
----
local traffic = require "traffic"
traffic.split { gren = 10, bleu = "x" } --- error: ^traffic.split: bleu: wants a percentage
----
local health = require "health"
health.check { evn = "green" } --- error: ^health.check: env: is required: a string; you wrote "evn", is it "env"\?
----
local health = require "health"
health.check { env = "green", timeuot = "1s" } --- error: timeuot: is not known here; did you mean "timeout"\?
----
local traffic = require "traffic"
traffic.splt {} --- error: traffic.splt does not exist; did you mean "split"\?
----
local traffic = require "traffic"
traffic.split(10) --- error: traffic.split: takes named arguments in a table, got 10; write traffic.split {
----
local traffic = require "traffic"
traffic.split { 10, 90 } --- error: takes named arguments, got 10 without a name
----
local traffic = require "traffic"
traffic:split { green = 100 } --- error: is called with ".", not with ":"
----
local traffic = require "traffic"
traffic.split({ a = 100 }, 2) --- error: takes one table, got 2 values
----
local traffic = require "traffic"
traffic.split { a = 0/0 } --- error: traffic.split: a: is nan
----
local notify = require "notify"
notify.send { to = "x", text = print } --- error: text: is a function, which cannot leave the script
----
local vault = require "vault"
local t = {} t.t = t
vault.use { data = t } --- error: data.t: contains itself
----
local vault = require "vault"
vault.use { data = { 1, nil, 3 } } --- error: hole before \[3\]
----
local vault = require "vault"
vault.use { data = { 1, a = 2 } } --- error: mixes a list with named values
----
local vault = require "vault"
local secret = vault.read()
assert(tostring(secret) == "[secret token]" and type(secret) == "userdata")
vault.use { token = secret, data = { list = { 1, 2, { deep = true } }, empty = {}, text = "x" } }
print(secret)
local x = "Bearer " .. secret --- error: a secret cannot be joined with text
----
local vault, notify = require "vault", require "notify"
notify.send { to = "x", text = vault.read() } --- error: may not hold \[secret token\]
----
sleep() --- error: sleep wants a duration, got nothing
----
sleep "soon" --- error: sleep: duration: wants a duration like "15m", got "soon"
----
sleep { 5 } --- error: takes named arguments
----
step("x") --- error: a function is wanted, got nothing
----
step(function() end) --- error: a text is wanted, got a function
----
approve { titel = "x" } --- error: approve: title: is required
----
random(0) --- error: nothing to choose
----
fail "out of patience" --- error: ^out of patience$
----
local ok, e = pcall(fail, { message = "m", code = "mine", hint = "h" })
assert(e.code == "mine" and e.message == "m" and e.hint == "h")
fail { message = "m", code = "mine", hint = "h" } --- error: ^m \(mine\); h$
----
fail { mesage = "m" } --- error: did|is it
----
fail() --- error: fail wants a message
----
log.info() --- error: log.info takes one text
----
log.inof "x" --- error: log.inof does not exist; did you mean "info"
----
-- Steps raise what is inside, from where it was.
step("outer", function()
  step("inner", function()
    fail "deep" --- error: ^deep$
  end)
end)
----
local health = require "health"
health.watch { env = "green", during = "1m", slo = { error_rate = "< 0.1%" } } --- error: ^health.watch: green broke its gate: error_rate is 0.5% .*\(unhealthy\)
----
local slo, count = require "lib.slo", require "lib.count"
assert(slo.p99 == "< 200ms" and slo.twice(4) == 8)
assert(count() == 1 and require "lib.count"() == 2)
assert(require "lib.none" == true)
----
require "lib.slow" --- error: require "lib.slow": there is no module and no file of that name
----
require "../out/slo" --- error: write "lib.slo" for lib/slo.lua beside the script
----
require "trafic" --- error: there is no module and no file of that name; did you mean "traffic"
----
require "../etc/passwd" --- error: there is no module
----
require "run" --- error: there is no module
----
require "lib.broken" --- error: lib/broken.lua:1: this cannot be read as Lua
----
on_rollback() --- error: a function is wanted
----
local traffic = require "traffic"
traffic.x = 1 --- error: traffic.x cannot be set
