-- rights: commands -> those of them that this user may not give.

local lacking = {}
for i = 1, argc do
  if redis.acl_check_cmd and not redis.acl_check_cmd(arg(i), PREFIX .. 'probe') then lacking[#lacking + 1] = arg(i) end
end
return lacking
