-- events: most events of each, then for each session: id, seq -> {epoch, for each session: {entry...} with a seq above that, or
-- 'gone'}.

local most = arg(1)
local reply = {epoch()}
for i = 2, argc, 2 do
  local sid = arg(i)
  if call('EXISTS', session_key(sid)) == 0 then
    reply[#reply + 1] = 'gone'
  else
    reply[#reply + 1] = call('XRANGE', session_key(sid) .. ':log', int(num(arg(i + 1)) + 1), '+', 'COUNT', most)
  end
end
return reply
