-- Random networks, compacted: the smaller one has to compute the same, within 1e-4 of the largest value. NETWORKS says how many (300), SEED
-- which (1).
local random_network = require "support.random_network"

local COUNT, SEED = tonumber(os.getenv "NETWORKS" or 300), tonumber(os.getenv "SEED" or 1)
local MOST = 1e-4
local faults, worst, smaller, before_all, after_all = 0, 0, 0, 0, 0

for number = SEED, SEED + COUNT - 1 do
  local ok, difference, before, after = pcall(random_network.compact, number)
  if not ok or difference > MOST then
    faults = faults + 1
    print(("network %d: %s"):format(number, tostring(difference)))
  end
  if ok then
    worst, before_all, after_all = math.max(worst, difference), before_all + before, after_all + after
    if after < before then smaller = smaller + 1 end
  end
end
print(("%d networks from %d on, %d of them smaller (%.0f %% of all channels left): %d faults, largest difference %.2g"):format(COUNT, SEED,
  smaller, 100 * after_all / before_all, faults, worst))
os.exit(faults == 0 and 0 or 1, true)
