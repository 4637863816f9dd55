-- image: session id, image id -> the first job of the image as PUBLIC_JOB, or why not.

local sid, image = arg(1), arg(2)
local no = refusal(sid)
if no then return no end
local first = call('ZRANGE', image_key(sid, image), 0, 0)[1]
return first and call('HMGET', job_key(sid, first), unpack(PUBLIC_JOB)) or 'gone'
