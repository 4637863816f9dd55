-- rights: commands -> those of them that this user may not give, or that Redis was told not to know (rename-command).

local lacking = {}
for i = 1, argc do
  if redis.acl_check_cmd then
    local known, may = pcall(redis.acl_check_cmd, arg(i), PREFIX .. 'probe')
    if not (known and may) then lacking[#lacking + 1] = arg(i) end
  end
end
return lacking
