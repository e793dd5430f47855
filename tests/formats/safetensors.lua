-- core.safetensors.info: what a file holds, and one sentence if it is not such a file.
local t = require "luaunit"
local core = require "yolua.core"

TestSafetensors = {}

local function file(header, data)
  local path = os.tmpname()
  core.system.write(path, string.pack("<s8", header) .. data)
  return path
end

function TestSafetensors.testInfo()
  local path = file('{"__metadata__":{"epoch":"3"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[1,9]},'
    .. '"m":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', ("\0"):rep(9))
  local info = core.safetensors.info(path)
  os.remove(path)
  t.assertEquals(info, { metadata = { epoch = "3" },
    tensors = { { name = "w", dtype = "f32", dims = { 2, 1 } }, { name = "m", dtype = "u8", dims = { 1 } } } })
end

-- A note is set or changed; tensors, their bytes and the other notes stay.
function TestSafetensors.testNote()
  local path = file('{"__metadata__":{"epoch":"3","conf":"old"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[1,9]},'
    .. '"m":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', "\7abcdefgh")
  core.safetensors.note(path, "conf", "new")
  core.safetensors.note(path, "other", "text")
  local info, bytes = core.safetensors.info(path), core.system.read(path)
  os.remove(path)
  t.assertEquals(info, { metadata = { epoch = "3", conf = "new", other = "text" },
    tensors = { { name = "w", dtype = "f32", dims = { 2, 1 } }, { name = "m", dtype = "u8", dims = { 1 } } } })
  t.assertEquals(bytes:sub(-9), "abcdefgh\7") -- in the order of the header
  t.assertErrorMsgContains("absent.safetensors", core.safetensors.note, "absent.safetensors", "a", "b")
end

function TestSafetensors.testErrors()
  local path = file("", "")
  t.assertErrorMsgContains(path, core.safetensors.info, path)
  os.remove(path)
  t.assertErrorMsgContains("absent", core.safetensors.info, "absent.safetensors")
end

os.exit(t.LuaUnit.run())
