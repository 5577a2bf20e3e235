package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/ops/journal"
	"weir/ops/runs"
	"weir/ops/status"
	"weir/ops/verify"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/runlog"
)

const (
	// machineTimeout bounds what one machine tells of itself and its files.
	machineTimeout = 20 * time.Second
	// machineLimit bounds that, in bytes: configurations and a list of processes.
	machineLimit = 8 << 20
	// logLines are the newest lines of each machine's services: hours of a calm
	// cluster, minutes of one that is ill.
	logLines = 5000
	// runsKept are the newest runs.
	runsKept = 10
)

// Source is where a bundle comes from.
type Source struct {
	Session *connect.Session
	// Version is that of ops.
	Version string
	// StackFile is the stack's config; empty where there is none.
	StackFile string
	Runs      runlog.Dir
	// Verify says that the cluster is to be verified, which sends messages.
	Verify bool
}

// Collect adds all that can be had. Only the archive's own errors are returned:
// what a machine does not tell is missing.
func Collect(ctx context.Context, a *Archive, s Source) error {
	c := s.Session.Cluster
	public, _ := c.WithoutSecrets()
	errs := []error{
		a.Add("versions.txt", s.versions()),
		a.AddJSON("inventory.json", public),
		s.stackFile(a),
		s.runs(a),
	}
	var wg sync.WaitGroup
	var st status.Status
	var entries []journal.Entry
	var report *verify.Report
	var silent []journal.Failure
	machines := make([]string, len(c.Machines))
	failed := make([]error, len(c.Machines))
	wg.Go(func() { st = status.Collect(ctx, s.Session) })
	wg.Go(func() {
		names := []string{}
		for _, m := range c.Machines {
			names = append(names, m.Name)
		}
		entries, _, silent = journal.Read(ctx, s.Session, journal.Query{
			Machines: names, Lines: logLines, Units: func(m string) []string { return journal.Declared(c, m, "") },
		})
	})
	if s.Verify {
		wg.Go(func() {
			r := verify.Run(ctx, s.Session, verify.Options{})
			report = &r
		})
	}
	for i, m := range c.Machines {
		wg.Go(func() { machines[i], failed[i] = ask(ctx, s.Session, c, m.Name) })
	}
	wg.Wait()
	errs = append(errs, a.AddJSON("status.json", st), a.journals(c, entries, silent))
	if report != nil {
		errs = append(errs, a.AddJSON("verify.json", report))
	}
	for i, m := range c.Machines {
		if failed[i] != nil {
			a.Miss("files of machine "+m.Name, failed[i])
			continue
		}
		errs = append(errs, a.Add("machines/"+m.Name+".txt", machines[i]))
	}
	return errors.Join(append(errs, s.metrics(ctx, a))...)
}

func (s Source) versions() string {
	k := "none"
	if s.Session.Cluster.Kafka != nil {
		k = s.Session.Cluster.Kafka.Version
	}
	return fmt.Sprintf("ops %s\nkafka %s\ncluster %s\n", s.Version, k, s.Session.Cluster.Name)
}

func (s Source) stackFile(a *Archive) error {
	if s.StackFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.StackFile)
	if err != nil {
		a.Miss("the stack's config", err)
		return nil
	}
	return a.Add("stack.yaml", withoutSecure(string(text)))
}

// withoutSecure takes out what is encrypted in a stack's config: it belongs to a
// passphrase, but to guess that is a matter of patience.
func withoutSecure(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if key, _, ok := strings.Cut(line, "secure:"); ok {
			line = key + "secure: " + hidden + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

func (s Source) runs(a *Archive) error {
	list, err := s.Runs.Runs()
	if err != nil {
		a.Miss("the logs of runs", err)
		return nil
	}
	errs := []error{a.AddJSON("runs.json", list)}
	for _, r := range list[:min(runsKept, len(list))] {
		run, entries, err := s.Runs.Find(r.ID)
		if err != nil {
			a.Miss("the log of run "+r.ID, err)
			continue
		}
		errs = append(errs, a.AddJSON("runs/"+r.ID+".json", runs.Detail{Run: run, Entries: entries}))
	}
	return errors.Join(errs...)
}

// journals adds a file for each service of each machine.
func (a *Archive) journals(c inventory.Cluster, entries []journal.Entry, silent []journal.Failure) error {
	texts := map[string]*strings.Builder{}
	for _, e := range entries {
		name := "logs/" + e.Machine + "/" + strings.NewReplacer("/", "_").Replace(e.Unit) + ".log"
		if texts[name] == nil {
			texts[name] = &strings.Builder{}
		}
		fmt.Fprintf(texts[name], "%s %s\n", e.At.Format("2006-01-02T15:04:05.000Z"), e.Message)
	}
	var errs []error
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		errs = append(errs, a.Add(name, texts[name].String()))
	}
	for _, f := range silent {
		a.Miss("logs of machine "+f.Machine, f.Err)
	}
	return errors.Join(errs...)
}

// metrics adds the pages of the jobs, as name and value.
func (s Source) metrics(ctx context.Context, a *Archive) error {
	var errs []error
	for _, j := range s.Session.Cluster.Jobs {
		if j.MetricsAddress == "" {
			continue
		}
		m, err := s.Session.Metrics(ctx, j.Machine, j.MetricsAddress)
		if err != nil {
			a.Miss("metrics of job "+j.Name, err)
			continue
		}
		errs = append(errs, a.AddJSON("metrics/"+j.Name+".json", m))
	}
	return errors.Join(errs...)
}

// ask has one machine tell of itself and of the files that weir wrote there.
func ask(ctx context.Context, s *connect.Session, c inventory.Cluster, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	var b strings.Builder
	b.WriteString("export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin\nshow() { printf '\\n===== %s\\n' \"$*\"; \"$@\" 2>&1 | head -c 262144; }\n")
	for _, command := range []string{"uname -a", "cat /etc/os-release", "uptime", "free -m", "df -hT", "date -u", "systemctl --version", "java -version", "systemctl --failed --no-pager", "ss -tlnp"} {
		b.WriteString("show " + command + "\n")
	}
	for _, unit := range journal.Declared(c, name, "") {
		b.WriteString("show systemctl --no-pager status " + remote.Quote(unit) + "\nshow systemctl --no-pager cat " + remote.Quote(unit) + "\n")
	}
	b.WriteString("for f in $(find " + remote.QuoteAll(configDirs(c)...) + " -type f -size -256k 2>/dev/null | sort | head -n 100); do show cat \"$f\"; done\necho\n")
	out, err := s.Run(ctx, name, remote.Script{Step: "gather", Root: true, Limit: machineLimit, Text: b.String()})
	return string(out.Stdout), err
}

// configDirs are where configurations are; none holds a private key.
func configDirs(c inventory.Cluster) []string {
	dirs := []string{"/etc/weir"}
	if c.Kafka != nil && c.Kafka.ConfigFile != "" && !strings.HasPrefix(c.Kafka.ConfigFile, "/etc/weir/") {
		dirs = append(dirs, c.Kafka.ConfigFile)
	}
	if c.ZooKeeper != nil && c.ZooKeeper.ConfigFile != "" && !strings.HasPrefix(c.ZooKeeper.ConfigFile, "/etc/weir/") {
		dirs = append(dirs, c.ZooKeeper.ConfigFile)
	}
	return dirs
}
