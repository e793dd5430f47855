-- Every line of every .def file has a test that bears its name or uses it by name.
local t = require "luaunit"
local tree = require "support.tree"

TestRegistry = {}

local tests = {} -- path -> text
for _, path in ipairs(tree.files("%.[cl]u?a?$", "tests")) do
  if not path:find "^tests/lint/" then tests[path] = tree.read(path) end
end

-- A test of that stem, in one of the folders (none named: in any).
local function has_stem(stem, ...)
  for path in pairs(tests) do
    local folder, name = path:match "^tests/([^/]+)/.-([^/]+)%.%a+$"
    local fits = select("#", ...) == 0
    for _, wanted in ipairs { ... } do fits = fits or folder == wanted end
    if stem and fits and name == stem then return true end
  end
  return false
end

local function mentions(pattern)
  for _, text in pairs(tests) do
    if text:find(pattern) then return true end
  end
end

-- Of a list of names, or those of a .def file, the ones for which neither check holds.
local function untested(def, ...)
  local missing = {}
  for _, name in ipairs(type(def) == "table" and def or tree.registered(def)) do
    local found = false
    for _, check in ipairs { ... } do found = found or check(name) end
    if not found then missing[#missing + 1] = name end
  end
  return missing
end

function TestRegistry.testLayers()
  local function tested(name) return tests["tests/layers/" .. name .. ".lua"] end
  t.assertEquals(untested({ "conv2d", "nowhere" }, tested), { "nowhere" })
  t.assertEquals(untested("runtime/layers/layers.def", tested), {})
end

function TestRegistry.testAugmentations()
  t.assertEquals(untested("runtime/augment/augment.def", function(name) return tests["tests/augment/" .. name .. ".c"] end,
    function(name) return mentions("yl_augment_" .. name .. "%f[%W]") end), {})
end

-- A kernel is tested by its user: the layer or kernel test with the stem of the file that defines it.
local USERS = { matmul = { "tensor", "tensor" }, table = { "conv2d", "kernels" } }

local function stem_of_kernel(name)
  for _, path in ipairs(tree.files("%.c$", "runtime/kernels")) do
    if tree.read(path):find("YL_CPU%(" .. name .. "%)") then return path:match "([^/.]+)[^/]*$" end
  end
end

local function kernel_tested(name)
  local stem = stem_of_kernel(name)
  return has_stem(stem, "layers", "kernels") or has_stem(table.unpack(USERS[stem] or {}))
end

function TestRegistry.testKernels()
  t.assertEquals(untested({ "conv2d_algorithms", "no_such_kernel", "yolo_loss" }, kernel_tested), { "no_such_kernel" })
  t.assertEquals(untested("runtime/kernels/kernels.def", kernel_tested), {})
end

-- A kernel that takes activations (void *) is told their type by its geometry; a layer need not change where a backend has another.
-- The last column says which kernels have a CUDA twin: the linker sees one that is missing, this one that is kept secret.
function TestRegistry.testTwins()
  local defined, said, seen = {}, {}, 0
  for _, path in ipairs(tree.files("%.cu$", "runtime/kernels")) do
    for name in tree.read(path):gmatch "\nyl_status YL_CUDA%(([%w_]+)%)" do defined[name] = true end
  end
  for _, line in ipairs(tree.lines "runtime/kernels/kernels.def") do
    local name, twin = line:match "^K%(([%w_]+),.*,%s*(%u+)%)$"
    if name then
      seen = seen + 1
      if (twin == "YES") ~= (defined[name] == true) then said[#said + 1] = name .. " says " .. twin end
    end
  end
  t.assertEquals(said, {})
  t.assertEquals(seen, #tree.registered "runtime/kernels/kernels.def")
end

function TestRegistry.testActivationsCarryTheirType()
  local geometries, kernels = tree.read "runtime/kernels/geometry.h", tree.read "runtime/kernels/kernels.def"
  local count, faults = 0, {}
  for name, parameters in kernels:gmatch "\nK%(([%w_]+), (%b())" do
    local activations = parameters:gsub("void %*scratch", ""):find("void %*") ~= nil
    local geometry = parameters:match "const yl_([%w_]+)_geom %*g[,)]"
    local body = geometry and geometries:match("typedef struct yl_" .. geometry .. "_geom (%b{})") or ""
    local typed = body:find "yl_dtype dtype;" or body:find "yl_head_geom head;"
    count = count + (activations and 1 or 0)
    if activations and not typed then faults[#faults + 1] = name .. " takes activations of an unknown type" end
  end
  t.assertTrue(count >= 30)
  t.assertEquals(faults, {})
end

-- The convolution's test runs every case with every algorithm, and fails where a line of algorithms.def ran in none.
function TestRegistry.testAlgorithms()
  t.assertStrContains(tests["tests/kernels/conv2d.c"], "every_algorithm_ran")
end

-- A module is tested under its own name, by tests that call it by name, or by its user.
local WAYS = { plan = "conv2d", lock = "sweep", batches = "train", bench = "verbs", stream = "predict",
  tensor_views = "tensor", tensor_math = "tensor", hold = "plan" }

function TestRegistry.testModules()
  local function named(name) return has_stem(name, "lua", "bind", "tensor", "net", "loader", "formats", "eval", "scene", "prune") end
  local function called(name) return mentions("core%." .. name .. "%f[%W]") end
  local function used(name) return has_stem(WAYS[name]) end
  t.assertEquals(untested({ "plan", "no_such_module" }, named, called, used), { "no_such_module" })
  t.assertEquals(untested("runtime/bind/modules.def", named, called, used), {})
end

os.exit(t.LuaUnit.run())
