-- cancels: -> the jobs in hand of this node whose cancellation was asked for.

local jobs = {}
for _, member in ipairs(call('HKEYS', hand_key(NODE))) do
  local sid, jid = split(member)
  if call('HGET', job_key(sid, jid), 'cancel') == '1' then jobs[#jobs + 1] = jid end
end
return jobs
