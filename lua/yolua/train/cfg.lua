-- What a Darknet cfg says of training, and what becomes of it: [net] holds one training's settings, here the options do. One line tells
-- which keys of [net] are used and how the others are said; another one what stopbackward freezes.
local cfg = {}

local used = { "width", "height", "channels", "letter_box" }

-- The option of the same meaning and value.
local same = {
  batch = "batch", subdivisions = "subdivisions", learning_rate = "optim.lr", momentum = "optim.momentum", decay = "optim.decay",
  burn_in = "optim.warmup", power = "optim.power", ema_alpha = "ema", hue = "augment.hue", saturation = "augment.saturation",
  exposure = "augment.exposure",
}

local function numbers(text)
  local list = {}
  for word in tostring(text or ""):gmatch "[^,%s]+" do list[#list + 1] = tonumber(word) end
  return list
end

-- The shares of the run after which the rate drops; Darknet counts batches.
local function steps(net)
  local most, shares = tonumber(net.max_batches) or 0, {}
  for i, step in ipairs(numbers(net.steps)) do shares[i] = ("%.4g"):format(step / most) end
  return most > 0 and #shares > 0 and "optim.steps=" .. table.concat(shares, ",") or "optim.steps=, as shares of the run"
end

local function scales(net)
  local list = numbers(net.scales)
  for _, scale in ipairs(list) do
    if scale ~= list[1] then return "a schedule in Lua" end
  end
  return list[1] and ("optim.gamma=%g"):format(list[1])
end

-- Those that are said in another way: functions of all keys and the number of images, for the text; nil: nothing does that.
local other = {
  steps = steps, scales = scales,
  policy = function(net)
    local known = net.policy == "constant" or net.policy == "steps"
    return known and "optim.schedule=" .. net.policy or "a schedule in Lua"
  end,
  max_batches = function(net, images)
    local most, batch = tonumber(net.max_batches) or 0, tonumber(net.batch) or 1
    return images > 0 and ("epochs=%d"):format(math.max(0, math.min(math.ceil(most * batch / images), 10 ^ 9))) or "epochs="
  end,
  adam = function() return "optim=adam" end,
  flip = function() return "augment.flip=true" end,
  mosaic = function() return "augment.mosaic=0.5" end, -- it leaves out every second one
  random = function() return "multiscale=true" end,
}

local function read(header)
  local keys, net = {}, {}
  for key, value in header:gmatch "([^=\n]+)=([^\n]*)" do
    keys[#keys + 1], net[key] = key, value
  end
  return keys, net
end

-- header: the text of [net], key=value lines; images: of an epoch. nil where it says nothing but what is used.
function cfg.net_line(path, header, images)
  local keys, net = read(header)
  local known, not_used, nothing = {}, {}, {}
  local taken = { "width", "height", "channels" }
  if net.letter_box then taken[4] = "letter_box" end
  for _, key in ipairs(used) do known[key] = true end
  for _, key in ipairs(keys) do
    local said = same[key] and ("%s=%s"):format(same[key], net[key]) or other[key] and other[key](net, images)
    if said then not_used[#not_used + 1] = ("%s (%s)"):format(key, said)
    elseif not known[key] and tonumber(net[key]) ~= 0 then nothing[#nothing + 1] = key end
  end
  if #not_used + #nothing == 0 then return nil end
  return ("[net] of %s: %s are used%s%s"):format(path, table.concat(taken, ", "),
    #not_used > 0 and "; not used, and how each is said here: " .. table.concat(not_used, ", ") or "",
    #nothing > 0 and "; nothing here does " .. table.concat(nothing, ", ") or "")
end

-- What stopbackward in a section does, one line per section that has it: 1 freezes, a number of steps does not.
function cfg.stop_lines(model)
  local lines = {}
  for _, layer in ipairs(model.structure.layers) do
    local stop = tonumber(layer.options.stopbackward) or 0
    if stop > 1 then
      lines[#lines + 1] = ("%s: stopbackward=%d, which freezes for so many steps, is not used: yl.freeze{..., until_epoch=} does that")
        :format(layer.name, stop)
    elseif stop == 1 then
      lines[#lines + 1] = ("%s: stopbackward=1 freezes it and all before it (freeze=thaw trains them)"):format(layer.name)
    end
  end
  return lines
end

-- Says both, once a run.
function cfg.tell(trainer)
  local run, model = trainer.run, trainer.model
  if not run or run.told_cfg then return end
  run.told_cfg = true
  local line = cfg.net_line(model.path, model.structure.header or "", #trainer.data.train.frames)
  if line then run:say("%s", line) end
  for _, stop in ipairs(cfg.stop_lines(model)) do run:say("%s", stop) end
end

return cfg
