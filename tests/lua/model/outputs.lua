-- Files that a call is about to write: never one that the network was read from, nor a pipe or a folder, nor two in one place, nor one in
-- a folder that is not there.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local yl = require "yolua"

local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

TestOutputs = {}

local function refused(...)
  local status, _, err = program.run { ... }
  t.assertEquals(status, 2, err)
  return err
end

local READ = "is a file that the network was read from, or its checkpoint: expected another place"

function TestOutputs.testWhatWasRead()
  core.files.make_folder(top .. "/own")
  local path, link = top .. "/own/model.safetensors", top .. "/link.safetensors"
  yl.load({ model = "street" }):save(path)
  os.execute(("ln -s own/model.safetensors '%s'"):format(link))
  local before = core.files.hash(path)
  t.assertStrContains(refused("compress", "model=" .. path, "out=" .. path, "bits.conv=2"), READ)
  t.assertStrContains(refused("compress", "model=" .. path, "out=" .. link, "bits.conv=2"), READ)
  t.assertStrContains(refused("decompose", "model=" .. path, "out=" .. top .. "/own", "layers=conv4", "ranks=2"), READ)
  t.assertStrContains(refused("compact", "model=" .. path, "out=" .. top .. "/own"), READ)
  t.assertEquals(core.files.hash(path), before)
end

function TestOutputs.testPipes()
  local pipe, folder = top .. "/pipe.safetensors", top .. "/folder"
  core.files.make_folder(folder)
  os.execute(("mkfifo '%s' '%s/model.cfg'"):format(pipe, folder))
  local wanted = "is a pipe or a device: expected a file"
  t.assertStrContains(refused("calibrate", "model=street", "data=synthetic", "data.limit=2", "frames=1", "out=" .. pipe), wanted)
  t.assertStrContains(refused("compress", "model=street", "out=" .. pipe), wanted)
  t.assertStrContains(refused("decompose", "model=street", "out=" .. folder, "layers=conv4", "ranks=2"), wanted)
end

-- Known before pictures are looked at or weights computed; calibrate's out= even before anything is read.
function TestOutputs.testPlaces()
  local folder = top .. "/folder.safetensors"
  core.files.make_folder(folder)
  for path, wanted in pairs { [top .. "/nowhere/deep/x.safetensors"] = "no such folder " .. top .. "/nowhere/deep\n",
    [folder] = folder .. ": it is a directory, a file was expected\n" } do
    local out = "out=" .. path
    t.assertStrContains(refused("calibrate", "model=nowhere.safetensors", "data=kitti", "data.root=nowhere", out), wanted)
    t.assertStrContains(refused("compress", "model=street", out), wanted)
    t.assertStrContains(refused("export", "model=street", out), wanted)
    local ok, sentence = pcall(yl.calibrate, yl.load { model = "street" }, yl.data { name = "synthetic", limit = 2 }.train, { out = path })
    t.assertFalse(ok)
    t.assertStrContains(tostring(sentence) .. "\n", wanted)
  end
  t.assertNil(core.files.kind(top .. "/nowhere"))
  program.ok { "export", "model=street", "out=" .. top .. "/new/darknet/" } -- a folder that is named itself is made
  t.assertEquals(core.files.kind(top .. "/new/darknet/model.weights"), "file")
end

function TestOutputs.testTwoInOnePlace()
  core.system.write(top .. "/m.param", "old")
  os.execute(("ln -s m.param '%s/m.bin'"):format(top))
  local status, _, err = program.run { "export", "model=street", "out=" .. top .. "/m.param" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "m.param: it leads to the same file as " .. top .. "/m.bin")
  t.assertEquals(core.system.read(top .. "/m.param"), "old")
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
