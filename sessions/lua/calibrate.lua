-- calibrate: session id, image id, what its pixels measure in µm or 'null', the number of a job or '', how many jobs at once
-- -> {the number of the last job that was told, or '' when there are no more}: the jobs of the image after that one are told; or why not.
-- Those that wait or run are told too: their results are read with what is said here. A second call says the same again. One that goes on when
-- another has begun meanwhile, which tells them all, tells no more.

local sid, image, size, after, limit = arg(1), arg(2), arg(3), arg(4), num(arg(5))
local no = refusal(sid)
if no then return no end
local key = image_key(sid, image)
if call('EXISTS', key) == 0 then return 'gone' end
local begin = '{"pixel_size":' .. size .. ','
local first = call('ZRANGE', key, 0, 0)[1]
if after ~= '' and string.sub(call('HGET', job_key(sid, first), 'calibration') or '', 1, #begin) ~= begin then return {''} end
local calibration = begin .. '"at":' .. int(WALL) .. ',"session":' .. cjson.encode(call('HGET', session_key(sid), 'name')) .. '}'
local jobs = call('ZRANGEBYSCORE', key, after == '' and '-inf' or '(' .. after, '+inf', 'LIMIT', 0, limit)
for _, jid in ipairs(jobs) do
  call('HSET', job_key(sid, jid), 'calibration', calibration)
  record_job(sid, jid)
end
call('ZADD', SEEN, 'XX', int(NOW), sid)
publish()
return {#jobs == limit and call('ZSCORE', key, jobs[limit]) or ''}
