package process

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func decimal(n int) string { return strconv.Itoa(n) }

// Parse reads the lines that [Script] printed: the servers whose main class is
// one of classes, by PID. What is no Java server of those is passed over, as
// the words of a command line that names one; a fact that cannot be read is an
// error.
func Parse(lines []string, classes ...string) ([]Java, error) {
	facts := map[int]map[string]string{}
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("a line about processes has %d fields, want 3: %.80q", len(f), line)
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil || pid < 2 {
			return nil, fmt.Errorf("process number %.20q is none", f[0])
		}
		value, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			return nil, fmt.Errorf("process %d: %.20q is not base64: %w", pid, f[1], err)
		}
		if facts[pid] == nil {
			facts[pid] = map[string]string{}
		}
		facts[pid][f[1]] = string(value)
	}
	if len(facts) > maxProcesses {
		return nil, fmt.Errorf("%d processes were listed, at most %d are asked for", len(facts), maxProcesses)
	}
	var servers []Java
	for _, pid := range slices.Sorted(maps.Keys(facts)) {
		if f := facts[pid]; f["stat"] == "" || f["command"] == "" || f["dir"] == "" {
			continue // it ended while it was looked at
		}
		j, err := read(pid, facts[pid])
		if err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
		if slices.Contains(classes, j.Main) {
			servers = append(servers, j)
		}
	}
	return servers, nil
}

func read(pid int, facts map[string]string) (Java, error) {
	line := func(key string) string { return strings.TrimSuffix(facts[key], "\n") }
	j := Java{
		PID: pid, User: line("user"), Program: strings.TrimSuffix(line("program"), " (deleted)"), Dir: line("dir"),
		Elsewhere: line("elsewhere") == "yes", Config: facts["config"],
	}
	var err error
	if j.Started, err = startTime(line("stat")); err != nil {
		return j, err
	}
	if !path.IsAbs(j.Dir) {
		return j, fmt.Errorf("its working directory is %.80q, which is no absolute path", j.Dir)
	}
	var classPath string
	j.Options, classPath, j.Main, j.Args = words(strings.Split(strings.TrimSuffix(facts["command"], "\x00"), "\x00"))
	j.Jars = jars(append(strings.Split(facts["jars"], "\n"), strings.Split(classPath, ":")...))
	if j.Ports, err = ports(strings.Fields(facts["ports"])); err != nil {
		return j, err
	}
	j.Unit, j.UsersUnit, err = holder(pid, line("group"), line("mainpid"), strings.Fields(facts["ancestors"]))
	return j, err
}

// startTime is field 22 of proc(5)'s stat. The second field, the name, may hold
// anything but ends with the last parenthesis.
func startTime(stat string) (uint64, error) {
	rest := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(rest) < 20 {
		return 0, fmt.Errorf("its stat has %d fields behind the name, want at least 20", len(rest))
	}
	n, err := strconv.ParseUint(rest[19], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("its start time %.40q is no number", rest[19])
	}
	return n, nil
}

// takesWord are the options of java(1) whose value is a word of its own.
var takesWord = []string{
	"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules",
	"--add-opens", "--add-exports", "--add-reads", "--limit-modules", "--describe-module", "-d",
}

// words takes a java's command line apart. main is empty for one that runs no
// class, but a jar or a module.
func words(command []string) (options []string, classPath, main string, args []string) {
	for i := 1; i < len(command); i++ {
		w := command[i]
		switch {
		case w == "-jar" || w == "-m" || w == "--module":
			return options, classPath, "", nil
		case slices.Contains(takesWord, w):
			if i++; i < len(command) && slices.Contains(takesWord[:3], w) {
				classPath = command[i]
			} else if i < len(command) {
				options = append(options, w, command[i])
			}
		case strings.HasPrefix(w, "--class-path="):
			_, classPath, _ = strings.Cut(w, "=")
		case strings.HasPrefix(w, "-") || strings.HasPrefix(w, "@"):
			options = append(options, w)
		default:
			return options, classPath, w, command[i+1:]
		}
	}
	return options, classPath, "", nil
}

var jarName = regexp.MustCompile(`^(kafka_|zookeeper-)[A-Za-z0-9._-]{1,100}\.jar$`)

func jars(paths []string) []string {
	var found []string
	for _, p := range paths {
		if p = strings.TrimSuffix(p, " (deleted)"); jarName.MatchString(path.Base(p)) {
			found = append(found, path.Clean(p))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func ports(hexadecimal []string) ([]int, error) {
	var found []int
	for _, h := range hexadecimal {
		n, err := strconv.ParseUint(h, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("port %.20q is not a hexadecimal number of 16 bits", h)
		}
		found = append(found, int(n))
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]{1,200}\.service$`)

// doors are services below which people's and others' programs run: what was
// started through one is not its own.
var doors = []string{"ssh", "sshd", "cron", "crond", "atd", "dropbear"}

// holder is the unit that a process belongs to in the sense that a stop of the
// unit ends it and a start brings it back: the one whose main process it is, or
// descends from, or that has none, as a script that starts and ends. A process
// also stays in the group of sshd or cron where logins have none of their own.
func holder(pid int, group, mainPID string, ancestors []string) (unit string, users bool, err error) {
	for part := range strings.SplitSeq(group, "/") {
		switch {
		case strings.HasPrefix(part, "user@") && strings.HasSuffix(part, ".service"):
			users = true
		case strings.HasSuffix(part, ".service"):
			unit = part
		}
	}
	if unit == "" {
		return "", false, nil
	}
	if !unitName.MatchString(unit) {
		return "", false, fmt.Errorf("%.80q is not the name of a service", unit)
	}
	if users {
		return unit, true, nil // of which root's manager knows no main process
	}
	main, err := strconv.Atoi(cmp.Or(mainPID, "0"))
	if err != nil || main < 0 {
		return "", false, fmt.Errorf("the main process of %s is %.20q, which is no number", unit, mainPID)
	}
	if door, _, _ := strings.Cut(strings.TrimSuffix(unit, ".service"), "@"); slices.Contains(doors, door) {
		return "", false, nil
	}
	if main == 0 || main == pid || slices.Contains(ancestors, strconv.Itoa(main)) {
		return unit, false, nil
	}
	return "", false, nil
}
