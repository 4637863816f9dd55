package main

import "syscall"

// mount makes a folder a small disk, which needs the right to.
func mount(folder string) error { return syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+diskSize) }

func unmount(folder string) error { return syscall.Unmount(folder, 0) }
