-- swept: id of a closed session whose jobs and files are deleted.

even_when_full()
return call('SREM', CLOSING, arg(1))
