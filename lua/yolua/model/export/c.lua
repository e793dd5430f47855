-- format=c: a header that a C program compiles in, so that it needs no files: cfg, weights and class names, and a function that makes the
-- network of them with libyolua (yolua.h).
local check = require "yolua.model.export.check"
local core = require "yolua.core"
local save = require "yolua.model.save"

local HEAD = [[
/* NAME: a network of yolua, for a program that needs no files beside it:
 *
 *   #include "FILE"
 *
 *   yl_device *device;  yl_net *net;
 *   if (yl_device_get("cpu", &device) != YL_OK || NAME_load(device, &net) != YL_OK) puts(yl_error());
 *
 * Each file that includes it has a copy of the numbers: include it in one. */
#ifndef GUARD
#define GUARD

#include "yolua.h"

]]

local TAIL = [[
/* A new network with these weights; release it with yl_net_free. */
static inline yl_status NAME_load(yl_device *device, yl_net **net)
{
    yl_status status = yl_darknet_parse_cfg(device, NAME_cfg, sizeof NAME_cfg - 1, "NAME_cfg", net);
    if (status != YL_OK) return status;
    status = yl_darknet_parse_weights(*net, (const char *)NAME_weights, sizeof NAME_weights, "NAME_weights", NULL);
    if (status != YL_OK) yl_net_free(*net);
    return status;
}

#endif
]]

-- A text as C's string literal.
local function quoted(text)
  return '"' .. text:gsub('[%c"\\?\128-\255]', function(c) return c == "\n" and "\\n" or ("\\%03o"):format(c:byte()) end) .. '"'
end

-- The text of such literals.
local function unquoted(lines)
  local list = {}
  local function meant(c, rest) return c == "n" and "\n" .. rest or string.char(tonumber(c .. rest, 8)) end
  for literal in lines:gmatch '"([^"]*)"' do list[#list + 1] = literal:gsub("\\([n%d])(%d?%d?)", meant) end
  return table.concat(list)
end

-- Words of four bytes, eight a line.
local function words(bytes)
  local lines = {}
  for at = 1, #bytes, 32 do
    local line = {}
    for k = at, math.min(at + 31, #bytes), 4 do line[#line + 1] = ("0x%08x,"):format((string.unpack("<I4", bytes, k))) end
    lines[#lines + 1] = "    " .. table.concat(line, " ")
  end
  return table.concat(lines, "\n")
end

-- The network as Darknet's files: cfg, weights.
local function texts(model)
  local folder, out = os.tmpname(), {}
  os.remove(folder)
  core.files.make_folder(folder)
  local ok, sentence = pcall(function()
    save.files(model, folder .. "/")
    for i, name in ipairs { "model.cfg", "model.weights" } do out[i] = core.system.read(folder .. "/" .. name) end
  end)
  for _, name in ipairs { "model.cfg", "model.weights", "model.names" } do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  if not ok then error(sentence, 0) end
  return out[1], out[2]
end

local function array(items)
  local list = {}
  for i, item in ipairs(items) do list[i] = "    " .. quoted(item) end
  return table.concat(list, ",\n")
end

return {
  help = "a C header with the network in it, for a program that needs no files", ending = ".h",
  options = { "imgsz" },
  write = function(model, out)
    local file = out:match "[^/]+$"
    local name = file:gsub("%.%w+$", ""):gsub("[^%w_]", "_"):gsub("^(%d)", "_%1")
    local cfg, weights = texts(model)
    local values = { NAME = name, FILE = file, GUARD = name:upper() .. "_H" }
    local function filled(text) return (text:gsub("%f[%w](%u+)%f[^%w]", values):gsub("NAME_", name .. "_")) end
    local lines = {}
    for line in cfg:gmatch "[^\n]*\n" do lines[#lines + 1] = "    " .. quoted(line) end
    local names = #model.names > 0 and ("static const char *const NAME_names[] = {\n%s};\n"):format(array(model.names)) or ""
    core.system.write(out, table.concat { filled(HEAD), filled "static const char NAME_cfg[] =\n", table.concat(lines, "\n"), ";\n\n",
      filled "enum { NAME_classes = ", tostring(#model.names), " };\n", (names:gsub("NAME_names", name .. "_names")),
      filled "\n/* Darknet's weights file. */\nstatic const uint32_t NAME_weights[] = {\n", words(weights), "\n};\n\n", filled(TAIL) })
  end,
  -- The network that the header's cfg and numbers make.
  written = function(model, files)
    local text, bytes, top = core.system.read(files[1]), {}, os.tmpname()
    for word in text:match "_weights%[%] = {\n(.-)\n};":gmatch "0x(%x+)," do bytes[#bytes + 1] = string.pack("<I4", tonumber(word, 16)) end
    local cfg, weights = top .. ".cfg", top .. ".weights"
    core.system.write(cfg, unquoted(text:match "_cfg%[%] =\n(.-);\n\n"))
    core.system.write(weights, table.concat(bytes))
    local ok, worst = pcall(check.read_back, model, { cfg = cfg, weights = weights, device = model.device })
    for _, path in ipairs { top, cfg, weights } do os.remove(path) end
    return ok and worst or error(worst, 0)
  end,
}
