-- job: session id, job id -> the job as PUBLIC_JOB, or why not.

local sid, jid = arg(1), arg(2)
local no = refusal(sid)
if no then return no end
local job = call('HMGET', job_key(sid, jid), unpack(PUBLIC_JOB))
return job[1] and job or 'gone'
