return { world = { db = { backups = {
  { name = "shop-1.dump", age = "6d" }, { name = "shop-2.dump", age = "5d" }, { name = "shop-3.dump", age = "4d" },
  { name = "shop-4.dump", age = "3d" }, { name = "shop-5.dump", age = "2d" }, { name = "shop-6.dump", age = "1d" } } } } }
