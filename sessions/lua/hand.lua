-- hand: then for each job that the node's workers have in hand: session id, job id
-- -> {jobs of those whose cancellation was asked for, what is in hand here and not there, as "session job"}.

local held, cancel, strays = {}, {}, {}
for i = 1, argc, 2 do held[arg(i) .. ' ' .. arg(i + 1)] = true end
for _, member in ipairs(call('HKEYS', hand_key(NODE))) do
  local sid, jid = split(member)
  if not held[member] then
    strays[#strays + 1] = member
  elseif call('HGET', job_key(sid, jid), 'cancel') == '1' then
    cancel[#cancel + 1] = jid
  end
end
return {cancel, strays}
