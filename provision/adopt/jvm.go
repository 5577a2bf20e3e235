package adopt

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/provision/problem"
	"weir/provision/systemd"
)

// stock are the options that Kafka's start scripts and weir's add by
// themselves: of a server that has no others, weir's own choice is as good.
var stock = []string{
	"-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
	"-XX:MaxInlineLevel=15", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-verbose:gc",
}

// harmless are system properties that say where logs go and how a server is
// watched: the units have their own.
var harmless = []string{
	"java.awt.headless", "java.io.tmpdir", "kafka.logs.dir", "kafka.log4j", "log4j", "com.sun.management.jmxremote", "java.rmi.server.hostname",
	"zookeeper.log", "zookeeper.root.logger", "zookeeper.4lw.commands.whitelist", "file.encoding",
}

// jvm is the heap and the options that servers of a kind run with.
func (j *judge) jvm(what string, servers []Server) (heap, options string) {
	heaps, own := map[string]string{}, map[string]string{}
	for _, s := range servers {
		words := j.options(what, s)
		heaps[s.Machine], own[s.Machine] = maxHeap(s.Options), strings.Join(words, " ")
	}
	return j.heap(what, heaps), j.same(what+" JVM options", own)
}

// options are those of -XX that weir passes on. What it cannot is a problem
// where it may change what the server does, else it is told.
func (j *judge) options(what string, s Server) []string {
	var keep []string
	for _, word := range s.Options {
		name, isProperty := strings.CutPrefix(word, "-D")
		switch {
		case slices.Contains(stock, word), strings.HasPrefix(word, "-Xm"), strings.HasPrefix(word, "-Xlog"):
		case isProperty && strings.Contains(name, "jmxremote.port="):
			_, port, _ := strings.Cut(word, "=")
			j.differs("%s: JMX on port %s is not served", what, port)
		case isProperty && slices.ContainsFunc(harmless, func(p string) bool { return strings.HasPrefix(name, p) }):
		case isProperty:
			j.add(s.Machine, "%s is started with %s, which weir cannot pass on: take it out, restart it, and run again", s.Java, word)
		case strings.HasPrefix(word, "-XX:") && passable(word):
			keep = append(keep, word)
		default:
			j.differs("%s: the option %s is left out", what, word)
		}
	}
	// Options are a version's: another Java might refuse to start with them.
	if m := j.machines[s.Machine]; m.Java != s.Program {
		j.differs("%s on %s runs %s, the unit %s; JVM options are left out", what, s.Machine, s.Program, cmp.Or(m.Java, "the Java that is installed"))
		return nil
	}
	return keep
}

func passable(word string) bool {
	var p problem.List
	systemd.CheckJVMOptions("", word, &p)
	return len(p) == 0
}

var heapOption = regexp.MustCompile(`^-Xmx([1-9][0-9]{0,17})([kKmMgG]?)$`)

// maxHeap is the last -Xmx in the form that a stack takes, whole megabytes or
// gigabytes; empty where there is none.
func maxHeap(options []string) string {
	heap := ""
	for _, word := range options {
		m := heapOption.FindStringSubmatch(word)
		if m == nil {
			continue
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		switch strings.ToLower(m[2]) {
		case "g", "m":
			heap = m[1] + strings.ToLower(m[2])
		case "k":
			heap = fmt.Sprintf("%dm", max(1, n>>10))
		default:
			heap = fmt.Sprintf("%dm", max(1, n>>20))
		}
	}
	return heap
}

// heap is the smallest: it is known to be enough for one of them, and fits all.
func (j *judge) heap(what string, of map[string]string) string {
	var sizes []string
	for _, size := range of {
		sizes = append(sizes, size)
	}
	slices.SortFunc(sizes, func(a, b string) int { return cmp.Or(cmp.Compare(megabytes(a), megabytes(b)), cmp.Compare(a, b)) })
	if first, last := sizes[0], sizes[len(sizes)-1]; first != last {
		j.differs("%s: the heap is %s on every machine, where it was up to %s", what, cmp.Or(first, "sized from the memory"), last)
	}
	return sizes[0]
}

func megabytes(size string) int64 {
	n, _ := strconv.ParseInt(strings.TrimRight(size, "mg"), 10, 64)
	if strings.HasSuffix(size, "g") {
		return n << 10
	}
	return n
}
