-- Networks with random weights, here and in Darknet itself: what each head reads and what each [yolo] makes of it, on one random
-- picture. Not one of the suite's tests: it needs Darknet's sources, built as a library for the CPU: AlexeyAB/darknet with
-- `make LIBSO=1 AVX=0`, or pjreddie/darknet with `make`, for what only that one computes (a [shortcut] of unequal sizes). AVX=0, since
-- AlexeyAB's AVX code for max pooling of stride 1 (gemm.c, forward_maxpool_layer_avx) takes eight columns at once and asks only of the
-- first whether it lies in the picture: at borders its numbers are not those of its own plain C, nor of its GPU code.
--
--   YOLUA_DARKNET=FOLDER yolua tests/bench/darknet.lua nets=CFG[@WIDTHxHEIGHT],...
--
-- Prints a line per network: the largest difference, as a share of the largest value at that place, or the sentence that refuses it.
-- Activations that Darknet's CPU code answers with 0 (relu6, hard ones) differ: see activate() in its activations.c.
local yl = require "yolua"
local core = require "yolua.core"
local darknet = core.darknet

local o = yl.options({}, { { "nets", "list", nil, "", "cfg files, each with @WIDTHxHEIGHT for another size", required = true } })

local folder = os.getenv "YOLUA_DARKNET" or error("YOLUA_DARKNET is not set: expected Darknet's folder", 0)

-- Runs a network on one input and writes the outputs of the sections that the command line numbers, one behind the other.
local PROGRAM = [[
#include "darknet.h"
int main(int argc, char **argv)
{
    network *net = load_network(argv[1], argv[2], 0);
    set_batch_network(net, 1);
    size_t count = (size_t)net->h * net->w * net->c;
    float *x = malloc(count * sizeof *x);
    FILE *in = fopen(argv[3], "rb"), *out = fopen(argv[4], "wb");
    if (!in || !out || fread(x, sizeof *x, count, in) != count) return 1;
    PREDICT(net, x);
    for (int i = 5; i < argc; i++) {
        layer l = net->layers[atoi(argv[i])];
        if (fwrite(l.output, sizeof(float), l.outputs, out) != (size_t)l.outputs) return 1;
    }
    return fclose(out);
}
]]

local work = os.tmpname()
os.remove(work)
core.files.make_folder(work)

local function at(name) return work .. "/" .. name end

local function shell(command)
  if not os.execute(command) then error("failed: " .. command, 0) end
end

core.system.write(at "run.c", PROGRAM)
local alexey = core.system.read(folder .. "/include/darknet.h"):find("network_predict_ptr", 1, true)
shell(("cc -O1 -DPREDICT=%s -I'%s/include' -o %s %s '%s/libdarknet.so' -Wl,-rpath,'%s' -lm"):format(
  alexey and "network_predict_ptr" or "network_predict", folder, at "run", at "run.c", folder, folder))

-- Uniform numbers of our own, the same everywhere.
local state = 12345
local function uniform(low, high)
  state = state * 6364136223846793005 + 1442695040888963407
  return low + (high - low) * ((state >> 11) & 0xFFFFFFFFFFFF) / 0x1000000000000
end

-- Batch-norm that is not the identity; weights as they are drawn for training, so that values neither vanish nor explode.
local function randomize(net)
  net:init(7)
  for _, range in ipairs(net:ranges()) do
    local last, values = range.name:match "[^.]*$", {}
    if last ~= "weight" then
      local low, high = -0.2, 0.2
      if last == "var" then low, high = 0.7, 1.3 end
      if last == "scale" then low, high = 0.4, 0.9 end -- sums along shortcuts stay small: Darknet's -Ofast makes NaNs of large ones
      for i = 1, range.count do values[i] = uniform(low, high) end
      net:set(range.name, values)
    end
  end
end

local function floats(path)
  local bytes, out = core.system.read(path), {}
  for i = 1, #bytes // 4 do out[i] = string.unpack("<f", bytes, 4 * i - 3) end
  return out
end

-- Puts a picture into the plan; its channels as planes go to the file that Darknet reads.
local function feed(plan, w, h, c)
  local pixels, planes = {}, {}
  for i = 1, h * w * c do
    pixels[i] = string.unpack("<f", string.pack("<f", uniform(0, 1)))
    planes[(i - 1) % c * h * w + (i - 1) // c + 1] = pixels[i]
  end
  local parts = {}
  for i = 1, #planes do parts[i] = string.pack("<f", planes[i]) end
  core.system.write(at "input", table.concat(parts))
  plan:input(pixels)
  plan:forward {}
end

-- The sections to look at: each head's input and the [yolo] heads themselves, or the last one. {section, layer, stretch}
local function places(net)
  local layers, last, out = net:layers(), {}, {}
  for i, layer in ipairs(layers) do last[layer.section] = i end
  for i, layer in ipairs(layers) do
    if layer.kind == "yolo" or layer.kind == "region" then out[#out + 1] = { layer.section - 1, last[layer.section - 1] } end
    if layer.kind == "yolo" then
      out[#out + 1] = { layer.section, i, tonumber(layer.options.scale_x_y), 5 + tonumber(layer.options.classes) }
    end
  end
  return #out > 0 and out or { { layers[#layers].section, #layers } }
end

local function difference(plan, list)
  local want, from, worst = floats(at "output"), 0, 0
  for _, place in ipairs(list) do
    local got, shape = plan:output(place[2])
    local plane, c, off, most = shape[2] * shape[3], shape[4], 0, 0
    for i = 1, #got do
      local k = (i - 1) % c
      local theirs, ours = want[from + k * plane + (i - 1) // c + 1], got[i]
      if place[3] and k % place[4] < 2 then ours = ours * place[3] - 0.5 * (place[3] - 1) end -- Darknet stretches x and y at once
      off, most = math.max(off, math.abs(ours - theirs)), math.max(most, math.abs(theirs))
      if ours ~= ours or theirs ~= theirs then off = math.huge end
    end
    from, worst = from + #got, math.max(worst, off / most)
  end
  if from ~= #want then error(("Darknet has %d numbers at these places, here are %d"):format(#want, from), 0) end
  return worst
end

local function compare(path, size)
  local text = core.system.read(path):gsub("\r", "")
  if size then text = text:gsub("\nwidth *=[^\n]*", "\nwidth=" .. size[1], 1):gsub("\nheight *=[^\n]*", "\nheight=" .. size[2], 1) end
  core.system.write(at "net.cfg", text)
  local net = darknet.load_cfg(at "net.cfg")
  randomize(net)
  darknet.save_weights(net, at "net.weights")
  local w, h, c = net:size()
  local list, sections = places(net), {}
  local plan <close> = net:plan { mode = "infer", keep = true }
  feed(plan, w, h, c)
  for i, place in ipairs(list) do sections[i] = place[1] end
  shell(("%s %s %s %s %s %s >/dev/null 2>&1"):format(at "run", at "net.cfg", at "net.weights", at "input", at "output",
    table.concat(sections, " ")))
  return ("%dx%d  %d places  %.1e"):format(w, h, #list, difference(plan, list))
end

for _, word in ipairs(o.nets) do
  local path, w, h = word:match "^(.*)@(%d+)x(%d+)$"
  local ok, said = pcall(compare, path or word, w and { w, h })
  print(("%-34s %s"):format((path or word):match "[^/]*$", ok and said or "REFUSED " .. tostring(said)))
  io.stdout:flush()
end
shell("rm -rf " .. work)
