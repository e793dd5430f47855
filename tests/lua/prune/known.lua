-- Scores that a scan has measured, kept line by line: what a crash leaves is read up to the first line that is not whole.
local t = require "luaunit"
local core = require "yolua.core"
local known = require "yolua.prune.known"

local folder = os.tmpname()
os.remove(folder)
local path = folder .. "/sensitivity-abc.jsonl"

TestKnown = {}

function TestKnown:setUp() os.execute(("rm -rf '%s'"):format(folder)) end

function TestKnown:testKept()
  local first = known.open(folder, "abc")
  t.assertEquals(first.path, path)
  t.assertNil(first:get("conv1", 0.5))
  first:put("conv1", 0.5, 0.25)
  first:put("conv1", 0.1 + 0.2, 0.125)
  t.assertEquals(first:get("conv1", 0.5), 0.25)
  local second = known.open(folder, "abc")
  t.assertEquals({ second:get("conv1", 0.5), second:get("conv1", 0.1 + 0.2) }, { 0.25, 0.125 })
  t.assertNil(second:get("conv1", 0.3)) -- another number, if only just
  t.assertNil(second:get("conv2", 0.5))
  t.assertEquals(second.count, 2)
  t.assertNil(known.open(folder, "other"):get("conv1", 0.5))
end

local LINE = '{"layer":"conv1","sparsity":0.5,"ap":0.25}\n'

function TestKnown:testCut()
  core.files.make_folder(folder)
  for _, rest in ipairs { '{"layer":"conv2","spars', "no json\n" .. LINE, '{"layer":"conv2"}\n', '{"layer":7,"sparsity":0.5,"ap":1}\n',
      '{"layer":"conv2","sparsity":0.5,"ap":null}\n', "[]\n" } do
    core.system.write(path, LINE .. rest)
    local scores = known.open(folder, "abc")
    t.assertEquals(scores:get("conv1", 0.5), 0.25, rest)
    t.assertNil(scores:get("conv2", 0.5))
    t.assertEquals(core.system.read(path), LINE) -- and the next line begins where a line begins
    scores:put("conv2", 0.5, 0.75)
    t.assertEquals(known.open(folder, "abc"):get("conv2", 0.5), 0.75)
  end
end

local status = t.LuaUnit.run()
os.execute(("rm -rf '%s'"):format(folder))
os.exit(status)
