// Package booktest carries the tests of runbooks out: *_test.lua files that
// stand beside them. A test lets a runbook run in a simulated world and says
// what it expects of the effects, of the world and of the ending.
//
//	local book = runbook "blue-green.lua"
//
//	test("rolls back when green gets slow", function(t)
//	  local run = book.simulate { params = { … }, world = { … } }
//	  t.equal(run.status, "rolled_back")
//	  t.effects(run, { { "traffic.split", green = 10 }, { "traffic.switch", to = "blue" } })
//	  t.holds(run)
//	end)
//
// [Run] runs one file. An expectation that is not met is a [Failure]; the test
// goes on, so that one run of it tells all. A test whose Lua fails ends there.
package booktest
