-- piece: session id, job id, attempt, the frame. Published only while that attempt runs, so that none comes after the job is
-- finished.

local sid, jid = arg(1), arg(2)
local j = call('HMGET', job_key(sid, jid), 'state', 'attempt')
if j[1] == 'running' and j[2] == arg(3) then
  call('PUBLISH', PREFIX .. 'piece', sid .. ' ' .. jid .. ' ' .. call('HGET', session_key(sid), 'seq') .. ' ' .. arg(4))
end
