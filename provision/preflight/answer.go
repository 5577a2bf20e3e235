package preflight

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/provision/remote"
)

// answer is what a machine said to the question. Everything in it is distrusted:
// numbers and addresses are checked, and what was not asked for is not taken.
type answer struct {
	// offset is how far the machine's clock is ahead of this computer's, at least
	// and at most: the truth is somewhere between sending and hearing.
	offsetLeast, offsetMost time.Duration

	memory, swap int64 // bytes
	// files is the most open files that a service can be given.
	files int
	// java is the command's path, empty without one; javaVersion is as it says.
	java, javaVersion string
	// lacks are the tools that are missing.
	lacks     []string
	mounts    []mount
	addresses []netip.Addr
	// paths are, for each path that was asked about, the directory that holds it,
	// or will, with symbolic links followed.
	paths map[string]string
	// names are the addresses of each name; none where it is not known.
	names map[string][]netip.Addr
	// synchronised is systemd's word, "yes" or "no", or empty where it is not known.
	synchronised string
	// timekeepers are the units that keep the time.
	timekeepers []string
}

// mount is a file system and where it is.
type mount struct {
	at, kind, source string
	options          []string
}

func (m mount) has(option string) bool { return slices.Contains(m.options, option) }

// listener reads an answer as it arrives.
type listener struct {
	sent  time.Time
	now   func() time.Time
	heard time.Time // when the clock was
	lines []string
}

func (l *listener) line(line string) {
	if l.heard.IsZero() && strings.HasPrefix(line, "clock\t") {
		l.heard = l.now()
	}
	l.lines = append(l.lines, line)
}

// answer reads all lines. asked are the paths and names of the question.
func (l *listener) answer(s Subject) (answer, error) {
	a := answer{paths: map[string]string{}, names: map[string][]netip.Addr{}}
	if len(l.lines) == 0 || l.lines[len(l.lines)-1] != "end" {
		return a, errors.New("the answer was cut off: the script did not reach its end")
	}
	asked := sorted(s.data(), s.programs(), s.written(), s.names())
	for _, line := range l.lines {
		f := strings.Split(strings.ToValidUTF8(line, "?"), "\t")
		var err error
		switch {
		case len(f) < 2:
		case f[0] == "clock":
			err = a.readClock(f[1], l.sent, l.heard)
		case f[0] == "memory" && len(f) == 3:
			err = a.readMemory(f[1], f[2])
		case f[0] == "files":
			a.readFiles(f[1])
		case f[0] == "java" && len(f) == 3:
			a.java, a.javaVersion = clip(f[1]), clip(f[2])
		case f[0] == "lacks" && slices.Contains(tools, f[1]):
			a.lacks = append(a.lacks, f[1])
		case f[0] == "mount":
			a.readMount(f[1])
		case f[0] == "address":
			a.addresses = append(a.addresses, addresses(f[1:])...)
		case f[0] == "path" && len(f) == 3 && slices.Contains(asked, f[1]) && path.IsAbs(f[2]):
			a.paths[f[1]] = path.Clean(f[2])
		case f[0] == "name" && slices.Contains(asked, f[1]):
			a.names[f[1]] = addresses(f[2:])
		case f[0] == "synchronised":
			a.readSynchronised(f[1:])
		}
		if err != nil {
			return a, err
		}
	}
	if l.heard.IsZero() {
		return a, errors.New("the machine did not tell its time")
	}
	return a, nil
}

// readClock bounds the offset: the clock was read after the question was sent,
// and before the answer was heard.
func (a *answer) readClock(text string, sent, heard time.Time) error {
	seconds, fraction, _ := strings.Cut(text, ".")
	sec, err := strconv.ParseInt(seconds, 10, 40)
	nano, err2 := strconv.ParseUint((fraction + "000000000")[:9], 10, 30)
	if err != nil || err2 != nil {
		return fmt.Errorf("clock %q is not a time in seconds", text)
	}
	at := time.Unix(sec, int64(nano))
	a.offsetLeast, a.offsetMost = at.Sub(heard), at.Sub(sent)
	return nil
}

// offset is the likeliest, and by how much it may be wrong.
func (a answer) offset() (offset, uncertain time.Duration) {
	uncertain = (a.offsetMost - a.offsetLeast) / 2
	return a.offsetLeast + uncertain, uncertain
}

func (a *answer) readMemory(key, text string) error {
	kb, err := strconv.ParseInt(text, 10, 50)
	if err != nil || kb < 0 {
		return fmt.Errorf("%s %q is not a number of kB", key, text)
	}
	switch key {
	case "MemTotal:":
		a.memory = kb << 10
	case "SwapTotal:":
		a.swap = kb << 10
	}
	return nil
}

// readFiles keeps the lowest of several limits; "unlimited" is none.
func (a *answer) readFiles(text string) {
	n, err := strconv.Atoi(text)
	if err == nil && n > 0 && (a.files == 0 || n < a.files) {
		a.files = n
	}
}

// readMount reads a line of /proc/self/mountinfo, as proc(5) describes it. The
// options are those of the mount point and those of the file system.
func (a *answer) readMount(line string) {
	before, after, ok := strings.Cut(line, " - ")
	own, fs := strings.Fields(before), strings.Fields(after)
	if !ok || len(own) < 6 || len(fs) < 3 {
		return
	}
	a.mounts = append(a.mounts, mount{
		at: unescape(own[4]), kind: clip(fs[0]), source: clip(unescape(fs[1])),
		options: append(strings.Split(own[5], ","), strings.Split(fs[2], ",")...),
	})
}

// unescape reads the octal escapes of blanks and backslashes.
func unescape(field string) string {
	for _, c := range []byte(" \t\n\\") {
		field = strings.ReplaceAll(field, fmt.Sprintf(`\%03o`, c), string(c))
	}
	return field
}

// mountOf is the file system that holds a path that was asked about: of mounts
// at the same place, the last one made is on top.
func (a answer) mountOf(asked string) (mount, bool) {
	dir, ok := a.paths[asked]
	var best mount
	for _, m := range a.mounts {
		holds := m.at == "/" || dir == m.at || strings.HasPrefix(dir, m.at+"/")
		if holds && len(m.at) >= len(best.at) {
			best = m
		}
	}
	return best, ok && best.at != ""
}

func (a *answer) readSynchronised(fields []string) {
	if fields[0] == "yes" || fields[0] == "no" {
		a.synchronised = fields[0]
	}
	for _, unit := range fields[1:min(len(fields), 10)] {
		if unit != "" {
			a.timekeepers = append(a.timekeepers, clip(unit))
		}
	}
}

// addresses are those of the texts that are IP addresses.
func addresses(texts []string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			all = append(all, ip.Unmap())
		}
	}
	return all
}

// textLimit bounds, in bytes, what is kept of a text that a machine chose.
const textLimit = 200

func clip(text string) string {
	if len(text) > textLimit {
		text = strings.ToValidUTF8(text[:textLimit], "") + "..."
	}
	return remote.Plain(text)
}

func sorted(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}
