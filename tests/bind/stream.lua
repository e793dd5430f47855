-- core.stream: its options. What a stream yields is tested in image/stream.c and lua/verbs/predict.lua.
local t = require "luaunit"
local core = require "yolua.core"

local path = os.tmpname()

-- A yuv4mpeg frame of 16 x 16 pixels, all of one colour.
local function write_frame(y, u, v)
  core.system.write(path, "YUV4MPEG2 W16 H16 F1:1 Ip C444\nFRAME\n" .. string.char(y):rep(256) .. string.char(u):rep(256) ..
    string.char(v):rep(256))
end

local function first_pixel(options)
  local stream <close> = core.stream(path, options)
  local image <close> = stream:next()
  return { image:pixel(8, 8) }
end

TestStream = {}

function TestStream:testMatrix()
  write_frame(120, 90, 200)
  local old, new = first_pixel { matrix = "bt601" }, first_pixel { matrix = "bt709" }
  t.assertNotEquals(old, new)
  t.assertEquals(first_pixel(), old) -- as small as this: BT.601
  t.assertEquals(first_pixel { matrix = "auto" }, old)
end

function TestStream:testBadOptions()
  write_frame(120, 90, 200)
  t.assertErrorMsgContains("expected one of auto|bt601|bt709, got 'bt7O9', did you mean 'bt709'?", core.stream, path, { matrix = "bt7O9" })
  t.assertErrorMsgContains("stream: unknown option 'matirx', did you mean 'matrix'?", core.stream, path, { matirx = "bt709" })
  t.assertErrorMsgContains("cannot open", core.stream, path .. ".none")
end

local status = t.LuaUnit.run()
os.remove(path)
os.exit(status)
