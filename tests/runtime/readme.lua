-- runtime/README.md's "Adding a layer", step by step: its blocks go into a copy of the tree, which is built (without optimisation and
-- for one instruction set: the code is what is tried) and runs the new layer's own test.
local t = require "luaunit"
local core = require "yolua.core"
local tree = require "support.tree"

local top = os.tmpname()
os.remove(top)

local function quoted(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

-- Runs a shell command; its output where it fails.
local function shell(command)
  local out = os.tmpname()
  local ok, _, status = os.execute(("%s >%s 2>&1 </dev/null"):format(command, out))
  local text = core.system.read(out)
  os.remove(out)
  if ok then return text end
  local faults = {}
  for line in text:gmatch "[^\n]+" do faults[#faults + 1] = line:find "error" and line or nil end
  t.fail(("%s: status %d:\n%s"):format(command, status, #faults > 0 and table.concat(faults, "\n") or text:sub(-3000)))
end

local function path(name) return top .. "/tree/" .. name end

local ways = {} -- by the words before a block's file: text of the file there is, text of the block -> text of the new one

ways["new"] = function(old, block)
  t.assertNil(old, "a new file is there already")
  return block
end

ways["at the end of"] = function(old, block)
  local body, guard = old:match "^(.*)(\n#endif\n)$" -- a header's end is before its guard's
  return body and body .. "\n" .. block .. guard or old .. block
end

ways["in `kinds` of"] = function(old, block)
  local new, count = old:gsub("(kinds%[%] = {\n)", "%1" .. block:gsub("%%", "%%%%"))
  t.assertEquals(count, 1)
  return new
end

-- "at the end of", "runtime/x.h" of a block's first line
local function heading(line)
  local words = line:match "^/%* (.*) %*/$" or line:match "^%-%- (.*)$" or ""
  local way, file = words:match "^(.-):? ([%w_/.]+)$"
  return ways[way], file
end

local function apply_blocks()
  local applied = {}
  for block in tree.read("runtime/README.md"):match("## Adding a layer\n(.*)\n## "):gmatch "\n```%l+\n(.-)```" do
    local first, rest = block:match "^([^\n]*)\n(.*)$"
    local way, file = heading(first)
    t.assertNotNil(way, "a block of runtime/README.md says where it goes, not: " .. first)
    local old = core.files.kind(path(file)) and core.system.read(path(file)) or nil
    core.system.write(path(file), way(old, rest))
    applied[#applied + 1] = file
  end
  return applied
end

local function copy_tree()
  core.files.make_folder(top .. "/tree")
  shell(("cd %s && cp -R CMakeLists.txt README.md CHANGELOG.md LICENSE runtime lua datasets recipes tests %s/tree/"):format(
    quoted(tree.top), top))
end

local function build()
  shell(("cmake -S %s/tree -B %s/build -DYOLUA_TESTS=OFF -DYOLUA_WERROR=ON -DYOLUA_ISAS=v2 -DCMAKE_C_FLAGS_RELEASE=-O0"):format(top, top))
  shell(("cmake --build %s/build --target yolua -j 2"):format(top))
end

-- Runs the new program in the copy.
local function run(words)
  return shell(("cd %s/tree && YOLUA_SOURCE=%s/tree LUA_PATH=%s %s/build/yolua %s"):format(top, top,
    quoted(top .. "/tree/tests/?.lua;" .. (os.getenv "LUA_PATH" or ";")), top, words))
end

TestAddingALayer = {}

function TestAddingALayer.test()
  copy_tree()
  t.assertEquals(apply_blocks(), { "runtime/kernels/clamp.h", "runtime/kernels/clamp.c", "runtime/layers/clamp.c",
    "runtime/layers/layers.def", "tests/layers/clamp.lua" })
  build()
  t.assertStrContains(run "tests/layers/clamp.lua", "4 successes, 0 failures")
  t.assertStrContains(run "tests/lint/registry.lua", "0 failures") -- no line without its test
  t.assertStrContains(run "tests/lint/structure.lua", "0 failures") -- nobody reaches into a room above
  t.assertStrContains(run "help clamp", "least output")
  core.system.write(top .. "/x.cfg",
    "[net]\nwidth=4\nheight=4\nchannels=3\n\n[convolutional]\nfilters=2\nactivation=linear\n\n[clamp]\nhigh=2\n")
  core.system.write(top .. "/x.lua", [[
    local yl = require "yolua"
    local net = yl.load { cfg = arg_cfg }
    net:save(arg_out)
    local again = yl.load { model = arg_out }
    assert(again.net:layers()[2].options.high == "2" and again:checksum() == net:checksum())
    yl.core.darknet.save_cfg(again.net, arg_cfg)
    assert(yl.gradcheck { "clamp", options = { low = -0.5 } }.worst < 0.01)
    print "kept"
  ]])
  core.system.write(top .. "/x.lua", (core.system.read(top .. "/x.lua"):gsub("arg_(%l+)", function(which)
    return ("%q"):format(top .. "/x." .. (which == "out" and "safetensors" or which))
  end)))
  t.assertStrContains(run(top .. "/x.lua"), "kept")
  t.assertStrContains(core.system.read(top .. "/x.cfg"), "[clamp]\nhigh=2\n")
end

local status = t.LuaUnit.run()
os.execute("rm -rf " .. quoted(top))
os.exit(status)
