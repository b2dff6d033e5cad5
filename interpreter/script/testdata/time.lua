-- Times are taken apart, put together, written and read.
local t = time.parse("2026-03-29 03:00", "Europe/Berlin")
assert(t == 1774746000 and time.parse "2026-03-29T01:00:00Z" == t and time.parse "2026-03-29T03:00+02:00" == t)
local d = time.date(t, "Europe/Berlin")
assert(d.year == 2026 and d.month == 3 and d.day == 29 and d.hour == 3 and d.min == 0 and d.sec == 0 and d.wday == 1 and d.weekday == "Sunday")
assert(d.yday == 88 and d.isdst and d.zone == "CEST" and d.offset == 7200 and time.date(t).hour == 1 and time.date(t).zone == "UTC")
assert(time.at { year = d.year, month = d.month, day = d.day, hour = d.hour, zone = "Europe/Berlin" } == t)
assert(time.format(time.at { year = 2026, month = 14, day = 0 }) == "2027-01-31T00:00:00Z")
assert(time.format(t, "%F %T %Z", "Europe/Berlin") == "2026-03-29 03:00:00 CEST" and time.format(t) == "2026-03-29T01:00:00Z")
assert(time.format(t, { zone = "Europe/Berlin" }) == "2026-03-29T03:00:00+02:00" and time.format(0, "%s|%%|%j|%V-%G|%u%w|%e|%y") == "0|%|001|01-1970|44| 1|70")
assert(time.format(t, "%a %A %b %B %I%p %z %:z %R") == "Sun Sunday Mar March 01AM +0000 Z 01:00")
assert(time.parse("29.03.2026 3:07", { format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }) == t + 7 * 60)
assert(time.parse("Sun Mar 29 01:00:05 PM 2026 +0200", { format = "%a %b %d %I:%M:%S %p %Y %z" }) == t + 10 * 3600 + 5)
assert(time.parse("1774746000", { format = "%s" }) == t and time.parse("12 AM", { format = "%I %p" }) == 0)
assert(time.parse("2026-03-29T01:00:00.25Z") == t + 0.25 and time.date(t + 0.999).sec == 0 and require "time" == time)
for _, z in ipairs { "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "+05:30" } do
  for i = 0, 366 do
    local at = t + i * 86399
    local f = time.date(at, z)
    assert(time.parse(time.format(at, { zone = z })) == at and time.parse(time.format(at, "%FT%T%z", z), { format = "%FT%T%z" }) == at)
    f.zone, f.wday, f.weekday, f.yday, f.isdst, f.offset = z, nil, nil, nil, nil, nil
    local again = time.at(f)
    assert(again == at or time.format(again, "%F %T", z) == time.format(at, "%F %T", z) and again < at, z .. i)
  end
end
----
time.parse("soon") --- error: time.parse: "soon" is not a time; write "2026-03-29 03:00"
----
time.parse("2026-02-30") --- error: "2026-02-30" is not a time: day out of range
----
time.parse("30.02.2026", { format = "%d.%m.%Y" }) --- error: is no day of the calendar
----
time.parse("2026-03-29 03:00", "Berlin") --- error: time.parse: zone: "Berlin" is no time zone; did you mean "Europe/Berlin"
----
time.parse("1x", { format = "%d.%m" }) --- error: "1x" does not fit the format "%d.%m"; "." is wanted at "x"
----
time.parse("CET", { format = "%Z" }) --- error: "%Z" says too little to be read
----
time.format(0, "%Q") --- error: "%Q" is not known in a format; known: %Y
----
time.format(0 / 0) --- error: time.format: nan is no time in seconds since 1970
----
time.format(now() * 1000) --- error: is no time in seconds since 1970 between the years 1 and 9999
----
time.date("today") --- error: time.date takes a time in seconds since 1970, got "today"; write time.date\(now\(\)\)
----
time.at { month = 3 } --- error: time.at: year: is required
----
time.date(0, { zne = "UTC" }) --- error: did you mean "zone"
----
sleep { until_ = "26:00" } --- error: until_: "26:00" is not a time; write "03:00"
----
sleep { until_ = now(), duration = "1m" } --- error: takes a duration or until_, not both
----
sleep { ["until"] = 5 } --- error: did you mean "until_"
