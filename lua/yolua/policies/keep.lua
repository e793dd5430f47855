-- yl.keep.best "dev_loss": after an epoch that is the best so far by that number, the state is saved as best.safetensors. At the end it is
-- said which epoch that was, and which one dev_ap (or dev_loss) would have chosen.
local callback = require "yolua.options.callback"
local checkpoint = require "yolua.train.checkpoint"
local metric = require "yolua.train.metric"
local options = require "yolua.options.table"
local policy = require "yolua.train.policy"

local keep = {}

local function check(where, name, file)
  if type(name) ~= "string" then
    error(("%s: yl.keep.best: expected the name of a number of the epoch's record, got %s"):format(where, callback.shown(name)), 0)
  end
  if type(file) ~= "string" or not file:find "^[^/]+%.safetensors$" then
    error(("%s: yl.keep.best: expected the name of a .safetensors file of the run directory, got %s"):format(where,
      callback.shown(file)), 0)
  end
end

local function sign_of(name) return name:find "loss" and -1 or 1 end

local function is_number(value) return type(value) == "number" and value == value end

-- The records of this training's epochs.
local function records(t)
  local list = {}
  for _, record in ipairs(t.run.epochs) do
    if (record.training or 1) == (t.training or 1) then list[#list + 1] = record end
  end
  return list
end

local function shown(record, name)
  return ("%s %s"):format(name, record and is_number(record[name]) and ("%.4f"):format(record[name]) or "not measured")
end

-- The record that is the best by that number; nil where no epoch has it.
local function best_by(list, name)
  local best
  for _, record in ipairs(list) do
    local value = record[name]
    if is_number(value) and (not best or sign_of(name) * value > sign_of(name) * best[name]) then best = record end
  end
  return best
end

-- Which epoch was kept, and what the other number would have chosen.
function keep.words(t, target, name, epoch)
  local list, at = records(t), {}
  for _, record in ipairs(list) do at[record.epoch] = record end
  local other = name == "dev_ap" and "dev_loss" or "dev_ap"
  local line = ("%s is epoch %d, the best by %s (%s)"):format(target, epoch, name, shown(at[epoch], name))
  local rival = name ~= other and best_by(list, other)
  if not rival then return line end
  if rival.epoch == epoch then return ("%s and by %s (%s)"):format(line, other, shown(rival, other)) end
  return ("%s; %s would have chosen epoch %d: %s against %s, %s"):format(line, other, rival.epoch, shown(rival, other),
    (shown(at[epoch], other):gsub("^%S+ ", "")), shown(rival, name))
end

-- Makes the file this policy's, where no other one keeps it.
local function claim(self, t, by, name, target)
  if (t.kept[target] or self.name) ~= self.name then
    error(("%s: keep.best: '%s' keeps %s already; yl.keep.best(\"%s\", \"OTHER.safetensors\") names another file"):format(by.where,
      t.kept[target], target, name), 0)
  end
  t.kept[target] = self.name
end

-- name: a field of the epoch's record; larger is better except for losses, and NaN is never best. file: default best.safetensors.
function keep.best(name, file)
  local by, target = { where = options.position(), who = "keep.best" }, file or "best.safetensors"
  check(by.where, name, target)
  local sign = sign_of(name)
  return {
    name = "keep.best." .. name .. (file and ":" .. file or ""),
    state = {},
    on = {
      start = function(self, t)
        metric.expect(t, self, by, name)
        claim(self, t, by, name, target)
      end,
      epoch_end = function(self, t)
        local value = metric.read(t, self, by, name)
        if not value or value ~= value or self.state.value and sign * value <= sign * self.state.value then return end
        self.state.value, self.state.epoch = value, t.epoch
        t.record.best = name
        checkpoint.save(t, target)
      end,
      finish = function(self, t)
        if not (t.run and self.state.epoch) then return end
        local line = keep.words(t, target, name, self.state.epoch)
        t.run:say("%s", line)
        t.run.kept[#t.run.kept + 1] = line
      end,
    },
  }
end

function keep.file(epoch) return ("epoch-%d.safetensors"):format(epoch) end

-- yl.keep.epochs { 10, 20 }: the state after these epochs is saved as epoch-10.safetensors, ... in the run directory.
function keep.epochs(list)
  local by, wanted = { where = options.position() }, {}
  local good = type(list) == "table" and #list > 0
  for _, epoch in ipairs(good and list or {}) do
    good = good and math.type(epoch) == "integer" and epoch > 0
    wanted[epoch] = true
  end
  if not good then
    error(("%s: yl.keep.epochs: expected a list of whole numbers of at least 1, got %s"):format(by.where, callback.shown(list)), 0)
  end
  local self = {
    name = "keep.epochs." .. table.concat(list, ","),
    on = {
      start = function(_, t)
        for _, epoch in ipairs(list) do
          if epoch > t.epochs then
            error(("%s: keep.epochs: epoch %d is never trained: there are %d"):format(by.where, epoch, t.epochs), 0)
          end
        end
      end,
      epoch_end = function(_, t)
        if wanted[t.epoch] then checkpoint.save(t, keep.file(t.epoch)) end
      end,
    },
  }
  policy.forecast[self] = { files = {} }
  for i, epoch in ipairs(list) do policy.forecast[self].files[i] = keep.file(epoch) end
  return self
end

return keep
