package machine

import (
	"encoding/base64"
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
	// Starts is what the ExecStart of a unit holds that starts such a server, as an
	// extended regular expression.
	Starts string
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
	b.WriteString("echo @servers\nif [ -n \"$down\" ]; then\n" + process.Script(mains...) + "echo @starters\n" + startersFunction)
	for _, v := range s.Services {
		if v.Takeover != nil {
			b.WriteString("starters " + remote.QuoteAll(v.Takeover.Main, v.Takeover.Starts) + "\n")
		}
	}
	b.WriteString("echo @homes\n" + process.Homes + "\nfi\n")
}

// startersFunction lists units that start a server at boot or once it has ended:
// while it fails and is started again and again, or after a reboot that it did
// not come up from, no process of it may be there to be seen. Each with the
// directory and the properties file that it starts it with.
const startersFunction = `starters() { # CLASS PATTERN
  grep -lsE "^[[:blank:]]*ExecStart=.*($2)" /etc/systemd/system/*.service /usr/local/lib/systemd/system/*.service /usr/lib/systemd/system/*.service | head -n 16 |
  while IFS= read -r f; do
    u=${f##*/} start= dir= state= enabled= config=
    case $u in weir-*) continue ;; esac
    while IFS='=' read -r k v; do
      case $k in ExecStart) start=$v ;; WorkingDirectory) dir=$v ;; ActiveState) state=$v ;; UnitFileState) enabled=$v ;; esac
    done <<END
$(systemctl show --property=ExecStart,WorkingDirectory,ActiveState,UnitFileState -- "$u" 2>/dev/null)
END
    case $enabled,$state in enabled*|linked*|*,active|*,activating) ;; *) continue ;; esac
    set -f
    for word in ${start#*argv\[\]=}; do
      case $word in ';') break ;; *.properties|*.cfg) config=$word; break ;; esac
    done
    path=$config
    case $config in /*|'') ;; *) path=$dir/$config ;; esac
    if [ -f "$path" ]; then row "$u" "$1" "$dir" "$config" "$(head -c 65536 <"$path" | base64 -w0)"; fi
  done
}
`

// readStarters takes a unit for a server that does not run: without a number.
func readStarters(a answer, o *Observed) error {
	for _, line := range a["starters"] {
		f := strings.Split(line, "\t")
		if len(f) != 5 || checkUnit(f[0]) != nil {
			return fmt.Errorf("a line about units that start servers is none: %.80q", line)
		}
		text, err := base64.StdEncoding.DecodeString(f[4])
		if err != nil {
			return fmt.Errorf("the properties of %.80q are not base64: %w", f[0], err)
		}
		o.Starters = append(o.Starters, process.Java{Unit: f[0], Main: f[1], Dir: f[2], Args: []string{f[3]}, Config: string(text)})
	}
	return nil
}

func readServers(s State, a answer, o *Observed) (err error) {
	if o.Servers, err = process.Parse(a["servers"], s.mains()...); err != nil {
		return err
	}
	if err := readStarters(a, o); err != nil {
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

// starters are the units that would start a server again that the service takes
// the place of, and of which nothing runs now.
func (o Observed) starters(v Service) []process.Java {
	if v.Takeover == nil || v.Stopped || o.Services[v.Unit].Running() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.Starters), func(j process.Java) bool {
		runs := slices.ContainsFunc(o.Servers, func(s process.Java) bool { return s.Unit == j.Unit })
		return !v.Takeover.of(j) || runs
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
		for _, j := range d.is.starters(v) { // which interrupts nothing
			d.add(Step{Phase: Switch, Action: Change, Kind: "service", Target: j.Unit, Detail: again(j) + ": stopped and disabled", service: &v, process: &j})
		}
	}
	for _, dir := range d.want.Directories {
		if e, ok := d.is.Directories[dir.Path]; ok && d.handsOver(dir, e) {
			d.add(Step{Phase: Switch, Action: Change, Kind: "data", Target: dir.Path, dir: &dir,
				Detail: ownership(e.Owner, e.Group, e.Mode) + " to " + ownership(dir.Owner, dir.Group, dir.Mode) + ", with all it holds"})
		}
	}
}

func again(j process.Java) string {
	return "starts " + j.Main + " " + j.ConfigFile() + " again"
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
unit_up() { # UNIT
  case $(systemctl is-active "$1" 2>/dev/null) in active|activating|deactivating|reloading) ;; *) return 1 ;; esac
}
finish() { # PID STARTED SECONDS UNIT: asks it to end and waits, never kills it
  if [ -n "$4" ]; then # which may have started another one meanwhile
    case $(systemctl is-enabled "$4" 2>/dev/null) in disabled|static|indirect|transient|masked*|not-found) ;; *) systemctl disable --quiet "$4" ;; esac
    systemctl stop --no-block "$4"
  elif [ "$(started_at "$1")" = "$2" ]; then
    kill -TERM "$1" 2>/dev/null || true # it may end by itself meanwhile
  fi
  deadline=$(($(date +%s) + $3))
  while [ "$(started_at "$1")" = "$2" ] || { [ -n "$4" ] && unit_up "$4"; }; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      who="process $1"
      if [ "$1" = 0 ]; then who=$4; fi
      echo "$who was asked to end $3 s ago and runs on; it was not killed: look into its log, end it, and run again" >&2
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
	return s.process != nil || s.Kind == "data" && s.Action == Change
}

func (s Step) finishCommand() string {
	seconds := int(s.service.Takeover.Patience / time.Second)
	return "finish " + remote.QuoteAll(fmt.Sprint(s.process.PID), fmt.Sprint(s.process.Started), fmt.Sprint(seconds), s.process.Unit)
}
