-- Which tests speak about which file, for the mutation tool, and short names for the files that matter most.
-- A file without a row gets the specs and unit tests that name it.

local targets = {}

---Short name -> file.
targets.PRESETS = {
  retry = "src/net/retry.c",
  guard = "src/lua/guard.c",
  redaction = "lua/anyreach/text/redaction.lua",
  redaction_c = "src/api/redaction.c",
  redaction_json = "src/api/redaction_json.c",
  secret_shapes = "src/api/secret_shapes.c",
  needles = "src/api/needles.c",
  merge = "lua/anyreach/agents/merge.lua",
  slots = "lua/anyreach/agents/numbers/slot_changes.lua",
  paging = "lua/anyreach/client/pager.lua",
  lock = "lua/anyreach/agents/lock.lua",
}

---File -> tests, the quickest first.
targets.TESTS = {
  ["src/net/retry.c"] = { "tests/unit/test_retry.c", "tests/spec/retry_spec.lua" },
  ["src/net/crowd.c"] = { "tests/unit/test_crowd.c", "tests/unit/test_rate_limits.c" },
  ["src/net/pace.c"] = { "tests/unit/test_pace.c", "tests/unit/test_rate_limits.c" },
  ["src/lua/guard.c"] = { "tests/spec/guard_spec.lua", "tests/e2e/guard_spec.lua" },
  ["src/api/needles.c"] = { "tests/unit/test_redaction.c" },
  ["src/api/redaction.c"] = { "tests/unit/test_redaction.c", "tests/spec/redaction_spec.lua",
    "tests/spec/redaction_property_spec.lua" },
  ["src/api/redaction_json.c"] = { "tests/unit/test_redaction.c", "tests/spec/redaction_spec.lua",
    "tests/spec/redaction_property_spec.lua" },
  ["src/api/secret_shapes.c"] = { "tests/unit/test_redaction.c", "tests/spec/secret_shapes_spec.lua",
    "tests/spec/redaction_spec.lua", "tests/spec/redaction_property_spec.lua" },
  ["lua/anyreach/text/redaction.lua"] = {
    "tests/spec/redaction_spec.lua", "tests/spec/observing_spec.lua",
    "tests/e2e/replay_spec.lua",
  },
  ["lua/anyreach/agents/merge.lua"] = { "tests/spec/merge_spec.lua" },
  ["lua/anyreach/agents/numbers/slot_changes.lua"] = { "tests/spec/slot_changes_spec.lua" },
  ["lua/anyreach/client/pager.lua"] = { "tests/spec/pager_spec.lua", "tests/spec/pager_offset_spec.lua" },
  ["lua/anyreach/agents/lock.lua"] = { "tests/spec/lock_spec.lua" },
}

return targets
