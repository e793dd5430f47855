-- Class maps: auto's choice, the poster's map, neighbours, users' files with their refusals, names that could be mistaken.
local t = require "luaunit"
local core = require "yolua.core"
local classmap = require "yolua.data.classmap"
local kitti = require "yolua.datasets.kitti"

TestClassmap = {}

local poster_names = { "truck", "person", "bicycle", "car", "train", "dog" }

function TestClassmap:setUp() self.path = os.tmpname() end
function TestClassmap:tearDown() os.remove(self.path) end

function TestClassmap:file(text)
  core.system.write(self.path, text)
  return self.path
end

function TestClassmap:testPoster()
  local map = classmap.make(kitti, poster_names, "auto")
  t.assertEquals(map.name, "poster")
  t.assertEquals(map.to, { Car = "car", Van = "car", Truck = "truck", Pedestrian = "person", Person_sitting = "person",
    Cyclist = "bicycle", Tram = "train" })
  t.assertEquals({ classmap.targets "poster", classmap.targets(nil) }, { map.to, {} })
  t.assertEquals({ map.ignore, map.neighbour, map.lost, map.as }, { { Misc = true, DontCare = true }, {}, {}, {} })
  t.assertEquals(map.classes, { "truck", { name = "person", "Pedestrian", "Person_sitting" }, { name = "bicycle", "Cyclist" },
    { name = "car", "Van" }, { name = "train", "Tram" } })
end

function TestClassmap:testWhatTheNetworkLacksIsBackground()
  local map = classmap.make(kitti, { "person", "car" }, "auto")
  t.assertEquals(map.lost, { "Truck", "Cyclist", "Tram" })
  t.assertEquals({ map.to.Truck, map.to.Van, map.ignore.Misc }, { nil, "car", true })
end

function TestClassmap:testIdentity()
  local map = classmap.make(kitti, { "pedestrian", "Car" }, "auto")
  t.assertEquals({ map.name, map.to }, { "identity", { Pedestrian = "pedestrian", Car = "Car" } })
  t.assertEquals({ map.neighbour, map.ignore }, { { Van = "Car", Person_sitting = "pedestrian" }, { Misc = true, DontCare = true } })
  t.assertEquals({ map.classes, map.lost }, { { "pedestrian", "Car" }, { "Truck", "Cyclist", "Tram" } })
  local all = classmap.make(kitti, { "bird", table.unpack(kitti.classes) }, "auto")
  t.assertEquals({ all.name, all.to.Misc, all.ignore, all.lost }, { "identity", "Misc", { DontCare = true }, {} })
end

function TestClassmap:testFile()
  local path = self:file "Car: car\nvan: neighbour of CAR\nTruck: none\nCyclist: ignore\nPedestrian: person\n"
  local map = classmap.make(kitti, poster_names, path)
  t.assertEquals({ map.to, map.neighbour }, { { Car = "car", Pedestrian = "person" }, { Van = "car" } })
  t.assertEquals(map.ignore, { Cyclist = true, DontCare = true })
  t.assertEquals(map.lost, { "Person_sitting", "Tram", "Misc" }) -- nothing was said of them
end

function TestClassmap:refused(sentence, text)
  t.assertErrorMsgContains(self.path .. sentence, classmap.make, kitti, poster_names, self:file(text))
end

function TestClassmap:testRefusals()
  self:refused(":2: 'Cra' is not a class of the data, did you mean 'Car'?", "Van: car\nCra: car\n")
  self:refused(":1: 'persn' is not a class of the network, did you mean 'person'?", "Pedestrian: persn\n")
  self:refused(":1: 'boat' is not a class of the network", "Van: neighbour of boat\n")
  self:refused(":1: Car: expected a class name, got a number", "Car: 3\n")
  self:refused(": expected lines 'data class: network class'", "- Car\n")
  self:refused(":", "Car: [\n")
  t.assertErrorMsgContains("none in common", classmap.make, kitti, { "cat", "dog" }, "auto")
  t.assertErrorMsgContains("did you mean 'identity'", classmap.make, kitti, poster_names, "identiy")
end

-- Protocols compare names whatever their case: KITTI's Truck must not pass for the network's truck where the map says otherwise.
function TestClassmap:testClashes()
  local map = classmap.make(kitti, poster_names, self:file "Truck: car\nCar: none\nTram: truck\nMisc: ignore\n")
  t.assertEquals(map.as, { Truck = "car", Car = false })
  t.assertEquals(map.classes, { { name = "truck", "Tram" }, "car" })
end

-- What a checkpoint keeps of a map makes the same map again, without its file; for other data or names it does not count.
function TestClassmap:testKept()
  for _, which in ipairs { "auto", "identity", self:file "Car: car\nvan: neighbour of CAR\nTruck: none\nCyclist: ignore\n" } do
    local names = which == "identity" and { "Car", "none", "Tram" } or poster_names
    local map = classmap.make(kitti, names, which)
    local kept = core.json.decode(core.json.encode(classmap.kept(map, kitti)))
    t.assertTrue(classmap.is_kept(kept))
    map.name = map.name:match "[^/]*$"
    t.assertEquals(classmap.make(kitti, names, kept), map)
    t.assertTrue(classmap.fits(kept, kitti, names))
    t.assertFalse(classmap.fits(kept, kitti, { "cat" }))
    t.assertFalse(classmap.fits(kept, { classes = { "Car", "Boat" } }, names))
  end
end

os.exit(t.LuaUnit.run())
