-- void: session id, first job id of a submission whose reply was lost, seconds -> 'kept' when its jobs exist, else 'void': and
-- then they never will. A call that is still on its way is refused for so many seconds.

even_when_full()
local sid, first, seconds = arg(1), arg(2), arg(3)
if call('EXISTS', job_key(sid, first)) == 1 then return 'kept' end
call('SET', void_key(sid, first), '1', 'EX', seconds)
return 'void'
