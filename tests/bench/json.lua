-- Our JSON codec beside lua-cjson, in one process. Usage: json.lua FILE [CORPUS…]
-- FILE is a configuration; the other corpora are made here. Prints a line for each corpus: its name and four
-- processor times in microseconds, the least of several rounds that take turns: our decode, lua-cjson's, our
-- encode, lua-cjson's. What lua-cjson writes may be less than what we write: its numbers have 14 digits.

local cjson = require "cjson"
local json = anyreach.json

local ROUNDS, ROUND_SECONDS = 15, 0.004 -- of each contender

-- {====== corpora: what JSON from and for agents is made of ======

local SENTENCES = {
  "You are the receptionist of \"Riverside Dental\". Say 'please' and \"thank you\".\n",
  "Sie sind der Empfang der Praxis „Zahn & Söhne“. Fragen Sie zuerst: „Worum geht es?“\n",
  "Vous êtes l'accueil du cabinet « Dentaire ». Demandez d'abord : \"Êtes-vous déjà venu ?\"\n",
  "Вы работаете в регистратуре клиники «Улыбка». Сначала спросите: \"Чем помочь?\"\n",
  "您是诊所的前台。请先问：“您哪里不舒服？”然后预约时间。\n",
  "あなたは歯科医院の受付です。まず「どうされましたか」と尋ねてください。\n",
  "أنت موظف استقبال في العيادة. اسأل أولاً: \"كيف يمكنني مساعدتك؟\"\n",
  "Answer in one or two sentences. 🙂 If unsure, say so.\t(See the table.)\n",
}

local function prompts()
  local list = {}
  for i = 1, 40 do
    list[i] = { name = "prompt " .. i, text = table.concat(SENTENCES, "", 1 + i % #SENTENCES):rep(3) }
  end
  return list
end

-- As Python's json.dumps writes it: whatever is not ASCII is an escape.
local function ascii(text)
  return (text:gsub(utf8.charpattern, function(character)
    local code = utf8.codepoint(character)
    if code < 0x80 then return end
    if code < 0x10000 then return ("\\u%04x"):format(code) end
    code = code - 0x10000
    return ("\\u%04x\\u%04x"):format(0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
  end))
end

local random_state = 42
local function random() -- the same in every run
  random_state = (random_state * 6364136223846793005 + 1442695040888963407)
  return random_state >> 11
end

local function list_of(count, make)
  local list = {}
  for i = 1, count do list[i] = make(i) end
  return list
end

local function nested(depth)
  if depth == 0 then return { leaf = true, list = { 1, 2, 3 } } end
  return { left = nested(depth - 1), right = nested(depth - 1), depth = depth }
end

local function row(i)
  return { id = ("86d3f7ad-e739-4210-b83b-%012x"):format(i), active = i % 2 == 0, version = i, name = "Agent " .. i }
end

local function distinct_keys(i) return { ["key" .. i] = i, ["other" .. i * 7] = "x" } end

local corpora = {
  { "prompts, six scripts", json.encode(prompts()) },
  { "the same as \\uXXXX", ascii(json.encode(prompts())) },
  { "floats of 17 digits", json.encode(list_of(3000, function() return random() / 2 ^ 53 * 1000 end)) },
  { "floats of few digits", json.encode(list_of(3000, function() return (random() % 100000) / 100 end)) },
  { "integers", json.encode(list_of(5000, function() return random() % 1000000007 end)) },
  { "objects in objects", json.encode(nested(9)) },
  { "rows of four fields", json.encode(list_of(500, row)) },
  { "keys that do not recur", json.encode(list_of(1500, distinct_keys)) },
  { "one long string", json.encode { text = ("The quick brown fox jumps over the lazy dog. "):rep(1500) } },
}

-- }======

-- Garbage of one contender is not to be collected on another's time.
local function measure(call, calls)
  collectgarbage()
  local start = os.clock()
  for _ = 1, calls do call() end
  return (os.clock() - start) / calls * 1e6
end

local function contenders(text)
  local ours, theirs = json.decode(text), cjson.decode(text)
  return {
    function() json.decode(text) end,
    function() cjson.decode(text) end,
    function() json.encode(ours) end,
    function() cjson.encode(theirs) end,
  }
end

local function measure_all(text)
  local calls, least = contenders(text), {}
  for i, call in ipairs(calls) do least[i] = measure(call, 1) end
  local counts = {}
  for i, time in ipairs(least) do counts[i] = math.max(1, math.ceil(ROUND_SECONDS / time * 1e6)) end
  for _ = 1, ROUNDS do
    for i, call in ipairs(calls) do least[i] = math.min(least[i], measure(call, counts[i])) end
  end
  return least
end

table.insert(corpora, 1, { "a configuration of 64 KB", anyreach.read_file(arg[1]) })
for _, corpus in ipairs(corpora) do
  local name, text = corpus[1], corpus[2]
  if not arg[2] or name:find(arg[2], 1, true) then
    print(("%s\t%.3f\t%.3f\t%.3f\t%.3f"):format(name, table.unpack(measure_all(text))))
  end
end
