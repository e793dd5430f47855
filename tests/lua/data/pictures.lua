-- Data sets with pictures that cannot be read, that lie on their side, or hold stray bytes: what doctor, val and train say and do.
local t = require "luaunit"
local core = require "yolua.core"
local pictures = require "yolua.data.pictures"
local program = require "support.program"

TestPictures = {}

local top, model

local function path(name) return top .. "/" .. name end

local function put(name, bytes)
  core.files.make_folder((path(name):match "^(.*)/"))
  core.system.write(path(name), bytes)
end

-- Grey with a red rectangle: its box in the upright picture.
local function street(w, h, box)
  local rows = {}
  for y = 0, h - 1 do
    for x = 0, w - 1 do
      local inside = x >= box[1] and x < box[3] and y >= box[2] and y < box[4]
      rows[#rows + 1] = inside and "\xdc\x3c\x28" or "\x50\x50\x50"
    end
  end
  return core.image.new(w, h, table.concat(rows))
end

local TURN = "\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\6\0\0\0\0\0\0\0"

local function with_exif(bytes) return bytes:sub(1, 2) .. TURN .. bytes:sub(3) end

function TestPictures.setUp()
  if top then return end
  top = program.tiny()
  model = { "cfg=" .. path "tiny.cfg", "names=" .. path "tiny.names" }
  local whole = street(160, 96, { 20, 30, 60, 50 }):jpeg(90)
  for i = 1, 6 do
    put(("noted/images/%d.jpg"):format(i), whole)
    put(("noted/labels/%d.txt"):format(i), "0 0.25 0.4167 0.25 0.2083\n")
  end
  put("noted/images/2.jpg", whole:sub(1, -3) .. ("\1"):rep(24) .. whole:sub(-2)) -- stray bytes before the end mark
  put("noted/images/4.jpg", with_exif(street(96, 160, { 30, 20, 50, 60 }):jpeg(90)))
  put("noted/images/5.jpg", with_exif(street(96, 160, { 30, 20, 50, 60 }):jpeg(90)))
  for i = 1, 6 do
    put(("mixed/images/%d.jpg"):format(i), whole)
    put(("mixed/labels/%d.txt"):format(i), "0 0.25 0.4167 0.25 0.2083\n")
  end
  put("mixed/images/7.webp", "RIFF\x24\0\0\0WEBPVP8 ")
  put("mixed/images/8.bmp", "BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0")
  put("mixed/images/9.png", "RIFF\x24\0\0\0WEBPVP8 ")
  put("mixed/images/3.jpg", whole:sub(1, -40)) -- cut
  for _, name in ipairs { "7", "8", "9" } do put("mixed/labels/" .. name .. ".txt", "0 0.25 0.4167 0.25 0.2083\n") end
end

local function words(verb, set, ...)
  return { verb, model[1], model[2], "data=yolo", "data.root=" .. path(set), "data.names=Car,Pedestrian,Cyclist", ... }
end

local function doctor(set, ...)
  return program.run { "doctor", "data=yolo", "data.root=" .. path(set), "data.names=Car,Pedestrian,Cyclist", "sheet=none", ... }
end

function TestPictures.testFaults()
  t.assertEquals(pictures.fault(path "mixed/images/7.webp"), "WebP")
  t.assertEquals(pictures.fault(path "mixed/images/3.jpg"), "damaged JPEG")
  t.assertEquals(pictures.fault(path "tiny.cfg"), "unknown")
  t.assertEquals(pictures.fault(path "absent"), "missing")
  t.assertEquals(pictures.counted { WebP = 2, BMP = 10, GIF = 2 }, "10 BMP, 2 GIF, 2 WebP")
  local faults = pictures.faults()
  t.assertNil(faults:text(7))
  for i = 1, 5 do faults:add("sentence " .. i, i < 3 and "WebP" or nil) end
  t.assertEquals(faults:text(9), "5 of 9 pictures cannot be read (2 WebP): sentence 1; sentence 2; sentence 3; and 2 more")
end

local COUNTED = "4 of 9 pictures cannot be read (2 WebP, 1 BMP, 1 damaged JPEG): "

function TestPictures.testPicturesThatCannotBeRead()
  local status, out = doctor "mixed"
  t.assertStrContains(out, "pictures that cannot be read: 2 WebP, 1 BMP, 1 damaged JPEG")
  t.assertStrContains(out, "7.webp: a WebP picture, expected PNG or JPEG data")
  t.assertEquals(status, 1)
  local list = core.json.decode(select(2, doctor("mixed", "json=true"))).data.pictures
  t.assertEquals({ list.count, list.unreadable, list.oriented, list.stray },
    { 5, { WebP = 2, BMP = 1, ["damaged JPEG"] = 1 }, 0, 0 })
  local err, _
  status, _, err = program.run(words("val", "mixed", "data.split=all"))
  t.assertEquals(status, 1)
  t.assertStrContains(err, "all: " .. COUNTED)
  t.assertStrContains(err, "(data.strict=false leaves them out)")
  status, out, err = program.run(words("val", "mixed", "data.split=all", "data.strict=false", "json=true"))
  t.assertEquals({ status, core.json.decode(out).images }, { 0, 5 })
  t.assertStrContains(err, "all: " .. COUNTED)
  status, _, err = program.run(words("train", "mixed", "data.train=all", "data.dev=all", "epochs=1", "out=" .. path "runs/none"))
  t.assertEquals(status, 1)
  t.assertStrContains(err, COUNTED) -- before the first step: no checkpoint was begun
  t.assertNil(core.files.kind(path "runs/none/last.safetensors"))
end

local function count(text, what) return select(2, text:gsub(what, "")) end

-- One warning each in a process, however many loaders there are; apply turns, and labels are of the turned picture.
function TestPictures.testOrientationAndStrayBytes()
  local status, out = doctor "noted"
  t.assertEquals(status, 0)
  t.assertStrContains(out, "2 have an EXIF orientation, which is ignored (data.exif=apply turns them)")
  t.assertStrContains(out, "1 contain stray bytes, but their pixels are complete")
  t.assertStrContains(out, "160x96 4, 96x160 2")
  status, out = doctor("noted", "data.exif=apply")
  t.assertEquals(status, 0)
  t.assertStrContains(out, "2 have an EXIF orientation, and are turned upright")
  t.assertStrContains(out, "of 160x96 6 pixels")
  for _, verb in ipairs { "val", "train" } do
    local more = verb == "val" and { "data.split=all" }
      or { "data.train=all", "data.dev=all", "epochs=2", "batch=2", "out=" .. path "runs/" .. verb }
    local _, err = program.ok(words(verb, "noted", table.unpack(more)))
    t.assertEquals({ count(err, "EXIF orientation %(6%), which is ignored"), count(err, "stray bytes in the JPEG") }, { 1, 1 }, verb)
    more[#more + 1] = "data.exif=apply"
    more[#more + 1] = verb == "train" and "seed=2" or nil
    _, err = program.ok(words(verb, "noted", table.unpack(more)))
    t.assertEquals({ count(err, "EXIF"), count(err, "stray bytes in the JPEG") }, { 0, 1 }, verb)
  end
  local data = require "yolua.data" { name = "yolo", root = path "noted", names = { "Car" }, exif = "apply" }
  local frame = data:list "all".frames[4]
  t.assertEquals({ frame.width, frame.height, math.floor(frame.objects[1].box[1] + 0.5) }, { 160, 96, 20 })
end

os.exit(t.LuaUnit.run())
