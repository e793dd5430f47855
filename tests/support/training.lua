-- What the tests of training share: the tiny data set and network (support/tiny.lua), and quiet calls.
local yl = require "yolua"

local training = { top = require("support.program").tiny() }

-- The tiny data set; `o` adds to its options, or changes them.
function training.data(o)
  local spec = { name = "kitti", root = training.top .. "/data", map = "identity" }
  for key, value in pairs(o or {}) do spec[key] = value end
  return yl.data(spec)
end

-- The tiny network, its weights drawn from one seed.
function training.model(freeze)
  return yl.load({ cfg = training.top .. "/tiny.cfg", names = training.top .. "/tiny.names", seed = 3 }):freeze(freeze or "none")
end

-- Options of a training: those of `defaults` under the test's own.
function training.options(defaults, o)
  local all = { batch = 4, seed = 7 }
  for key, value in pairs(defaults) do all[key] = value end
  for key, value in pairs(o or {}) do all[key] = value end
  return all
end

-- print goes nowhere while f runs. Returns what f returns first, and what was printed.
function training.quietly(f, ...)
  local said, real = {}, print
  rawset(_G, "print", function(text) said[#said + 1] = text end)
  local ok, result = pcall(f, ...)
  rawset(_G, "print", real)
  if not ok then error(result, 0) end
  return result, table.concat(said, "\n")
end

-- Ends the test program: runs the tests and removes the data set.
function training.run(t)
  local status = t.LuaUnit.run()
  os.execute(("rm -r '%s'"):format(training.top))
  os.exit(status)
end

return training
