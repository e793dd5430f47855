-- Every line of every .def file has a test that bears its name or uses it by name.
local t = require "luaunit"
local tree = require "support.tree"

TestRegistry = {}

local tests = {} -- path -> text
for _, path in ipairs(tree.files("%.[cl]u?a?$", "tests")) do
  if not path:find "^tests/lint/" then tests[path] = tree.read(path) end
end

local function has_stem(stem)
  for path in pairs(tests) do
    if path:match "([^/]+)%.%a+$" == stem then return true end
  end
end

local function mentions(pattern)
  for _, text in pairs(tests) do
    if text:find(pattern) then return true end
  end
end

-- Names of `def` for which neither check holds.
local function untested(def, ...)
  local missing = {}
  for _, name in ipairs(tree.registered(def)) do
    local found = false
    for _, check in ipairs { ... } do found = found or check(name) end
    if not found then missing[#missing + 1] = name end
  end
  return missing
end

function TestRegistry.testLayers()
  t.assertEquals(untested("runtime/layers/layers.def", function(name) return tests["tests/layers/" .. name .. ".lua"] end), {})
end

function TestRegistry.testAugmentations()
  t.assertEquals(untested("runtime/augment/augment.def", function(name) return tests["tests/augment/" .. name .. ".c"] end,
    function(name) return mentions("yl_augment_" .. name .. "%f[%W]") end), {})
end

-- A kernel is tested by its user: the layer or kernel test with the stem of the file that defines it.
local USERS = { matmul = "tensor", warp = "loader" }

local function stem_of_kernel(name)
  for _, path in ipairs(tree.files("%.c$", "runtime/kernels")) do
    if tree.read(path):find("YL_CPU%(" .. name .. "%)") then return path:match "([^/.]+)[^/]*$" end
  end
end

function TestRegistry.testKernels()
  t.assertEquals(untested("runtime/kernels/kernels.def", function(name)
    local stem = stem_of_kernel(name)
    return stem and (has_stem(stem) or has_stem(USERS[stem]))
  end), {})
end

-- The convolution's tests run every case with every algorithm of the list, so a line there is all that it takes.
function TestRegistry.testAlgorithms()
  t.assertTrue(tests["tests/kernels/conv2d.c"]:find "conv2d_algorithms" ~= nil)
end

-- A module is tested under its own name, by tests that call it by name, or by its user.
local WAYS = { plan = "conv2d", training = "train", batches = "train", bench = "verbs" }

function TestRegistry.testModules()
  t.assertEquals(untested("runtime/bind/modules.def", has_stem, function(name) return mentions("core%." .. name .. "%f[%W]") end,
    function(name) return has_stem(WAYS[name]) end), {})
end

os.exit(t.LuaUnit.run())
