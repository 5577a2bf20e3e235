package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"weir/provision/remote"
)

// Observe asks the machine for everything the state names, in one round trip
// and without changing anything.
func Observe(ctx context.Context, r remote.Runner, s State) (Observed, error) {
	seen, err := ObserveTogether(ctx, r, s)
	if err != nil {
		return Observed{}, err
	}
	return seen[0], nil
}

// observePrelude collects what does not depend on the state. Where a shell
// builtin can do it no process is started: on a small machine each costs 1 ms,
// and every preview pays. What a machine sends is bounded where it is received.
const observePrelude = `export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
row() { printf '%s' "$1"; shift; printf '\t%s' "$@"; printf '\n'; }
entry() { # PATH, in base64 where its characters are not plain
  case $1 in *[!A-Za-z0-9._/@:+-]*) row encoded "$(printf '%s' "$1" | base64 -w0)" ;; *) row found "$1" ;; esac
}
entries() { # DIR: what is directly in it
  n=0
  for f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$f" ] || [ -L "$f" ]; then entry "$f"; n=$((n + 1)); fi
    if [ "$n" -eq 1000 ]; then break; fi
  done
}
echo @facts
release=/etc/os-release
[ -r "$release" ] || release=/usr/lib/os-release
while IFS='=' read -r k v || [ -n "$k" ]; do
  case $k in ID|ID_LIKE|VERSION_ID) row "$k" "$v" ;; esac
done <"$release"
while read -r k v _; do
  case $k in MemTotal:) row memory "$v"; break ;; esac
done </proc/meminfo
row arch "$(uname -m)"
row clock "$(date +%s)"
read -r up _ </proc/uptime && row uptime "${up%.*}"
[ -d /run/systemd/system ] && row systemd yes
[ -w /proc/sys/vm/swappiness ] || row container yes
for c in apt-get dnf yum zypper pacman apk; do
  if command -v "$c" >/dev/null; then row packages "$c"; fi
done
echo @manifests
set --
for f in ` + ManifestDir + `/*.json; do
  if [ -f "$f" ]; then printf '%s\n' "$f"; set -- "$@" "$f"; fi
done
[ $# -eq 0 ] || { sed -s '1F;s/^/\t/' -- "$@"; echo; } # the last one may end in the middle of a line
`

// ObserveScript is the read-only script that Observe runs.
func ObserveScript(s State) string {
	var b strings.Builder
	b.WriteString(observePrelude)
	observePackages(&b, s)
	observeUsers(&b, s)
	observePaths(&b, s)
	observeReleases(&b, s)
	observeServices(&b, s)
	observeDropIns(&b, s)
	observeServers(&b, s)
	observeSysctls(&b, s)
	observeSpace(&b, s)
	b.WriteString("echo @end\n")
	return b.String()
}

func observePackages(b *strings.Builder, s State) {
	if len(s.Packages) == 0 {
		return
	}
	b.WriteString("echo @packages\nlacking=\n")
	names := make([]string, 0, len(s.Packages))
	for _, p := range s.Packages {
		names = append(names, p.allNames()...)
		if p.Provides == "" {
			b.WriteString("lacking=yes\n")
			continue
		}
		// Units also look into /usr/local/bin: what is there does.
		fmt.Fprintf(b, "if PATH=/usr/local/bin:$PATH command -v %s >/dev/null; then row %s provided; else lacking=yes; fi\n", remote.Quote(p.Provides), remote.Quote(p.Name))
	}
	fmt.Fprintf(b, "if [ -z \"$lacking\" ]; then :; elif command -v dpkg-query >/dev/null; then dpkg-query -W -f='${Package}\\t${Version}\\t${db:Status-Status}\\n' %s 2>/dev/null\n"+
		"elif command -v rpm >/dev/null; then rpm -q --qf '%%{NAME}\\t%%{VERSION}\\tinstalled\\n' %s 2>/dev/null; fi\n",
		remote.QuoteAll(names...), remote.QuoteAll(names...))
}

func observeUsers(b *strings.Builder, s State) {
	if len(s.Users) == 0 {
		return
	}
	names := make([]string, len(s.Users))
	for i, u := range s.Users {
		names[i] = u.Name
	}
	fmt.Fprintf(b, "echo @users\ngetent passwd %s\n", remote.QuoteAll(names...))
}

func observePaths(b *strings.Builder, s State) {
	var paths, files []string
	for _, d := range s.Directories {
		paths = append(paths, d.Path)
	}
	for _, f := range s.AllFiles() {
		paths = append(paths, f.Path)
		files = append(files, f.Path)
	}
	for _, r := range s.Releases { // for the times of their last change
		paths = append(paths, r.Link(), fingerprint(r.Dir()))
		files = append(files, sums(r.Dir()))
	}
	paths, files = unique(paths), unique(files) // components share trees
	if len(paths) > 0 {
		fmt.Fprintf(b, "echo @stat\nstat --printf='%%n\\t%%F\\t%%a\\t%%U\\t%%G\\t%%s\\t%%Y\\n' -- %s 2>/dev/null\n", remote.QuoteAll(paths...))
	}
	if len(files) > 0 {
		fmt.Fprintf(b, "echo @sums\nsums=$(sha256sum -- %s 2>/dev/null)\nprintf '%%s\\n' \"$sums\"\necho @contents\n", remote.QuoteAll(files...))
		fmt.Fprintf(b, "body() {\n  case $sums in *\"$2  $1\"*) return ;; esac\n"+
			"  if [ -f \"$1\" ] && [ ! -L \"$1\" ]; then row \"$1\" \"$(head -c %d \"$1\" | base64 -w0)\"; fi\n}\n", ContentLimit+1)
		for _, f := range s.AllFiles() {
			if !f.Secret && !f.Once {
				fmt.Fprintf(b, "body %s %s\n", remote.Quote(f.Path), Digest(f.Content))
			}
		}
	}
	observeStrangers(b, s)
}

func unique(paths []string) []string {
	slices.Sort(paths)
	return slices.Compact(paths)
}

func observeReleases(b *strings.Builder, s State) {
	if len(s.Releases) == 0 {
		return
	}
	b.WriteString("echo @releases\n" + treeFunction + `release() {
  [ -f "$1/SHA256SUMS" ] || return 0
  if [ ! -f "$1.tree" ]; then changes=unknown
  elif tree "$1" | cmp -s "$1.tree" -; then changes=
  else changes=$(tree "$1" | comm -3 "$1.tree" - 2>/dev/null | head -c 16384 | base64 -w0); fi
  row "$1" "$changes"
}
`)
	var dirs []string
	for _, r := range s.Releases { // components share trees
		dirs = append(dirs, r.Dir())
	}
	for _, dir := range unique(dirs) {
		fmt.Fprintf(b, "release %s\n", remote.Quote(dir))
	}
}

// treeFunction prints a fingerprint of a tree, a line for each thing in it with
// its name, kind, mode, owner, group, size and time: it finds what was changed
// by hand at the cost of a listing, where hashing 56 MB of jars at every look
// would cost a second a machine.
const treeFunction = `tree() { find "$1" -mindepth 1 -printf '%P\t%y\t%m\t%U\t%G\t%s\t%T@\n' | sort; }
`

// sums is the file of a release's tree that has the digests of all others, and is
// known by its own.
func sums(dir string) string { return dir + "/SHA256SUMS" }

// fingerprint is the file that holds what a release's tree was when it was unpacked.
func fingerprint(dir string) string { return dir + ".tree" }

// serviceProperties are what one `systemctl show` is asked for.
const serviceProperties = "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,MainPID,NRestarts,DropInPaths"

func observeServices(b *strings.Builder, s State) {
	if len(s.Services) == 0 {
		return
	}
	var units []string
	for _, v := range s.Services {
		units = append(units, v.Unit)
	}
	fmt.Fprintf(b, "echo @services\nshown=$(systemctl show --property=%s -- %s 2>/dev/null)\nprintf '%%s\\n' \"$shown\"\n", serviceProperties, remote.QuoteAll(units...))
	observeProcesses(b, s)
	b.WriteString("echo @pending\n")
	for _, u := range units {
		fmt.Fprintf(b, "[ -e %s ] && row %s yes\n", remote.Quote(pendingPath(u)), remote.Quote(u))
	}
	// Who listens is asked only where a unit is not up: it is needed to say
	// which process has taken its port.
	b.WriteString(`echo @listeners
if [ -n "$down" ]; then
  if command -v ss >/dev/null; then ss -Hltnp | head -n 500
  else awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6 | head -n 500; fi
fi
`)
}

// observeProcesses tells of the units' processes, and notes whether a unit is not up
// whose port or place another process may have taken.
func observeProcesses(b *strings.Builder, s State) {
	var serving []string
	for _, v := range s.Services {
		if len(v.Ports) > 0 || v.Takeover != nil {
			serving = append(serving, v.Unit)
		}
	}
	fmt.Fprintf(b, `echo @processes
process() { if read -r stat <"/proc/$1/stat"; then row "$1" "${stat##*) }"; fi; }
down= unit= state=
while IFS='=' read -r k v; do
  case $k in
  MainPID) [ "$v" = 0 ] || process "$v" 2>/dev/null ;;
  Id) unit=$v ;;
  ActiveState) state=$v ;;
  '') case " %s " in *" $unit "*) [ "$state" = active ] || down=yes ;; esac ;;
  esac
done <<END
$shown

END
`, strings.Join(serving, " "))
}

func observeSysctls(b *strings.Builder, s State) {
	if len(s.Sysctls) == 0 {
		return
	}
	// Not by the shell's read: it takes a byte at a time, and the kernel answers such a
	// file's first byte and then the end.
	files := make([]string, len(s.Sysctls))
	for i, c := range s.Sysctls {
		files[i] = sysctlFile(c.Key)
	}
	fmt.Fprintf(b, "echo @sysctls\ngrep -s '' /dev/null %s\n", remote.QuoteAll(files...))
}

// observeSpace asks for what df shows as available, where a path is or will be.
func observeSpace(b *strings.Builder, s State) {
	if len(s.Requires.Space) == 0 {
		return
	}
	paths := make([]string, len(s.Requires.Space))
	for i, sp := range s.Requires.Space {
		paths[i] = sp.Path
	}
	fmt.Fprintf(b, `echo @places
set --
for path in %s; do
  p=$path
  while [ ! -d "$p" ]; do p=${p%%/*}; p=${p:-/}; done
  row "$path" "$p"
  set -- "$@" "$p"
done
echo @space
stat -f --printf='%%n\t%%a\t%%S\n' -- "$@" 2>/dev/null
`, remote.QuoteAll(paths...))
}

// AllFiles are the state's files and those that weir derives from it.
func (s State) AllFiles() []File {
	files := s.Files
	if f, ok := s.sysctlFile(); ok {
		files = append(files[:len(files):len(files)], f)
	}
	return files
}

func (s State) sysctlPath() string { return "/etc/sysctl.d/60-weir-" + s.Component + ".conf" }

// sysctlFile is what makes the settings last over a reboot.
func (s State) sysctlFile() (File, bool) {
	var b strings.Builder
	for _, c := range s.Sysctls {
		if !belowSys(c.Key) {
			fmt.Fprintf(&b, "%s = %s\n", c.Key, c.Value)
		}
	}
	return File{Path: s.sysctlPath(), Owner: "root", Group: "root", Mode: 0o644, Content: b.String()}, b.Len() > 0
}

func belowSys(key string) bool { return strings.HasPrefix(key, "/sys/") }

func sysctlFile(key string) string {
	if belowSys(key) {
		return key
	}
	return "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
}

// pendingPath marks a service that runs with what it watched before a change.
// It is on a tmpfs: after a reboot the service has started with what is there.
func pendingPath(unit string) string { return "/run/weir/restart/" + unit }

// Digest is the sha256 of a file's content, in hex.
func Digest(content string) string {
	d := sha256.Sum256([]byte(content))
	return hex.EncodeToString(d[:])
}
