-- The shape of lua/yolua/: no circle among its modules, nor among its folders, lazy requires included (one inside a function hides a
-- circle, it does not remove it); a require names a module that exists; the top holds few files.
local t = require "luaunit"
local tree = require "support.tree"

local MOST_AT_TOP = 12

TestModules = {}

-- The names of modules in a line of code: `require "yolua.x"`, pcall(require, "yolua.x"), package.loaded["yolua.x"]; what a name is put
-- together from at run time ("yolua.verbs." .. name) is a registry, and found by its folder.
local FORMS = { '%f[%w_]require%s*%(?%s*"(yolua[%w_.]*)"', '%f[%w_]require,%s*"(yolua[%w_.]*)"', 'package%.loaded%["(yolua[%w_.]*)"%]' }

local function required(line)
  local list = {}
  for _, pattern in ipairs(FORMS) do
    for name in line:gmatch(pattern) do
      if name ~= "yolua.core" and name:sub(-1) ~= "." then list[#list + 1] = name end
    end
  end
  return list
end

-- path -> what `require` calls it
local function module_name(path)
  local name = path:gsub("%.lua$", ""):gsub("/", ".")
  return name == "lua.yolua.init" and "yolua" or (name:gsub("^lua%.", ""):gsub("^datasets%.", "yolua.datasets."))
end

-- Of each module: { name of one that it needs = "file:line" }; and requires of modules that do not exist.
local function graph(paths, lines_of)
  local edges, faults, known = {}, {}, {}
  for _, path in ipairs(paths) do known[module_name(path)] = true end
  for _, path in ipairs(paths) do
    local from = {}
    edges[module_name(path)] = from
    for number, line in ipairs(lines_of(path)) do
      for _, name in ipairs(line:find "^%s*%-%-" and {} or required(line)) do
        local place = ("%s:%d"):format(path, number)
        if known[name] then from[name] = from[name] or place
        else faults[#faults + 1] = ("%s: there is no module %s"):format(place, name) end
      end
    end
  end
  return edges, faults
end

-- The circles of the graph, each as "a -> b (file:line) -> a (file:line)": depth first, a module on the path that is met again closes one.
local function circles(edges)
  local found, done, path, place_on = {}, {}, {}, {}
  local function visit(name)
    path[#path + 1], place_on[name] = name, #path + 1
    local targets = {}
    for target in pairs(edges[name]) do targets[#targets + 1] = target end
    table.sort(targets)
    for _, target in ipairs(targets) do
      if place_on[target] then
        local text = target
        for i = place_on[target], #path do
          local next_ = path[i + 1] or target
          text = ("%s -> %s (%s)"):format(text, next_, edges[path[i]][next_])
        end
        found[#found + 1] = text
      elseif not done[target] then visit(target) end
    end
    path[#path], place_on[name], done[name] = nil, nil, true
  end
  local names = {}
  for name in pairs(edges) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not done[name] then visit(name) end
  end
  return found
end

-- The same between folders. A file at the top belongs to the folder of its name if that needs it (model.lua is what model/load.lua makes);
-- otherwise it is a door, above all that it opens (cli.lua).
local function folder_graph(edges)
  local inner, out = {}, {}
  for from, targets in pairs(edges) do
    local folder = from:match "^yolua%.([^.]+)%."
    if folder and targets["yolua." .. folder] then inner["yolua." .. folder] = folder end
  end
  local function folder_of(name) return name:match "^yolua%.([^.]+)%." or inner[name] or name end
  for from, targets in pairs(edges) do
    local home = folder_of(from)
    out[home] = out[home] or {}
    for target, place in pairs(targets) do
      local other = folder_of(target)
      if other ~= home then out[home][other] = out[home][other] or place end
    end
  end
  return out
end

-- What the top file of the library needs is told by its list of names.
local function library_edges(edges)
  local library = require "yolua.library"
  for _, name in ipairs(library.names()) do
    local module = library.module(name)
    edges.yolua[module] = edges.yolua[module] or "lua/yolua/library.lua: " .. name
  end
end

local function files() return tree.files("%.lua$", "lua/yolua", "datasets") end

function TestModules.testNoCircle()
  local edges = graph(files(), tree.lines)
  library_edges(edges)
  local count = 0
  for _ in pairs(edges) do count = count + 1 end
  t.assertTrue(count > 100, count)
  t.assertNotNil(edges["yolua.train"]["yolua.train.training"])
  t.assertNotNil(edges.yolua["yolua.model.load"])
  t.assertEquals(circles(edges), {})
end

function TestModules.testNoCircleOfFolders()
  local folders = folder_graph((graph(files(), tree.lines)))
  t.assertNotNil(folders.verbs.cli)
  t.assertNotNil(folders["yolua.cli"].help)
  t.assertNotNil(folders.eval.model)
  t.assertEquals(circles(folders), {})
end

function TestModules.testWhatIsRequiredExists()
  t.assertEquals(select(2, graph(files(), tree.lines)), {})
  local known = {}
  for _, path in ipairs(files()) do known[module_name(path)] = true end
  t.assertEquals(tree.faults(tree.files("%.lua$", "tests", "recipes", "lua/annotate"), function(line, path)
    for _, name in ipairs(path:find "^tests/lint/" and {} or required((line:gsub("package%.loaded", "")))) do
      if not known[name] then return "there is no module " .. name end
    end
  end), {})
end

-- The search sees a circle, a lazy one too, and says where.
function TestModules.testTheSearch()
  local texts = {
    ["lua/yolua/a.lua"] = { 'local b = require "yolua.b"', "" },
    ["lua/yolua/b.lua"] = { 'local c = require("yolua.c").x', '-- require "yolua.nowhere"' },
    ["lua/yolua/c.lua"] = { "", 'function c.f() return require "yolua.a" end' },
    ["datasets/d.lua"] = { 'local a = require "yolua.a"', 'local ok, e = pcall(require, "yolua.gone")', 'require("yolua.verbs." .. name)' },
  }
  local paths = { "lua/yolua/a.lua", "lua/yolua/b.lua", "lua/yolua/c.lua", "datasets/d.lua" }
  local edges, faults = graph(paths, function(path) return texts[path] end)
  t.assertEquals(faults, { "datasets/d.lua:2: there is no module yolua.gone" })
  t.assertEquals(circles(edges),
    { "yolua.a -> yolua.b (lua/yolua/a.lua:1) -> yolua.c (lua/yolua/b.lua:1) -> yolua.a (lua/yolua/c.lua:2)" })
  texts["lua/yolua/c.lua"][2] = ""
  t.assertEquals(circles((graph(paths, function(path) return texts[path] end))), {})
end

function TestModules.testTheSearchOfFolders()
  local edges = {
    ["yolua.a"] = { ["yolua.a.x"] = "a.lua:1", ["yolua.b.y"] = "a.lua:2" },       -- a door: nobody in a/ needs it
    ["yolua.a.x"] = {}, ["yolua.b.y"] = { ["yolua.a.x"] = "b/y.lua:1", ["yolua.b"] = "b/y.lua:2" },
    ["yolua.b"] = { ["yolua.c.z"] = "b.lua:1" }, ["yolua.c.z"] = {},                -- b.lua is of b/
  }
  t.assertEquals(circles(folder_graph(edges)), {})
  edges["yolua.c.z"]["yolua.a.x"] = "c/z.lua:1"
  t.assertEquals(circles(folder_graph(edges)), {})
  edges["yolua.a.x"]["yolua.c.w"] = "a/x.lua:7" -- no circle of modules, one of folders
  t.assertEquals(circles(folder_graph(edges)), { "a -> c (a/x.lua:7) -> a (c/z.lua:1)" })
end

function TestModules.testTop()
  local top = {}
  for _, path in ipairs(tree.files("%.lua$", "lua/yolua")) do
    if path:find "^lua/yolua/[^/]+$" then top[#top + 1] = path end
  end
  t.assertTrue(#top > 5 and #top <= MOST_AT_TOP, ("%d files at the top of lua/yolua/: %s"):format(#top, table.concat(top, " ")))
end

os.exit(t.LuaUnit.run())
