package machine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/provision/process"
	"weir/provision/remote"
)

// Takeover lets a service take the place of a Java server that somebody started
// by hand on the same data: where the service does not run and such a server
// does, the plan ends that one, hands its data to the service, and starts the
// service. Where there is none, it means nothing.
type Takeover struct {
	// Main is the server's main class.
	Main string
	// Keys are those of its properties file that name its data directory; the
	// first that is set holds.
	Keys []string
	// Data is the directory that both keep their data in. A server with another
	// is no business of the service.
	Data string
	// Patience is how long the server may take to end once it was asked to, in
	// whole seconds. It is never killed.
	Patience time.Duration
}

// of says that the server keeps its data where the service does.
func (t Takeover) of(j process.Java) bool {
	dir, known := dataDir(j, t.Keys)
	return j.Main == t.Main && known && dir == t.Data
}

// dataDir is where a server keeps its data, by its properties file. A file that
// cannot be read says nothing.
func dataDir(j process.Java, keys []string) (dir string, known bool) {
	settings, err := j.Settings()
	if err != nil {
		return "", false
	}
	for _, key := range keys {
		if settings[key] != "" {
			return j.Absolute(settings[key]), true
		}
	}
	return "", false
}

// mains are the main classes of the servers that the services may take over from.
func (s State) mains() []string {
	var mains []string
	for _, v := range s.Services {
		if v.Takeover != nil {
			mains = append(mains, v.Takeover.Main)
		}
	}
	return mains
}

// observeServers is asked, as the listeners are, only where a unit is not up.
func observeServers(b *strings.Builder, s State) {
	mains := s.mains()
	if len(mains) == 0 {
		return
	}
	b.WriteString("echo @servers\nif [ -n \"$down\" ]; then\n" + process.Script(mains...) + "echo @homes\n" + process.Homes + "\nfi\n")
}

func readServers(s State, a answer, o *Observed) (err error) {
	if o.Servers, err = process.Parse(a["servers"], s.mains()...); err != nil {
		return err
	}
	for _, v := range s.Services {
		if v.Takeover != nil && slices.Contains(a["homes"], v.Takeover.Data) {
			o.Homes = append(o.Homes, v.Takeover.Data)
		}
	}
	return nil
}

// Displaced are the servers that the service takes the place of: those that
// keep its data, and are not it.
func (o Observed) Displaced(v Service) []process.Java {
	if v.Takeover == nil || v.Stopped || o.Services[v.Unit].Running() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.Servers), func(j process.Java) bool {
		return !v.Takeover.of(j) || j.Unit == v.Unit
	})
}

// displace ends the servers that services take the place of, and hands over
// what they kept: before any file of the services is written, as some of those
// are in the data directory.
func (d *differ) displace() {
	for _, v := range d.want.Services {
		for _, j := range d.is.Displaced(v) {
			d.add(Step{Phase: Switch, Action: Stop, Kind: "process", Target: fmt.Sprint(j.PID), Detail: describe(j), service: &v, process: &j})
		}
	}
	for _, dir := range d.want.Directories {
		if e, ok := d.is.Directories[dir.Path]; ok && d.handsOver(dir, e) {
			d.add(Step{Phase: Switch, Action: Change, Kind: "data", Target: dir.Path, dir: &dir,
				Detail: ownership(e.Owner, e.Group, e.Mode) + " to " + ownership(dir.Owner, dir.Group, dir.Mode) + ", with all it holds"})
		}
	}
}

func describe(j process.Java) string {
	text := j.Main + " " + j.ConfigFile() + ", started by " + j.User
	if j.Unit != "" {
		text += ", with " + j.Unit + ", which is disabled"
	}
	return text
}

// handsOver says that the directory is data that a service is about to take
// over. Its own owner is changed last, so that it tells whether that was done;
// a server that still writes there says that it was not.
func (d *differ) handsOver(dir Directory, is Entry) bool {
	return dir.Data && is.Kind == "directory" && slices.ContainsFunc(d.want.Services, func(v Service) bool {
		if v.Takeover == nil || v.Takeover.Data != dir.Path || v.Stopped || d.is.Services[v.Unit].Running() {
			return false
		}
		return len(d.is.Displaced(v)) > 0 || ownerDiff(is, dir.Owner, dir.Group, dir.Mode) != ""
	})
}

// refuseTakeover says what speaks against taking over, and whether a port that
// is taken comes free by it.
func (o Observed) refuseTakeover(v Service, reject func(check, expected, next, found string, args ...any)) (frees func(port int) bool) {
	displaced := o.Displaced(v)
	if v.Takeover != nil && slices.Contains(o.Homes, v.Takeover.Data) {
		reject(CheckServers, "a directory with nothing but a server's data", "move the data to one", "%s is somebody's home, all of which would be handed over", v.Takeover.Data)
	}
	for _, j := range displaced {
		switch {
		case j.Elsewhere:
			reject(CheckServers, "one on the machine itself", "stop it there, move its data to "+v.Takeover.Data+", then run again", "%s runs in a container of its own", j)
		case j.UsersUnit:
			reject(CheckServers, "one that nothing starts again", "as that user, systemctl --user disable --now "+j.Unit+", then run again",
				"%s belongs to the service manager of user %s", j, j.User)
		}
	}
	return func(port int) bool {
		return slices.ContainsFunc(displaced, func(j process.Java) bool { return j.Listens(port) })
	}
}

// holderOf adds to what is known of a port's holder that it is a server of the
// service's kind with other data.
func (o Observed) holderOf(v Service, port int, holder string) string {
	if v.Takeover == nil {
		return holder
	}
	for _, j := range o.Servers {
		if dir, known := dataDir(j, v.Takeover.Keys); known && j.Main == v.Takeover.Main && j.Listens(port) {
			return fmt.Sprintf("%s, which keeps its data in %s and not in %s", j, dir, v.Takeover.Data)
		}
	}
	return holder
}

// takeoverFunctions are the shell functions of the steps. A process is named by
// its start too: its number may be another's by now.
const takeoverFunctions = `started_at() { # PID: when it was started, nothing once it has ended
  said=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  set -- ${said##*) }
  case $1 in Z|X) ;; *) echo "${20}" ;; esac
}
finish() { # PID STARTED SECONDS UNIT: asks it to end and waits, never kills it
  if [ "$(started_at "$1")" != "$2" ]; then return 0; fi
  if [ -n "$4" ]; then
    case $(systemctl is-enabled "$4" 2>/dev/null) in enabled*|linked*|generated) systemctl disable --quiet "$4" ;; esac
    systemctl stop --no-block "$4"
  else
    kill -TERM "$1" 2>/dev/null || true # it may end by itself meanwhile
  fi
  deadline=$(($(date +%s) + $3))
  while [ "$(started_at "$1")" = "$2" ]; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      echo "process $1 was asked to end $3 s ago and runs on; it was not killed: look into its log, end it, and run again" >&2
      return 1
    fi
    sleep 0.1
  done
}
hand() { # PATH OWNER GROUP MODE: what it holds first, itself last
  find "$1" -mindepth 1 \( ! -user "$2" -o ! -group "$3" \) -exec chown -h -- "$2:$3" {} +
  chown "$2:$3" "$1"
  chmod "$4" "$1"
}
`

// takesOver says that the step needs takeoverFunctions.
func (s Step) takesOver() bool {
	return s.Kind == "process" || s.Kind == "data" && s.Action == Change
}

func (s Step) finishCommand() string {
	seconds := int(s.service.Takeover.Patience / time.Second)
	return "finish " + remote.QuoteAll(fmt.Sprint(s.process.PID), fmt.Sprint(s.process.Started), fmt.Sprint(seconds), s.process.Unit)
}
