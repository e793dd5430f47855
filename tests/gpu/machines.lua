-- What is said of the GPUs there are, and on a machine without a driver, with an old one, without a GPU, and with one that is too old.
-- The double's YOLUA_CUDA_DOUBLE says which machine it is to be.
local t = require "luaunit"
local program = require "support.program"

local double = os.getenv "YOLUA_CUDA_PLUGIN" or ""
if not double:find "double" then
  print "SKIP machines without a GPU: YOLUA_CUDA_PLUGIN is not the double"
  os.exit(0)
end

local MAKE = [[local core = require "yolua.core"
print(select(2, pcall(core.net, { h = 1, w = 1, c = 1, device = "%s", layers = { { "route", inputs = { 0 } } } })))]]

-- What the program says, or prints, on such a machine.
local function on(kind, words)
  local command = { "-c", 'kind=$1; shift; YOLUA_CUDA_DOUBLE=$kind exec "$0" "$@"', program.path, kind, table.unpack(words) }
  local before = program.path
  program.path = "sh"
  local status, out, err = program.run(command)
  program.path = before
  t.assertEquals(status, 0, err)
  return out
end

local function made(kind, device) return (on(kind, { "-e", MAKE:format(device) }):gsub("\n$", "")) end

TestMachines = {}

function TestMachines.testDevice()
  t.assertStrContains(made("", "cuda"), "net")
  t.assertStrContains(made("", "cuda:1"), "net")
  t.assertStrContains(made("", "cuda:2"), "device 'cuda:2': this machine has 2 GPUs; expected cuda:0 or one of the others")
  t.assertStrContains(made("no_driver", "cuda"), "device 'cuda': this machine has no NVIDIA driver")
  t.assertStrContains(made("old_driver", "cuda"), "device 'cuda': the NVIDIA driver supports CUDA 11.8, and this build needs 13.0 or newer")
  t.assertStrContains(made("no_device", "cuda:0"), "device 'cuda:0': the NVIDIA driver finds no GPU")
  t.assertStrContains(made("old_device", "cuda"), "is a GPU of architecture sm_70; expected sm_80 or newer")
  t.assertStrContains(made("no_driver", "auto"), "net")
end

function TestMachines.testDoctor()
  local said = on("", { "doctor" })
  t.assertStrContains(said, "CUDA driver 13.0, plug-in 13.0")
  t.assertStrContains(said, "cuda:1 Host double 1, sm_90, 4 multiprocessors, memory 8.0 GiB")
  t.assertStrContains(on("no_driver", { "doctor" }), "CUDA cannot be used: this machine has no NVIDIA driver")
  t.assertStrContains(on("old_device", { "doctor" }), "cannot be used")
end

os.exit(t.LuaUnit.run())
