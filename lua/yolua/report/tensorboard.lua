-- TensorBoard's event files: the numbers of each epoch as scalars, beside metrics.jsonl (`tensorboard=true`). A file is a list of TFRecords
-- (tensorflow/core/lib/io/record_writer.h: length, masked CRC-32C, data, masked CRC-32C), each a protocol buffer of
-- tensorflow/core/util/event.proto.
local core = require "yolua.core"
local files = core.files

local tensorboard = { FILE = "events.out.tfevents.yolua" }

-- ---- CRC-32C (Castagnoli, reflected 0x82F63B78) ------------------------------------------------------------------------------

local TABLE = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and (c >> 1) ~ 0x82F63B78 or c >> 1 end
  TABLE[i] = c
end

function tensorboard.crc(bytes)
  local c = 0xFFFFFFFF
  for i = 1, #bytes do c = TABLE[(c ~ bytes:byte(i)) & 0xFF] ~ (c >> 8) end
  return c ~ 0xFFFFFFFF
end

local function masked(bytes)
  local c = tensorboard.crc(bytes)
  return string.pack("<I4", (((c >> 15) | (c << 17 & 0xFFFFFFFF)) + 0xA282EAD8) & 0xFFFFFFFF)
end

local function record(data)
  local length = string.pack("<I8", #data)
  return length .. masked(length) .. data .. masked(data)
end

-- ---- protocol buffers: a key is number << 3 | wire type --------------------------------------------------------------------------

local function varint(n)
  local bytes = {}
  repeat
    bytes[#bytes + 1] = string.char(n < 128 and n or n & 127 | 128)
    n = n >> 7
  until n == 0
  return table.concat(bytes)
end

local function whole(number, n) return varint(number << 3) .. varint(n) end
local function text(number, s) return varint(number << 3 | 2) .. varint(#s) .. s end
local function double(number, x) return varint(number << 3 | 1) .. string.pack("<d", x) end
local function float(number, x) return varint(number << 3 | 5) .. string.pack("<f", x) end

-- Event: wall_time = 1, step = 2, file_version = 3, summary = 5. Summary: value = 1, with tag = 1 and simple_value = 2.
local function head(time) return record(double(1, time) .. text(3, "brain.Event:2")) end

local function scalars(time, step, values)
  local list = {}
  for i, entry in ipairs(values) do list[i] = text(1, text(1, entry[1]) .. float(2, entry[2])) end
  return record(double(1, time) .. whole(2, step) .. text(5, table.concat(list)))
end

-- ---- epochs ------------------------------------------------------------------------------------------------------------------

-- An epoch's numbers as {tag, value}, in the order of their names; those of a later training of the run lie in a folder of their own.
local function values_of(epoch)
  local list = {}
  local folder = (epoch.training or 1) > 1 and ("training %d/"):format(epoch.training) or ""
  for key, value in pairs(epoch) do
    if type(value) == "number" and key ~= "epoch" and key ~= "training" and key ~= "step" then
      local name = key == "dev_ap" and epoch.dev_protocol and ("dev_ap (%s)"):format(epoch.dev_protocol) or key
      list[#list + 1] = { folder .. name, value }
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local function event(epoch, now) return scalars(now, epoch.epoch, values_of(epoch)) end

-- The file of these epochs. now: seconds since 1970.
function tensorboard.bytes(epochs, now)
  local parts = { head(now) }
  for i, epoch in ipairs(epochs) do parts[i + 1] = event(epoch, now) end
  return table.concat(parts)
end

-- Appends the last of the epochs to the file in the folder, which is made with all of them where there is none.
function tensorboard.append(dir, epochs, now)
  local path = dir .. "/" .. tensorboard.FILE
  if files.kind(path) == "file" then files.append(path, event(epochs[#epochs], now))
  else core.system.write(path, tensorboard.bytes(epochs, now)) end
end

-- Writes the file anew, where there is one: a resumed run has forgotten epochs.
function tensorboard.rewrite(dir, epochs, now)
  local path = dir .. "/" .. tensorboard.FILE
  if files.kind(path) == "file" then core.system.write(path, tensorboard.bytes(epochs, now)) end
end

return tensorboard
