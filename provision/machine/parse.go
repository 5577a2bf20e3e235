package machine

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answer is what a machine printed, cut into the sections of the script.
type answer map[string][]string

// parseObserved reads the answer to ObserveScript(s). Everything in it is
// distrusted: only paths, units and keys that were asked for are taken, numbers
// are checked, and a missing end means that the answer was cut off.
func parseObserved(s State, out []byte) (Observed, error) {
	a, err := sections(out)
	if err != nil {
		return Observed{}, err
	}
	o := Observed{
		Manifests: map[string]Manifest{}, Damaged: map[string]Damage{}, Packages: map[string]string{}, Users: map[string]bool{},
		Directories: map[string]Entry{}, Files: map[string]ObservedFile{}, Releases: map[string]ObservedRelease{},
		Links: map[string]string{}, InUse: map[string]string{}, Services: map[string]ObservedService{}, Sysctls: map[string]string{},
		PortHolders: map[int]string{}, Free: map[string]int64{},
	}
	steps := []func(State, answer, *Observed) error{
		readFacts, readManifests, readPackages, readUsers, readPaths, readContents,
		readLinks, readStrangers, readReleases, readServices, readDropIns, readOutdated, readListeners, readServers, readSysctls, readSpace,
	}
	for _, read := range steps {
		if err := read(s, a, &o); err != nil {
			return Observed{}, err
		}
	}
	return o, nil
}

func sections(out []byte) (answer, error) {
	a := answer{}
	var name string
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, len(out)+1)
	for sc.Scan() {
		line := strings.ToValidUTF8(sc.Text(), "?")
		if strings.HasPrefix(line, "@") {
			name = line[1:]
			a[name] = []string{}
			continue
		}
		if name != "" {
			a[name] = append(a[name], line)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, err
	}
	if name != "end" {
		return nil, errors.New("the answer was cut off: the script did not reach its end")
	}
	return a, nil
}

// rows splits a section's lines at tabs and drops those with fewer than n fields.
func (a answer) rows(section string, n int) [][]string {
	var rows [][]string
	for _, line := range a[section] {
		if f := strings.Split(line, "\t"); len(f) >= n {
			rows = append(rows, f)
		}
	}
	return rows
}

func readFacts(_ State, a answer, o *Observed) error {
	var like, managers []string
	for _, f := range a.rows("facts", 2) {
		v := clip(strings.Trim(f[1], `"'`))
		switch f[0] {
		case "ID":
			o.Facts.OS = v
		case "ID_LIKE":
			like = strings.Fields(v)
		case "VERSION_ID":
			o.Facts.OSVersion = v
		case "arch":
			o.Facts.Architecture = goArch(v)
		case "systemd":
			o.Facts.Systemd = true
		case "container":
			o.Facts.Container = true
		case "packages":
			managers = append(managers, v)
		case "memory":
			kb, err := strconv.ParseInt(v, 10, 40)
			if err != nil {
				return fmt.Errorf("memory %q is not a number of kB", v)
			}
			o.Facts.MemoryBytes = kb << 10
		case "clock":
			sec, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return fmt.Errorf("clock %q is not a number of seconds", v)
			}
			o.Facts.Clock = time.Unix(sec, 0)
		case "uptime":
			sec, err := strconv.ParseInt(v, 10, 32)
			if err != nil {
				return fmt.Errorf("uptime %q is not a number of seconds", v)
			}
			o.Facts.Uptime = time.Duration(sec) * time.Second
		}
	}
	o.Facts.PackageManager = managerOf(append([]string{o.Facts.OS}, like...), managers)
	return nil
}

// goArch translates uname's machine names.
func goArch(uname string) string {
	switch uname {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return uname
}

// manifests are the texts of the manifests by the names of their files: a line with
// a path, and behind tabs the lines of its file.
func (a answer) manifests() map[string]string {
	texts := map[string]string{}
	name, separator := "", ""
	for _, line := range a["manifests"] {
		text, ok := strings.CutPrefix(line, "\t")
		switch {
		case ok:
			texts[name] += separator + text
			separator = "\n"
		case line != "":
			name, separator = path.Base(line), ""
			texts[name] = ""
		}
	}
	return texts
}

func readManifests(_ State, a answer, o *Observed) error {
	for name, text := range a.manifests() {
		component, ok := strings.CutSuffix(name, ".json")
		if !ok || !namePattern.MatchString(component) {
			continue
		}
		m, damage := parseManifest(component, []byte(text))
		if damage != nil {
			o.Damaged[component] = *damage
			continue
		}
		o.Manifests[component] = m
	}
	return nil
}

func readPackages(s State, a answer, o *Observed) error {
	wanted := map[string]string{}
	for _, p := range s.Packages {
		for _, name := range append(p.allNames(), p.Name) {
			wanted[name] = p.Name
		}
	}
	for _, f := range a.rows("packages", 2) {
		name, ok := wanted[f[0]]
		if !ok || len(f) > 2 && f[2] != "installed" {
			continue
		}
		if o.Packages[name] == "" || f[1] != "provided" {
			o.Packages[name] = f[1]
		}
	}
	return nil
}

func readUsers(s State, a answer, o *Observed) error {
	for _, line := range a["users"] {
		name, _, _ := strings.Cut(line, ":")
		if slices.ContainsFunc(s.Users, func(u User) bool { return u.Name == name }) {
			o.Users[name] = true
		}
	}
	return nil
}

// sums are the files' digests, as sha256sum tells them.
func (a answer) sums() map[string]string {
	sums := map[string]string{}
	for _, line := range a["sums"] {
		line = strings.TrimPrefix(line, `\`)
		if len(line) > 66 && digestPattern.MatchString(line[:64]) {
			sums[strings.ReplaceAll(line[66:], `\\`, `\`)] = line[:64]
		}
	}
	return sums
}

func readPaths(s State, a answer, o *Observed) error {
	sums := a.sums()
	entries := map[string]Entry{}
	for _, f := range a.rows("stat", 6) {
		mode, err := strconv.ParseUint(f[2], 8, 12)
		if err != nil {
			return fmt.Errorf("mode %q of %q is not octal", f[2], f[0])
		}
		size, err := strconv.ParseInt(f[5], 10, 64)
		if err != nil {
			return fmt.Errorf("size %q of %q is not a number", f[5], f[0])
		}
		entries[f[0]] = Entry{Kind: clip(f[1]), Owner: clip(f[3]), Group: clip(f[4]), Mode: fs.FileMode(mode), Size: size}
	}
	for _, d := range s.Directories {
		if e, ok := entries[d.Path]; ok {
			o.Directories[d.Path] = e
		}
	}
	for _, f := range s.AllFiles() {
		if e, ok := entries[f.Path]; ok {
			o.Files[f.Path] = ObservedFile{Entry: e, SHA256: sums[f.Path]}
		}
	}
	return nil
}

func readContents(s State, a answer, o *Observed) error {
	for _, f := range s.AllFiles() {
		if got, ok := o.Files[f.Path]; ok && got.SHA256 == Digest(f.Content) && !f.Secret {
			got.Content, got.Known = f.Content, true
			o.Files[f.Path] = got
		}
	}
	for _, f := range a.rows("contents", 2) {
		got, ok := o.Files[f[0]]
		data, err := base64.StdEncoding.DecodeString(f[1])
		if err != nil {
			return fmt.Errorf("content of %q: %w", f[0], err)
		}
		if ok && !got.Known && len(data) <= ContentLimit && Digest(string(data)) == got.SHA256 {
			got.Content, got.Known = string(data), true
			o.Files[f[0]] = got
		}
	}
	return nil
}

func readSysctls(s State, a answer, o *Observed) error {
	for _, c := range s.Sysctls {
		for _, line := range a["sysctls"] {
			value, ok := strings.CutPrefix(line, sysctlFile(c.Key)+":")
			if !ok {
				continue
			}
			if value = chosen(strings.Join(strings.Fields(value), " ")); len(value) <= nameLimit {
				o.Sysctls[c.Key] = value
			}
		}
	}
	return nil
}

// chosen is the value of a setting; some of those below /sys list the values
// that there are, with brackets around the one that holds.
func chosen(value string) string {
	if _, rest, ok := strings.Cut(value, "["); ok {
		value, _, _ = strings.Cut(rest, "]")
	}
	return value
}

func readSpace(_ State, a answer, o *Observed) error {
	free := map[string]int64{}
	for _, f := range a.rows("space", 3) {
		blocks, err := strconv.ParseInt(f[1], 10, 50)
		size, sizeErr := strconv.ParseInt(f[2], 10, 32)
		if err := errors.Join(err, sizeErr); err != nil || blocks < 0 || size < 1 || blocks > math.MaxInt64/size {
			return fmt.Errorf("free space %q blocks of %q bytes at %q is not a number of bytes", f[1], f[2], f[0])
		}
		free[f[0]] = blocks * size
	}
	for _, f := range a.rows("places", 2) {
		if bytes, ok := free[f[1]]; ok {
			o.Free[f[0]] = bytes
		}
	}
	return nil
}
