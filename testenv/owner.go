package testenv

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// owner names this process so that no other can be mistaken for it: host, boot,
// process id and start time, with slashes between.
func owner() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%s/%d/%s", host, bootID(), os.Getpid(), startTime(os.Getpid()))
}

// ended reports whether the named process is known to have ended. Of another
// host's processes nothing is known, so theirs is false.
func ended(name string) bool {
	parts := strings.Split(name, "/")
	host, _ := os.Hostname()
	if len(parts) != 4 || parts[0] != host {
		return false
	}
	if parts[1] != bootID() {
		return true
	}
	pid, err := strconv.Atoi(parts[2])
	return err == nil && startTime(pid) != parts[3]
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// startTime returns when a process started, in clock ticks since the boot, or
// "" when there is none of that id. It is what tells a process from a later one
// that got its id.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the command in parentheses and may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const start = 22 - 3 // proc(5): field 22; fields begins with the third
	if len(fields) <= start {
		return ""
	}
	return fields[start]
}
