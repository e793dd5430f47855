-- Every line of every .def file, and every kernel, has a test that bears its name or uses it by name.
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

-- The kernels of a header's list: { name, parameters, twin }.
local function listed(text)
  local stem, body = text:match "\n#define YL_([%u%d_]+)_KERNELS%(K%)(.-[^\\])\n"
  local list = { stem = stem and stem:lower() }
  for name, parameters, twin in (body or ""):gsub("\\\n", ""):gmatch "K%(([%w_]+),%s*(%b()),%s*(%u+)%)" do
    list[#list + 1] = { name = name, parameters = parameters:gsub("%s+", " "), twin = twin }
  end
  return list
end

local kernels, by_name, geometries = {}, {}, ""
for _, path in ipairs(tree.files("%.h$", "runtime/kernels")) do
  local text = tree.read(path)
  local list = listed(text)
  geometries = geometries .. text
  for _, kernel in ipairs(list) do
    kernel.stem, kernel.header = list.stem, path
    kernels[#kernels + 1], by_name[kernel.name] = kernel, kernel
  end
end

function TestRegistry.testTheListOfKernels()
  local text = "\n#define YL_A_B2_KERNELS(K)   \\\n    K(one, (int a),  \\\n    YES)    \\\n    K(two, (int (*f)(int)), NO)\n"
  t.assertEquals(listed(text .. "\nK(three, (int), NO)\n"), { stem = "a_b2", { name = "one", parameters = "(int a)", twin = "YES" },
    { name = "two", parameters = "(int (*f)(int))", twin = "NO" } })
  t.assertTrue(#kernels >= 40, #kernels .. " kernels")
end

-- The stem rule: kernels/x.h lists what kernels/x.c defines.
function TestRegistry.testKernelsLieInTheirStem()
  local faults = {}
  for _, kernel in ipairs(kernels) do
    local file = ("runtime/kernels/%s.c"):format(kernel.stem)
    if kernel.header ~= file:gsub("c$", "h") then faults[#faults + 1] = kernel.header .. " lists the kernels of " .. kernel.stem end
    if not tree.read(file):find("\nyl_status YL_CPU%(" .. kernel.name .. "%)") then
      faults[#faults + 1] = ("%s is not defined in %s"):format(kernel.name, file)
    end
  end
  t.assertEquals(faults, {})
end

-- A kernel is tested by its user: the layer or kernel test of its stem.
local USERS = { matmul = { "tensor", "tensor" } }

local function kernel_tested(name)
  local stem = by_name[name] and by_name[name].stem
  return has_stem(stem, "layers", "kernels") or has_stem(table.unpack(USERS[stem] or {}))
end

function TestRegistry.testKernels()
  t.assertEquals(untested({ "conv2d_algorithms", "no_such_kernel", "yolo_loss" }, kernel_tested), { "no_such_kernel" })
  local names = {}
  for i, kernel in ipairs(kernels) do names[i] = kernel.name end
  t.assertEquals(untested(names, kernel_tested), {})
end

-- The last column says which kernels have a CUDA twin: the linker sees one that is missing, this one that is kept secret.
function TestRegistry.testTwins()
  local defined, said = {}, {}
  for _, path in ipairs(tree.files("%.cu$", "runtime/kernels")) do
    for name in tree.read(path):gmatch "\nyl_status YL_CUDA%(([%w_]+)%)" do defined[name] = true end
  end
  for _, kernel in ipairs(kernels) do
    if (kernel.twin == "YES") ~= (defined[kernel.name] == true) then said[#said + 1] = kernel.name .. " says " .. kernel.twin end
  end
  t.assertEquals(said, {})
end

-- A kernel that takes activations (void *) is told their type by its geometry; a layer need not change where a backend has another.
function TestRegistry.testActivationsCarryTheirType()
  local count, faults = 0, {}
  for _, kernel in ipairs(kernels) do
    local activations = kernel.parameters:gsub("void %*scratch", ""):find("void %*") ~= nil
    local geometry = kernel.parameters:match "const yl_([%w_]+)_geom %*g[,)]"
    local body = geometry and geometries:match("typedef struct yl_" .. geometry .. "_geom (%b{})") or ""
    local typed = body:find "yl_dtype dtype;" or body:find "yl_head_geom head;"
    count = count + (activations and 1 or 0)
    if activations and not typed then faults[#faults + 1] = kernel.name .. " takes activations of an unknown type" end
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
  tensor_views = "tensor", tensor_math = "tensor", tensor_gradients = "backward", hold = "plan" }

function TestRegistry.testModules()
  local function named(name) return has_stem(name, "lua", "bind", "tensor", "layers", "net", "loader", "formats", "eval", "scene",
    "prune") end
  local function called(name) return mentions("core%." .. name .. "%f[%W]") end
  local function used(name) return has_stem(WAYS[name]) end
  t.assertEquals(untested({ "plan", "no_such_module" }, named, called, used), { "no_such_module" })
  t.assertEquals(untested("runtime/bind/modules.def", named, called, used), {})
end

os.exit(t.LuaUnit.run())
