package adopt

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/process"
	"weir/provision/remote"
	"weir/provision/zookeeper"
)

// Machine is what one machine said of itself.
type Machine struct {
	// Name is what messages call it; Address is how it was reached.
	Name, Address string
	// Hostname is its own name for itself.
	Hostname string
	// Java is the program that `java` on its PATH is; empty where there is none.
	Java string
	// Servers are its ZooKeeper and Kafka processes.
	Servers []process.Java
	// Starters would start such a server again, at boot or by the clock.
	Starters []Starter
	// Owner is the cluster that weir's manifests name; empty where there are none.
	Owner string
	// Data says what the servers' data directories are, by path.
	Data map[string]Data
	// Names maps names of hosts to the addresses that they have there.
	Names map[string]string
}

// Starter is a line in a file that starts a server.
type Starter struct{ File, Line string }

// Data is a server's data directory.
type Data struct {
	// Kind is "directory", as stat says; empty where there is nothing.
	Kind string
	// Home says that it is a user's home directory.
	Home bool
	// Closed is the first directory above it that other users may not enter,
	// home directories aside; empty where there is none.
	Closed string
	// MyID and Meta are the texts of the files myid and meta.properties in it.
	MyID, Meta string
}

// answerLimit bounds what a machine may say, in bytes: a few processes with
// their files are some 100 KiB.
const answerLimit = 8 << 20

// Read asks a machine for its servers, their files and their data. address is
// how it was reached. It changes nothing; root is needed to see what belongs to
// others.
func Read(ctx context.Context, r remote.Runner, address string) (Machine, error) {
	m := Machine{Name: r.Machine(), Address: address, Data: map[string]Data{}, Names: map[string]string{}}
	if err := ask(ctx, r, "look for servers", serversScript(), m.readServers); err != nil {
		return m, err
	}
	dirs, names := m.questions()
	return m, ask(ctx, r, "look at their data", dataScript(dirs, names), m.readData)
}

func ask(ctx context.Context, r remote.Runner, step, script string, read func(rows) error) error {
	res, err := r.Run(ctx, remote.Script{Step: step, Text: script, Root: true, Limit: answerLimit})
	if err != nil {
		return err
	}
	answer, err := parseRows(res.Stdout)
	if err == nil {
		err = read(answer)
	}
	if err != nil {
		return fmt.Errorf("machine %s: %s: %w", r.Machine(), step, err)
	}
	return nil
}

const prelude = `export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
row() { printf '%s\t%s\t' "$1" "$2"; head -c "${3:-4096}" | base64 -w0; echo; }
`

// starts is what a line holds that starts a server, by Kafka's and ZooKeeper's
// own scripts or by the class.
const starts = `^[^#]*(kafka-server-start|zookeeper-server-start|zkServer\.sh|kafka\.Kafka|QuorumPeerMain)`

// serversScript finds what runs. Of units and init scripts only those count
// that start with the machine.
func serversScript() string {
	return prelude + process.Script(zookeeper.Main, kafka.Main) + `hostname -f 2>/dev/null | row hostname name
{ command -v java && readlink -f "$(command -v java)"; } 2>/dev/null | tail -n 1 | row java program
for f in ` + machine.ManifestDir + `/*.json; do
  if [ -f "$f" ]; then row manifest "${f##*/}" 262144 <"$f"; fi
done
grep -lsE '` + starts + `' /etc/rc.local /etc/rc.d/rc.local /etc/crontab /etc/cron.*/* /var/spool/cron/* /var/spool/cron/*/* \
  /etc/init.d/* /etc/systemd/system/*.service /usr/local/lib/systemd/system/*.service /usr/lib/systemd/system/*.service | head -n 50 |
while IFS= read -r f; do
  name=${f##*/}
  case $f in
  */weir-*.service) continue ;;
  *.service) case $(systemctl is-enabled "$name" 2>/dev/null) in enabled*|linked*) ;; *) continue ;; esac ;;
  /etc/init.d/*) ls /etc/rc[0-9].d/S??"$name" >/dev/null 2>&1 || continue ;;
  esac
  grep -m1 -E '` + starts + `' "$f" | row starter "$f"
done
echo end
`
}

// dataScript looks at data directories, and for names of hosts.
func dataScript(dirs, names []string) string {
	return prelude + "homes=$(" + process.Homes + ")\n" + `data() {
  stat -c %F -- "$1" 2>/dev/null | row kind "$1"
  case "
$homes
" in *"
$1
"*) echo yes | row home "$1" ;; esac
  case $1 in /home/*|/root/*|/run/user/*) ;; *)
    above=${1%/*}
    while [ -n "$above" ]; do
      case $(stat -L -c %a -- "$above" 2>/dev/null) in *[02468]) printf '%s\n' "$above" | row closed "$1" ;; esac
      above=${above%/*}
    done ;;
  esac
  for f in myid meta.properties; do
    if [ -f "$1/$f" ]; then row "$f" "$1" <"$1/$f"; fi
  done
}
name() { getent ahosts "$1" | while read -r address _; do echo "$address"; break; done | row name "$1"; }
` + calls("data", dirs) + calls("name", names) + "echo end\n"
}

func calls(function string, arguments []string) string {
	var b strings.Builder
	for _, a := range arguments {
		b.WriteString(function + " " + remote.Quote(a) + "\n")
	}
	return b.String()
}

// rows are an answer's lines by their first word: name and text; those about
// processes, which begin with a number, are kept as they are.
type rows struct {
	named     map[string][][2]string
	processes []string
}

func parseRows(out []byte) (rows, error) {
	r := rows{named: map[string][][2]string{}}
	text, ok := strings.CutSuffix(string(out), "end\n")
	if !ok {
		return r, errors.New("the answer was cut off: the script did not reach its end")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Split(line, "\t")
		if _, err := strconv.Atoi(f[0]); err == nil {
			r.processes = append(r.processes, line)
			continue
		}
		if len(f) != 3 {
			return r, fmt.Errorf("a line has %d fields, want 3: %.80q", len(f), line)
		}
		value, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			return r, fmt.Errorf("%.40q is not base64: %w", f[0], err)
		}
		r.named[f[0]] = append(r.named[f[0]], [2]string{f[1], string(value)})
	}
	return r, nil
}

// one is the text of the only row of a kind.
func (r rows) one(kind string) string {
	if found := r.named[kind]; len(found) > 0 {
		return strings.TrimSpace(found[0][1])
	}
	return ""
}

func (m *Machine) readServers(r rows) (err error) {
	if m.Servers, err = process.Parse(r.processes, zookeeper.Main, kafka.Main); err != nil {
		return err
	}
	m.Hostname, m.Java = r.one("hostname"), r.one("java")
	for _, row := range r.named["manifest"] {
		var manifest machine.Manifest
		if err := json.Unmarshal([]byte(row[1]), &manifest); err != nil || manifest.Cluster == "" {
			return fmt.Errorf("%s/%.80s cannot be read: the machine belongs to some cluster of weir's", machine.ManifestDir, row[0])
		}
		m.Owner = manifest.Cluster
	}
	for _, row := range r.named["starter"] {
		m.Starters = append(m.Starters, Starter{File: row[0], Line: strings.TrimSpace(row[1])})
	}
	return nil
}

func (m *Machine) readData(r rows) error {
	change := func(kind string, set func(d *Data, text string)) {
		for _, row := range r.named[kind] {
			d := m.Data[row[0]]
			set(&d, strings.TrimSuffix(row[1], "\n"))
			m.Data[row[0]] = d
		}
	}
	change("kind", func(d *Data, text string) { d.Kind = text })
	change("home", func(d *Data, text string) { d.Home = text == "yes" })
	change("closed", func(d *Data, text string) { d.Closed = text }) // the last is the highest
	change("myid", func(d *Data, text string) { d.MyID = strings.TrimSpace(text) })
	change("meta.properties", func(d *Data, text string) { d.Meta = text })
	for _, row := range r.named["name"] {
		if ip, err := netip.ParseAddr(strings.TrimSpace(row[1])); err == nil {
			m.Names[row[0]] = ip.Unmap().String()
		}
	}
	return nil
}

// questions are the directories and names of hosts that the servers' files hold.
func (m *Machine) questions() (dirs, names []string) {
	for _, j := range m.Servers {
		settings, err := j.Settings()
		if err != nil {
			continue // Judge says so
		}
		for _, key := range []string{"dataDir", "log.dirs", "log.dir"} {
			for dir := range strings.SplitSeq(settings[key], ",") {
				if dir = strings.TrimSpace(dir); dir != "" {
					dirs = append(dirs, j.Absolute(dir))
				}
			}
		}
		names = append(names, hostsIn(settings)...)
	}
	slices.Sort(dirs)
	slices.Sort(names)
	return slices.Compact(dirs), slices.Compact(slices.DeleteFunc(names, func(n string) bool { return !hostName.MatchString(n) }))
}
