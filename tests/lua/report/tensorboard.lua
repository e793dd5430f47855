-- TensorBoard's event files, read back byte by byte; findings of the real TensorBoard are not part of the suite.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core
local tensorboard = require "yolua.report.tensorboard"

TestTensorboard = {}

local top = os.tmpname()
os.remove(top)

-- RFC 3720, appendix B.4.
function TestTensorboard.testCrc()
  t.assertEquals(tensorboard.crc(("\0"):rep(32)), 0x8A9136AA)
  t.assertEquals(tensorboard.crc(("\xff"):rep(32)), 0x62A8AB43)
  t.assertEquals(tensorboard.crc "123456789", 0xE3069283)
end

-- The fields {number, value} of a protocol buffer; nested ones stay bytes.
local function fields_of(bytes)
  local at, list = 1, {}
  local function varint()
    local n, shift = 0, 0
    repeat
      local b = bytes:byte(at)
      n, shift, at = n | (b & 127) << shift, shift + 7, at + 1
    until b < 128
    return n
  end
  while at <= #bytes do
    local key = varint()
    local kind, value = key & 7
    if kind == 0 then value = varint()
    elseif kind == 1 then value, at = string.unpack("<d", bytes, at)
    elseif kind == 5 then value, at = string.unpack("<f", bytes, at)
    else
      local n = varint()
      value, at = bytes:sub(at, at + n - 1), at + n
    end
    list[#list + 1] = { key >> 3, value }
  end
  return list
end

local function unmasked(bytes, at)
  local c = (string.unpack("<I4", bytes, at) - 0xA282EAD8) & 0xFFFFFFFF
  return (c >> 17 | c << 15) & 0xFFFFFFFF
end

-- {step, {tag = value}} of each event but the first, whose version is checked.
local function read(bytes)
  local at, events = 1, {}
  while at <= #bytes do
    local n = string.unpack("<I8", bytes, at)
    t.assertEquals(unmasked(bytes, at + 8), tensorboard.crc(bytes:sub(at, at + 7)))
    local data = bytes:sub(at + 12, at + 11 + n)
    t.assertEquals(unmasked(bytes, at + 12 + n), tensorboard.crc(data))
    at = at + 16 + n
    local event = {}
    for _, f in ipairs(fields_of(data)) do event[f[1]] = f[2] end
    t.assertEquals(event[1], 1.5e9)
    if event[3] then t.assertEquals(event[3], "brain.Event:2")
    else
      local values = {}
      for _, value in ipairs(fields_of(event[5])) do
        local v = {}
        for _, f in ipairs(fields_of(value[2])) do v[f[1]] = f[2] end
        values[v[1]] = v[2]
      end
      events[#events + 1] = { event[2], values }
    end
  end
  return events
end

function TestTensorboard.testEpochs()
  local epochs = { { epoch = 1, train_loss = 2.5, dev_ap = 0.25, dev_protocol = "kitti", best = "dev_ap", cached_body = false, step = 12 },
    { epoch = 300, training = 2, train_loss = 0.125 } }
  t.assertEquals(read(tensorboard.bytes(epochs, 1.5e9)), { { 1, { train_loss = 2.5, ["dev_ap (kitti)"] = 0.25 } },
    { 300, { ["training 2/train_loss"] = 0.125 } } })
end

function TestTensorboard.testARunWritesIt()
  rawset(_G, "print", function() end)
  local o = yl.options { out = top .. "/run", tensorboard = true }
  local run = yl.run(o)
  for e = 1, 3 do run:log_epoch { epoch = e, train_loss = 1 / e } end
  run:rewind(2)
  run:log_epoch { epoch = 3, train_loss = 0.5 }
  run:__close()
  local plain = yl.run(yl.options { out = top .. "/plain" })
  plain:log_epoch { epoch = 1, train_loss = 1 }
  plain:__close()
  rawset(_G, "print", print)
  local bytes, steps = core.system.read(top .. "/run/" .. tensorboard.FILE), {}
  local three = { { epoch = 1, train_loss = 1 }, { epoch = 2, train_loss = 1 }, { epoch = 3, train_loss = 1 } }
  t.assertEquals(#bytes, #tensorboard.bytes(three, 0))
  for step in bytes:gmatch "\x10(.)\x2a" do steps[#steps + 1] = step:byte() end
  t.assertEquals(steps, { 1, 2, 3 })
  t.assertNil(core.files.kind(top .. "/plain/" .. tensorboard.FILE))
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
