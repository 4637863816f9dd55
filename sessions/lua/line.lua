-- line: number of the newest change of the board that is known, most to return
-- -> {number of the newest, NOW, {model, its times...}, {number, field, value}...}

local after, most = num(arg(1)), num(arg(2))
local reply = {int(newest_change()), int(NOW), call('HGETALL', RATES)}
if most > 0 then
  for _, entry in ipairs(call('XRANGE', CHANGES, int(after + 1), '+', 'COUNT', most)) do
    reply[#reply + 1] = {entry[1], entry[2][1], entry[2][2]}
  end
end
return reply
