-- progress: then for each job: session id, job id, attempt, stage, percent, the frame. Written and published only
-- while that attempt runs, so that none comes after the job is finished.

for i = 1, argc, 6 do
  local sid, jid = arg(i), arg(i + 1)
  local key = job_key(sid, jid)
  local j = call('HMGET', key, 'state', 'attempt')
  if j[1] == 'running' and j[2] == arg(i + 2) then
    call('HSET', key, 'stage', arg(i + 3), 'percent', arg(i + 4))
    call('PUBLISH', PREFIX .. 'progress',
      sid .. ' ' .. jid .. ' ' .. call('HGET', session_key(sid), 'seq') .. ' ' .. arg(i + 5))
  end
end
