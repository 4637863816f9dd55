-- turns: ms after which a reservation that nobody watches is given up. Ends what time has ended on this node's slots: a slot whose
-- worker is down is nobody's; a turn is over while others wait, whether or not its worker asks for more, which may hang.

even_when_full()
local unwatched = num(arg(1))
if not holds_lease(NODE, GENERATION) then return 0 end
local open = call('HGET', node_key(NODE), 'open')
for slot = 0, slots_of(NODE) - 1 do
  local sid = owner(NODE, int(slot))
  if sid then
    local idle = call('ZSCORE', RESERVED, sid)
    if not is_open(open, slot) then
      stand_by(sid, false)
    elseif turn_over(sid) then
      end_turn(sid)
    elseif idle and NOW - num(idle) >= GRACE and NOW - num(call('ZSCORE', SEEN, sid)) >= unwatched then
      stand_by(sid, false)
    elseif call('ZCARD', LINE) > 0 then
      post_load(sid)
    end
  end
end
settle()
publish()
return 1
