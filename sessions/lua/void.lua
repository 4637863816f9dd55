-- void: session id, first job id of a submission whose reply was lost, seconds, its images -> 'kept' when its jobs exist, else {those of
-- its images that no other job is of}: and then its jobs never will. A call that is still on its way is refused for so many seconds.

even_when_full()
local sid, first, seconds = arg(1), arg(2), arg(3)
if call('EXISTS', job_key(sid, first)) == 1 then return 'kept' end
call('SET', void_key(sid, first), '1', 'EX', seconds)
local unused = {}
for i = 4, argc do
  if call('EXISTS', image_key(sid, arg(i))) == 0 then unused[#unused + 1] = arg(i) end
end
return unused
