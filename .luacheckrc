std = "lua54"
max_line_length = 140
files["tests"] = { allow_defined_top = true, ignore = { "212/self", "131/[Tt]est.*" } } -- LuaUnit collects global tests
