-- stats: -> {length of the line, owner of each slot of this node or ''}.

local reply = {call('ZCARD', LINE)}
for slot = 0, num(call('HGET', node_key(NODE), 'slots')) - 1 do
  reply[#reply + 1] = owner(NODE, int(slot)) or ''
end
return reply
