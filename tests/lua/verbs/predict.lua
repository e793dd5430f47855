-- `yolua predict` on what people point it at: folders with pictures that cannot be read, pictures that lie on their side, and streams.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local wait = require "support.wait"

TestPredict = {}

local top, cfg, names

local function path(name) return top .. "/" .. name end

-- Bytes of a picture of w x h, bright on the left.
local function picture(w, h, shade)
  local bytes = {}
  for i = 0, w * h - 1 do bytes[i + 1] = string.char(shade or 0, i % w < w // 2 and 220 or 30, (i * 7) % 90) end
  return core.image.new(w, h, table.concat(bytes))
end

local TURN = "\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0%c\0\0\0\0\0\0\0"

-- A JPEG's bytes with an EXIF orientation.
local function turned(image, orientation)
  local bytes = image:jpeg(95)
  return bytes:sub(1, 2) .. TURN:gsub("%%c", string.char(orientation)) .. bytes:sub(3)
end

function TestPredict.setUp()
  if top then return end
  top = program.tiny()
  cfg, names = "cfg=" .. path "tiny.cfg", "names=" .. path "tiny.names"
  core.files.make_folder(path "mixed")
  for i = 1, 11 do core.system.write(path(("mixed/%02d.jpg"):format(i)), picture(60 + i, 40, 10 * i):jpeg(90)) end
  local whole = core.system.read(path "mixed/05.jpg")
  core.system.write(path "mixed/03.webp", "RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0")
  core.system.write(path "mixed/06.BMP", "BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0")
  core.system.write(path "mixed/07-cut.jpg", whole:sub(1, -200))
  core.system.write(path "mixed/08.jpg", "RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0") -- its name lies
  core.system.write(path "mixed/notes.txt", "no picture")
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = core.json.decode(line) end
  return list
end

local BAD = "predict: 4 of 14 pictures cannot be read (2 WebP, 1 BMP, 1 damaged JPEG): "

function TestPredict.testBadPicturesLoseNothingOfTheOthers()
  for _, batch in ipairs { 1, 3, 64 } do
    local status, out, err = program.run { "predict", cfg, names, "source=" .. path "mixed", "json=lines", "batch=" .. batch, "conf=0.01" }
    t.assertEquals(status, 1)
    t.assertStrContains(err, BAD)
    t.assertStrContains(err, "03.webp: a WebP picture, expected PNG or JPEG data")
    t.assertStrContains(err, "; and 1 more")
    local list, good, bad = lines(out), 0, 0
    t.assertEquals(#list, 14)
    for i, result in ipairs(list) do
      t.assertTrue(i == 1 or list[i - 1].image < result.image)
      if result.error then
        bad = bad + 1
        t.assertStrContains(result.error, result.image)
      else
        good = good + 1
        local w = 60 + tonumber(result.image:match "(%d+)%.jpg")
        t.assertEquals({ result.width, result.height, #result.detections > 0 }, { w, 40, true })
      end
    end
    t.assertEquals({ good, bad }, { 10, 4 })
  end
end

function TestPredict.testBadPicturesInTheOtherForms()
  local status, out, err = program.run { "predict", cfg, names, "source=" .. path "mixed", "json=true" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, BAD)
  local list = core.json.decode(out)
  t.assertEquals({ #list, list[1].width, list[4].error ~= nil }, { 14, 61, true })
  for _, json in ipairs { "json=false", "batch=2" } do
    status, out, err = program.run { "predict", cfg, names, "source=" .. path "mixed", json }
    t.assertEquals(status, 1)
    t.assertStrContains(err, BAD)
    t.assertEquals(select(2, out:gsub("%.jpg %d+x%d+: %d+ objects\n", "")), 10)
    t.assertNotStrContains(out, "webp")
  end
  status, out, err = program.run { "predict", cfg, names, "source=" .. path "mixed/07-cut.jpg" }
  t.assertEquals({ status, out }, { 1, "" })
  t.assertStrContains(err, "1 of 1 pictures cannot be read (1 damaged JPEG)")
end

-- JPEG unless said otherwise, and nothing that is there is overwritten.
function TestPredict.testDrawnPictures()
  local words = { "predict", cfg, names, "source=" .. path "mixed/05.jpg", "out=" .. path "drawn" }
  program.ok(words)
  program.ok(words)
  words[#words + 1] = "pictures=png"
  program.ok(words)
  t.assertEquals(core.files.list(path "drawn"), { "05-2.jpg", "05.jpg", "05.png" })
  for name, kind in pairs { ["05.jpg"] = "JPEG", ["05-2.jpg"] = "JPEG", ["05.png"] = "PNG" } do
    t.assertEquals((core.image.kind(core.system.read(path("drawn/" .. name)))), kind)
    t.assertEquals({ core.image.probe(path("drawn/" .. name)) }, { 65, 40 })
  end
end

-- exif=apply finds on a picture that lies on its side what is found on the same one upright; the default says that it is ignored.
function TestPredict.testExif()
  local upright = picture(64, 40)
  local side = core.image.new(40, 64, (function() -- turned by a quarter to the left
    local rows = {}
    for y = 64, 1, -1 do
      for x = 1, 40 do rows[#rows + 1] = string.char(upright:pixel(y, x)) end
    end
    return table.concat(rows)
  end)())
  core.files.make_folder(path "exif")
  core.system.write(path "exif/a.jpg", turned(side, 6))
  core.image.load(path "exif/a.jpg", true):save(path "upright.png")
  t.assertTrue(upright:pixel(3, 3) == 0 and ({ core.image.load(path "upright.png"):pixel(3, 3) })[2] > 150)
  core.system.write(path "exif/b.jpg", turned(side, 6))
  local function found(source, ...)
    local status, out, err = program.run { "predict", cfg, names, "source=" .. source, "json=true", "conf=0.05", ... }
    t.assertEquals(status, 0)
    return core.json.decode(out), err
  end
  local ignored, said = found(path "exif")
  t.assertEquals({ ignored[1].width, ignored[1].height }, { 40, 64 })
  t.assertEquals(select(2, said:gsub("EXIF orientation %(6%), which is ignored", "")), 1)
  local applied, quiet = found(path "exif", "exif=apply", "out=" .. path "exif-drawn")
  local want = found(path "upright.png")
  t.assertEquals(quiet, "")
  t.assertEquals({ applied[2].width, applied[2].height, #applied[2].detections }, { 64, 40, #want[1].detections })
  t.assertTrue(#want[1].detections > 0)
  for i, d in ipairs(want[1].detections) do
    for k = 1, 4 do t.assertAlmostEquals(applied[2].detections[i].box[k], d.box[k], 3) end
  end
  t.assertEquals({ core.image.probe(path "exif-drawn/a.jpg") }, { 64, 40 })
end

-- Runs the program on a stream of bytes; returns status, standard output and standard error.
local function stream(bytes, ...)
  core.system.write(path "stream.bin", bytes)
  local words = { "'" .. program.path .. "'", "predict", "'" .. cfg .. "'", "'" .. names .. "'", "source=-", ... }
  local _, _, status = os.execute(("%s <'%s' >'%s' 2>'%s'"):format(table.concat(words, " "), path "stream.bin", path "out", path "err"))
  return status, core.system.read(path "out"), core.system.read(path "err")
end

-- The frames of a stream find what their files find.
function TestPredict.testStreamOfPictures()
  local bytes, want = {}, program.json { "predict", cfg, names, "source=" .. path "mixed/01.jpg", "conf=0.01" }
  for i = 1, 5 do bytes[i] = core.system.read(path(("mixed/%02d.jpg"):format(i))) end
  local png = path "one.png"
  picture(31, 33):save(png)
  bytes[6] = core.system.read(png)
  local status, out, err = stream(table.concat(bytes), "json=lines", "conf=0.01")
  t.assertEquals({ status, err }, { 0, "" })
  local list = lines(out)
  t.assertEquals(#list, 6)
  for i, result in ipairs(list) do t.assertEquals({ result.frame, result.width, result.error }, { i, i < 6 and 60 + i or 31, nil }) end
  t.assertEquals(#list[1].detections, #want[1].detections)
  for i, d in ipairs(want[1].detections) do
    t.assertEquals(list[1].detections[i].class, d.class)
    t.assertAlmostEquals(list[1].detections[i].score, d.score, 1e-4)
  end
  status, out = stream(table.concat(bytes), "conf=0.01")
  t.assertEquals({ status, out:match "^input 160x96, stretch %(as tiny.cfg says%)\n([^\n]*)",
    select(2, out:gsub("frame %d %d+x%d+: %d+ objects", "")) },
    { 0, ("frame 1 61x40: %d objects"):format(#want[1].detections), 6 })
  status = stream(table.concat(bytes), "out='" .. path "frames" .. "'")
  t.assertEquals({ status, core.files.list(path "frames")[6] }, { 0, "frame-000006.jpg" })
end

function TestPredict.testBrokenFrames()
  local one = core.system.read(path "mixed/01.jpg")
  local status, out, err = stream(one .. one:sub(1, -150) .. one .. one:sub(1, 100), "json=lines")
  t.assertEquals(status, 1)
  t.assertStrContains(err, "predict: 2 of 4 frames cannot be read: standard input: frame 2: ")
  t.assertStrContains(err, "standard input: frame 4 is cut: the stream ends after 100 bytes of the JPEG")
  local list = lines(out)
  t.assertEquals({ #list, list[1].error, list[3].error, list[3].frame }, { 4, nil, nil, 3 })
  t.assertStrContains(list[2].error, "frame 2")
  status, out, err = stream("ftypisom, or so")
  t.assertEquals({ status, out }, { 1, "" })
  t.assertStrContains(err, "standard input: the stream begins with byte 0x66: expected JPEG or PNG pictures one after the other, or yuv4")
  status, out, err = stream ""
  t.assertEquals({ status, out }, { 1, "" })
  t.assertStrContains(err, "standard input: the stream is empty")
end

function TestPredict.testYuv()
  local head = "YUV4MPEG2 W33 H17 F25:1 Ip C420jpeg XCOLORRANGE=LIMITED\n"
  local frame = "FRAME\n" .. ("\x80"):rep(33 * 17) .. ("\x60"):rep(17 * 9) .. ("\xb0"):rep(17 * 9)
  local status, out, err = stream(head .. frame:rep(3), "json=lines", "out='" .. path "yuv" .. "'", "pictures=png", "conf=1")
  t.assertEquals({ status, err, #lines(out), lines(out)[3].width }, { 0, "", 3, 33 })
  local function colour(folder) return { core.image.load(path(folder .. "/frame-000002.png")):pixel(20, 9) } end
  t.assertEquals(colour "yuv", { 207, 104, 66 }) -- BT.601, limited: y = 130.4, r = 54.6, b = -36.4
  status = stream(head .. frame:rep(3), "matrix=bt709", "out='" .. path "yuv709" .. "'", "pictures=png", "conf=1")
  t.assertEquals({ status, colour "yuv709" }, { 0, { 216, 112, 63 } })
  status, out, err = stream(head .. frame .. frame:sub(1, -2), "json=lines")
  t.assertEquals({ status, #lines(out) }, { 1, 2 })
  t.assertStrContains(err, "predict: 1 of 2 frames cannot be read: standard input: frame 2 is cut: the stream ends "
    .. "after 872 of its 873 bytes")
end

-- What a stream cannot do is a fault of the call.
function TestPredict.testStreamRefusals()
  local status, _, err = stream("", "json=true")
  t.assertEquals(status, 2)
  t.assertStrContains(err, "expected json=lines")
  status, _, err = stream("", "batch=4")
  t.assertEquals(status, 2)
  t.assertStrContains(err, "expected batch=1, got batch=4")
end

-- A program that keeps reading a pipe while it is written to: `write(bytes)`, `out()` (so far), `ended()`, `close()`.
local function live(...)
  local folder = path(("live%d"):format(#core.files.list(top)))
  core.files.make_folder(folder)
  assert(os.execute(("mkfifo '%s/in'"):format(folder)))
  local source = "source='" .. folder .. "/in'"
  local words = table.concat({ "'" .. program.path .. "'", "predict", "'" .. cfg .. "'", "'" .. names .. "'", source, ... }, " ")
  os.execute(("(sh -c 'echo $$ >F/pid; exec %s >F/out 2>F/err'; echo $? >F/status; touch F/ended) &"):gsub("F", folder)
    :format((words:gsub("'", "'\\''"))))
  local pipe = assert(io.open(folder .. "/in", "wb"))
  pipe:setvbuf "no"
  local function slurp(name)
    local f <close> = io.open(folder .. "/" .. name, "rb")
    return f and f:read "a" or ""
  end
  return {
    write = function(bytes) pipe:write(bytes) end, read = slurp, close = function() pipe:close() end,
    lines = function(n) wait(function() return select(2, slurp "out":gsub("\n", "")) >= n end, n .. " lines", 30) end,
    ended = function() wait(function() return core.files.kind(folder .. "/ended") ~= nil end, "the end", 30) end,
  }
end

-- Each frame is answered before the next one is there; Ctrl-C ends the wait for it.
function TestPredict.testFramesAreAnsweredAsTheyCome()
  local frame = core.system.read(path "mixed/02.jpg")
  local run = live "json=lines"
  for i = 1, 3 do
    run.write(frame)
    run.lines(i)
  end
  os.execute("kill -INT " .. run.read "pid")
  run.ended()
  run.close()
  t.assertEquals({ #lines(run.read "out"), tonumber(run.read "status") }, { 3, 1 })
  t.assertStrContains(run.read "err", "stopped by the user after 3 frames")
end

-- A reader that has enough ends the program without a word.
function TestPredict.testClosedOutput()
  local frame = core.system.read(path "mixed/02.jpg")
  core.system.write(path "many.mjpeg", frame:rep(200))
  os.execute(("'%s' predict '%s' '%s' source='%s' json=lines 2>'%s' | head -n 1 >'%s'"):format(program.path, cfg, names, path "many.mjpeg",
    path "err", path "out"))
  t.assertEquals({ #lines(core.system.read(path "out")), core.system.read(path "err") }, { 1, "" })
end

function TestPredict.testFfmpeg()
  if not os.execute "command -v ffmpeg >/dev/null 2>&1" then
    return print "SKIP ffmpeg is not installed"
  end
  local source = "ffmpeg -v error -f lavfi -i testsrc=size=98x55:rate=10 -t 0.7 "
  for _, form in ipairs { "-f image2pipe -c:v mjpeg -", "-f image2pipe -c:v png -", "-f yuv4mpegpipe -pix_fmt yuv420p -",
    "-f yuv4mpegpipe -pix_fmt yuv444p -", "-f yuv4mpegpipe -pix_fmt yuv422p -", "-f yuv4mpegpipe -pix_fmt yuv411p -",
    "-f yuv4mpegpipe -pix_fmt gray -" } do
    os.execute(("%s %s | '%s' predict '%s' '%s' source=- json=lines conf=1 out='%s' pictures=png >'%s' 2>'%s'"):format(source, form,
      program.path, cfg, names, path "ff", path "out", path "err"))
    local list = lines(core.system.read(path "out"))
    t.assertEquals({ #list, list[7].frame, list[7].width, list[7].height, core.system.read(path "err") }, { 7, 7, 98, 55, "" }, form)
  end
  -- the same colours whichever way they came, but for chroma that was subsampled and JPEG's losses
  local function mean(name)
    local image, sums = core.image.load(path("ff/frame-000003" .. name .. ".png")), { 0, 0, 0 }
    for i, byte in ipairs { image:bytes():byte(1, -1) } do sums[(i - 1) % 3 + 1] = sums[(i - 1) % 3 + 1] + byte end
    for c = 1, 3 do sums[c] = sums[c] / (98 * 55) end
    return sums
  end
  local want = mean "-2"
  for _, name in ipairs { "", "-3", "-4", "-5", "-6" } do
    local got = mean(name)
    for c = 1, 3 do t.assertAlmostEquals(got[c], want[c], 2.5, name) end
  end
end

os.exit(t.LuaUnit.run())
