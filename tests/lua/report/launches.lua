-- What a GPU would be asked to do. Occupancy: blocks per multiprocessor as NVIDIA's own calculator (cuda_occupancy.h of CUDA 13.0) has
-- them. The rest is in tests/gpu/launches.lua.
local t = require "luaunit"
local launches = require "yolua.report.launches"

TestLaunches = {}

function TestLaunches.testOccupancy()
  for _, case in ipairs { -- registers, threads, shared, blocks on sm_80, sm_90 and sm_100
    { 32, 256, 0, 8, 8, 8 }, { 80, 256, 8704, 3, 3, 3 }, { 21, 256, 0, 8, 8, 8 }, { 128, 256, 8704, 2, 2, 2 }, { 255, 128, 0, 2, 2, 2 },
    { 168, 384, 40000, 1, 1, 1 }, { 40, 1024, 0, 1, 1, 1 }, { 64, 96, 1000, 10, 10, 10 }, { 40, 33, 48000, 3, 4, 4 },
    { 16, 32, 0, 32, 32, 32 },
  } do
    local registers, threads, shared = table.unpack(case)
    for i, gpu in ipairs { "a100", "h100", "b200" } do
      local warps = (threads + 31) // 32
      t.assertEquals(launches.occupancy(gpu, threads, registers, shared) * 64 / warps, case[3 + i],
        ("%d registers, %d threads, %d bytes on %s"):format(registers, threads, shared, gpu))
    end
  end
end

os.exit(t.LuaUnit.run())
