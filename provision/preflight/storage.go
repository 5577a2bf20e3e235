package preflight

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds of file systems that lose data, or break what brokers take for granted.
var (
	// volatile ones are empty after a boot.
	volatile = []string{"tmpfs", "ramfs"}
	// remoteKinds are served over a network: a broker renames and deletes segments
	// that it has open, which these do not keep up with, and a lock or a sync there
	// may wait for minutes.
	remoteKinds = []string{"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "afs", "virtiofs"}
	// layered ones copy a whole segment at its first change, and are those of
	// containers and of systems that boot from an image.
	layered = []string{"overlay", "aufs", "squashfs"}
)

// judgeStorage looks at the file systems of data directories, of those that
// programs run from, and of all that is written to.
func judgeStorage(s sight, r *Result) {
	refused := map[string]bool{} // mounts: one finding each
	for _, path := range s.written() {
		if m, ok := s.answer.mountOf(path); ok && m.has("ro") && !refused[m.at] {
			refused[m.at] = true
			r.refuse(s, path+" is on "+m.describe()+", which is mounted read-only", "that it can be written to", "mount -o remount,rw "+m.at+", or choose another directory")
		}
	}
	for _, path := range s.programs() {
		if m, ok := s.answer.mountOf(path); ok && m.has("noexec") && !refused[m.at] {
			refused[m.at] = true
			r.refuse(s, path+" is on "+m.describe()+", which is mounted noexec", "that programs and libraries can be run from there", "mount -o remount,exec "+m.at)
		}
	}
	for _, path := range s.data() {
		if m, ok := s.answer.mountOf(path); ok && !refused[m.at] {
			s.judgeData(path, m, r)
		}
	}
}

// judgeData: noatime is recommended by Kafka's documentation ("Filesystem
// Selection"): reading would else write, and Kafka does not use the times.
func (s sight) judgeData(path string, m mount, r *Result) {
	refuse := func(why string) {
		r.refuse(s, path+" is on "+m.describe()+", "+why, "a file system on a disk of the machine, such as xfs or ext4", "mount one there, or choose another directory")
	}
	switch {
	case slices.Contains(volatile, m.kind):
		refuse("which is empty after a boot")
	case slices.Contains(remoteKinds, m.kind):
		refuse("which is served over a network")
	case slices.Contains(layered, m.kind) && !s.observed.Facts.Container:
		refuse("which is a layer over another")
	case slices.Contains(layered, m.kind), m.has("noatime"):
		r.note(s, "%s on %s", path, m.describe())
	default:
		r.advise(s, path+" is on "+m.describe()+", which notes the time of each reading", "the mount option noatime",
			"add noatime to "+m.at+" in /etc/fstab, and: mount -o remount,noatime "+m.at)
	}
}

func (m mount) describe() string {
	kind := m.kind
	if strings.HasPrefix(m.source, "/") {
		kind += " " + m.source
	}
	return fmt.Sprintf("%s (%s)", m.at, kind)
}
