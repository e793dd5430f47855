-- yolua's side of loader.py: decodes and augments every picture of a folder, without a cache, a few epochs long, and prints of each epoch
-- its images, and seconds of processor time and by the clock. Not for use by hand: loader.py asks it and the peers in turn.
--
--   yolua tests/bench/loader.lua pictures=FOLDER imgsz=416x416 batch= loader_threads= rounds=
local core = require "yolua.core"
local yl = require "yolua"

local o = yl.options({ imgsz = { 416, 416 }, augment = { name = "standard" } }, {
  { "pictures", "string", nil, "", "a folder of pictures" },
  { "loader_threads", "int", 1, "threads", "decoding threads", min = 1 },
  { "rounds", "int", 3, "epochs", "how often all are read", min = 1 },
})

local samples = {}
for _, name in ipairs(core.files.list(o.pictures)) do
  if name:find "%.png$" or name:find "%.jpe?g$" then
    samples[#samples + 1] = { image = o.pictures .. "/" .. name, truth = { { 100, 100, 200, 200, 0, 0 } } }
  end
end

local loader <close> = core.loader { samples = samples, batch = math.min(o.batch, #samples), width = o.imgsz[1], height = o.imgsz[2],
  resize = "stretch", train = true, seed = 1, workers = o.loader_threads, cache = 0, strict = true, augment = o.augment }

for epoch = 1, o.rounds do
  local clock, cpu, images = core.system.clock(), os.clock(), 0
  loader:epoch(epoch, 1)
  for batch in function() return loader:next() end do images = images + batch.count end
  print(("%d %.9f %.9f"):format(images, os.clock() - cpu, core.system.clock() - clock))
end
