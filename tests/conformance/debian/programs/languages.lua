-- Lua: tables, strings, files and pipes.
local counts = {}
for line in io.lines("words") do
  local word = line:match("word%d+")
  counts[word] = (counts[word] or 0) + 1
end
local names = {}
for name in pairs(counts) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do io.write(name, "=", counts[name], " ") end
print()
local pipe = io.popen("seq 10 | sort -rn")
print(pipe:read("n", "n", "n"))
print(pipe:close())
print(os.execute("exit 3"))
print(os.execute("kill -9 $$"))
local file = assert(io.open("made", "w"))
file:setvbuf("full", 4096)
for i = 1, 20000 do file:write(i, "\n") end
print(file:seek("cur"))
file:close()
file = io.open("made", "r+")
file:seek("set", 100)
file:write("changed")
file:close()
print(#io.open("made"):read("a"), os.rename("made", "renamed"), os.remove("missing"))
print(io.open("/nowhere/x"))
local fibonacci = coroutine.wrap(function()
  local a, b = 0, 1
  while true do coroutine.yield(a) a, b = b, a + b end
end)
for _ = 1, 20 do io.write(fibonacci(), " ") end
print()
print(pcall(error, {code = 2}) , select("#", table.unpack({1, 2, nil, 4}, 1, 4)))
print(string.format("%5.2f|%q|%x", math.pi, "a\nb", 255), 7 // 2, 2 ^ 53, 1 << 40)
print(os.getenv("LANG"), os.time({year = 2001, month = 9, day = 9, hour = 1}), os.clock() >= 0)
os.exit(4)
