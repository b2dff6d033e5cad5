-- What writes is stopped only after the copy was made that takes the place of the live data.
runbook { name = "replace-catalog", locks = { "db/catalog", "deploy/shop" }, on_failure = "stop" }
local db, deploy = require "db", require "deploy"
deploy.scale { env = "shop", instances = 0 }
db.restore { copy = "fresh" }
db.validate { copy = "fresh" }
db.swap { copy = "fresh", keep = "damaged" }
deploy.scale { env = "shop", instances = 4 }
