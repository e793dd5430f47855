-- Deep Compression's pruning rows on MNIST (Han et al. 2016, table 1): LeNet-5 and LeNet-300-100 with 8, 4 and 3 % of their weights.
-- Results stand in recipes/RESULTS.md.
--
--   YOLUA_DATA=DIR yolua sweep tests/bench/lenet.lua out=runs/lenet        continues where it was stopped; DIR holds mnist/
local root = os.getenv "YOLUA_DATA" or error("lenet.lua: YOLUA_DATA is missing: expected the folder of the data", 0)

return {
  recipe = "recipes/prune_lenet.lua", data = { name = "mnist", root = root .. "/mnist" }, target = 0.97, keep = { 0.92, 0.96, 0.97 },
  { name = "LeNet-5", model = "lenet5" },
  { name = "LeNet-300-100", model = "lenet300" },
}
