std = "lua54"
max_line_length = 120
exclude_files = { "build/**", "lua/library/**" }
read_globals = { "anyreach" }
files["tests/spec"] = { read_globals = { "describe", "it", "expect", "skip" } }
files["tests/e2e"] = { read_globals = { "describe", "it", "expect", "skip" } }
files["tests/helpers"] = { read_globals = { "skip" } }
files["tests/run.lua"] = { globals = { "describe", "it", "expect", "skip" } }
