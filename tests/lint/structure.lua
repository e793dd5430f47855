-- The shape of runtime/: folders include only from folders before them, lua.h stays in bind/ and the two doors, no conditionals on a
-- backend, nothing ends the process or prints outside main.c.
local t = require "luaunit"
local tree = require "support.tree"

local ORDER = { "core", "comm", "kernels", "backend", "tensor", "layers", "net", "image", "augment", "loader", "detect", "eval", "scene",
  "prune", "compress", "formats", "serve", "bind" }
local PLACE = {}
for i, folder in ipairs(ORDER) do PLACE[folder] = i end

TestStructure = {}

local function sources() return tree.files("%.[ch]u?h?$", "runtime") end

local function room(path) return path:match "^runtime/([^/]+)/" or "top" end

function TestStructure.testRoomsAreKnown()
  for _, path in ipairs(sources()) do
    if room(path) ~= "top" then t.assertNotNil(PLACE[room(path)], path .. " lies in a folder that the list of rooms lacks") end
  end
end

-- The top holds what was agreed upon, dotfiles, and what git ignores.
function TestStructure.testTop()
  local known = { ["CMakeLists.txt"] = true, ["README.md"] = true, LICENSE = true, ["CHANGELOG.md"] = true, runtime = true, lua = true,
    recipes = true, datasets = true, tests = true, findings = true, runs = true }
  local list <close> = io.popen(("ls '%s'"):format(tree.top))
  for name in list:lines() do
    t.assertTrue(known[name] or name:find "^build" ~= nil, name .. " does not belong at the top of the tree")
  end
end

local function include_fault(line, path)
  local file = line:match '^%s*#%s*include%s+"([^"]+)"'
  local folder = file and file:match "^([^/]+)/"
  if not file or room(path) == "top" then return end
  if not folder then return ("%s is not included by its folder"):format(file) end
  if not PLACE[folder] or PLACE[folder] > PLACE[room(path)] then return ("%s/ includes %s"):format(room(path), file) end
end

function TestStructure.testIncludeDirection()
  t.assertEquals(include_fault('#include "net/net.h"', "runtime/layers/x.c"), "layers/ includes net/net.h")
  t.assertNil(include_fault('#include "core/status.h"', "runtime/layers/x.c"))
  t.assertEquals(tree.faults(sources(), include_fault), {})
end

-- A header that declares what a later folder defines would hide a circle from the include test.
function TestStructure.testWhatAHeaderDeclaresItsFolderDefines()
  local defined = {}
  tree.faults(sources(), function(line, path)
    local name = line:match "^[%a_][%w_ %*]-(yl_[%w_]+)%(" -- a definition starts at the line's start, whatever its type
    if name and path:find "%.c$" and not line:find ";%s*$" then defined[name] = room(path) end
  end)
  t.assertEquals({ defined.yl_device_get, defined.yl_net_step }, { "backend", "net" })
  t.assertEquals(tree.faults(tree.files("%.h$", "runtime"), function(line, path)
    local name = line:match "^[%a_][%w_ %*]-(yl_[%w_]+)%("
    local where = name and defined[name]
    if where and where ~= room(path) then return ("declares %s, which %s/ defines"):format(name, where) end
  end), {})
end

-- Calls between the files of one folder go one way, so that each can be read, and tested, before those that use it. What remains as a
-- circle stands here with its reason: "folder: file file".
local CIRCLES = {}

-- Which functions and tables a file defines for others.
local function definitions(text)
  local names = {}
  text = "\n" .. text
  for head, name in text:gmatch "\n([%a_][%w_ %*]-)%f[%w_](yl_[%w_]+)%([^;{]-%)\n{" do
    if not head:find "^static" then names[#names + 1] = name end
  end
  for head, name in text:gmatch "\n([%a_][%w_ %*]-)YL_CPU%(([%w_]+)%)[^;{]-%)\n{" do
    if not head:find "^static" then names[#names + 1] = "YL_CPU(" .. name .. ")" end
  end
  for head, name in text:gmatch "\n([%a_][%w_ %*]-)%f[%w_](yl_[%w_]+)[%w_%[%]]* =" do
    if not head:find "^static" then names[#names + 1] = name end
  end
  return names
end

-- uses[a][b]: a name of b's that a uses; `files`: name -> text.
local function uses_of(files)
  local home, uses = {}, {}
  for file, text in pairs(files) do
    for _, name in ipairs(definitions(text)) do home[name] = file end
  end
  for file, text in pairs(files) do
    uses[file] = {}
    local function note(name)
      if home[name] and home[name] ~= file then uses[file][home[name]] = name end
    end
    text = text:gsub("/%*.-%*/", ""):gsub('"[^"\n]*"', "")
    for name in text:gmatch "%f[%w_]yl_[%w_]+" do note(name) end
    for name in text:gmatch "YL_CPU%([%w_]+%)" do note(name) end
  end
  return uses
end

local function reaches(uses, from, target, seen)
  for to in pairs(uses[from]) do
    if to == target then return true end
    if not seen[to] then
      seen[to] = true
      if reaches(uses, to, target, seen) then return true end
    end
  end
end

-- "layer.c work.c" for the files that lead back to themselves; "" where none does.
local function circle(files)
  local uses, found = uses_of(files), {}
  for file in pairs(files) do
    if reaches(uses, file, file, {}) then found[#found + 1] = file end
  end
  table.sort(found)
  return table.concat(found, " ")
end

function TestStructure.testCallsWithinAFolderGoOneWay()
  local one, two = "void yl_one(void)\n{\n    yl_two();\n}\n", "int yl_two(int a,\n           int b)\n{\n    yl_three();\n}\n"
  t.assertEquals(circle { ["a.c"] = one, ["b.c"] = two }, "")
  t.assertEquals(circle { ["a.c"] = one, ["b.c"] = two, ["c.c"] = "const int yl_three[] = {\n    yl_one };\n" }, "a.c b.c c.c")
  t.assertEquals(circle { ["a.c"] = "yl_status YL_CPU(one)(int a)\n{\n    YL_CPU(two)(a);\n}\n",
    ["b.c"] = "yl_status YL_CPU(two)(int a)\n{\n    YL_CPU(one)(a);\n}\n" }, "a.c b.c")
  local folders, faults = {}, {}
  for _, path in ipairs(tree.files("%.c$", "runtime")) do
    local folder = room(path)
    folders[folder] = folders[folder] or {}
    folders[folder][path:match "[^/]+$"] = tree.read(path)
  end
  for folder, files in pairs(folders) do
    local found = circle(files)
    if found ~= "" and not CIRCLES[folder .. ": " .. found] then faults[folder] = found end
  end
  t.assertEquals(faults, {})
end

-- Headers too: of two that include each other, one is read half.
function TestStructure.testHeadersIncludeOneWay()
  local includes, count, faults = {}, 0, {}
  for _, path in ipairs(tree.files("%.c?u?h$", "runtime")) do
    local of = {}
    for file in tree.read(path):gmatch '\n%s*#%s*include%s+"([^"]+)"' do of[file], count = file, count + 1 end
    includes[path:match "^runtime/(.*)"] = of
  end
  local generated = {} -- kernels/stems.h, as CMake writes it
  for _, path in ipairs(tree.files("%.h$", "runtime/kernels")) do
    if tree.read(path):find "_KERNELS%(K%)" and not path:find "kernels%.h$" then generated[path:match "^runtime/(.*)"] = path end
  end
  includes["kernels/stems.h"] = generated
  t.assertTrue(count > 200, count)
  t.assertNotNil(generated["kernels/conv2d.h"])
  setmetatable(includes, { __index = function() return {} end }) -- a list of lines, algorithms.def, includes nothing
  for file in pairs(includes) do
    if reaches(includes, file, file, {}) then faults[#faults + 1] = file end
  end
  t.assertEquals(faults, {})
end

local DOORS = { ["runtime/main.c"] = true, ["runtime/module.c"] = true } -- the program's and the plain module's

function TestStructure.testOnlyTheFaceKnowsLua()
  t.assertEquals(tree.faults(sources(), function(line, path)
    if room(path) ~= "bind" and not DOORS[path] and line:find '#%s*include%s*[<"]l[ua][au]' then return "includes " .. line end
  end), {})
end

function TestStructure.testNoConditionalsOnABackend()
  t.assertEquals(tree.faults(sources(), function(line)
    if line:find "^#ifndef YL_[%w_]+_CUDA_C?U?H$" then return end -- a header's own guard
    if line:find "^%s*#%s*e?l?if" and (line:find "CUDA" or line:find "CUDNN" or line:find "DNNL" or line:find "GPU") then return line end
  end), {})
end

-- Their position would be one of the library's own lines, which tells a user nothing: bind.h has checks of its own.
local function luas_own_check(line, path)
  local name = line:match "%f[%w_](luaL_error)%s*%(" or line:match "%f[%w_](luaL_arg%w+)%s*%(" or
    line:match "%f[%w_](luaL_opt%w+)%s*%(" or line:match "%f[%w_](luaL_check%w+)%s*%("
  if room(path) == "bind" and name and name ~= "luaL_checkstack" then return ("calls %s; expected bind.h's own"):format(name) end
  if line:find "#%s*define%s+luaL?_" or line:find "#%s*undef%s+luaL?_" then return "renames a function of Lua's" end
end

function TestStructure.testErrorsOfTheFaceCarryTheUsersPlace()
  t.assertNotNil(luas_own_check('    return luaL_error(L, "no");', "runtime/bind/x.c"))
  t.assertNotNil(luas_own_check("    int64_t n = luaL_checkinteger(L, 2);", "runtime/bind/x.c"))
  t.assertNotNil(luas_own_check("#define luaL_error yl__error", "runtime/bind/x.h"))
  t.assertNil(luas_own_check('    return yl__error(L, "no");', "runtime/bind/x.c"))
  t.assertEquals(tree.faults(sources(), luas_own_check), {})
end

local ENDS = { "exit", "_exit", "_Exit", "quick_exit", "abort", "assert", "printf", "fprintf", "vprintf", "vfprintf", "puts",
  "putchar", "perror" }
local COPY = { ["runtime/core/child.c"] = "_exit" } -- ends a copy of the process

function TestStructure.testOnlyTheDoorsEndOrPrint()
  t.assertEquals(tree.faults(sources(), function(line, path)
    if DOORS[path] then return end
    for _, name in ipairs(ENDS) do
      local ends = COPY[path] ~= name and line:gsub('"[^"]*"', ""):find("%f[%w_]" .. name .. "%s*%(")
      if ends then return name .. " belongs into main.c or module.c" end
    end
  end), {})
end

-- A file opens with what it is and why.
function TestStructure.testFilesOpenWithAComment()
  local faults = {}
  for _, path in ipairs(tree.files "%.[chl]u?a?h?$") do
    local first = tree.lines(path)[1]
    if not first:find "^/[*/]" and not first:find "^%-%-" then faults[#faults + 1] = path .. " opens with: " .. first end
  end
  t.assertEquals(faults, {})
end

os.exit(t.LuaUnit.run())
