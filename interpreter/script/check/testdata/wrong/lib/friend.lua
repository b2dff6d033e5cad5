local bad = require "lib.bad" -- error: require goes in a circle: lib/bad\.lua → lib/friend\.lua → lib/bad\.lua
return { other = function() return bad, require "lib.friend" end }
