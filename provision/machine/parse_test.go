package machine

import (
	"encoding/base64"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseObservedDistrustsTheMachine(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	s := broker()
	file := s.Files[0].Path
	cases := []struct {
		name, answer string
		wrong        func(Observed) bool
		fails        string
	}{
		{name: "an answer without its end was cut off", answer: "@facts\nID\tdebian\n", fails: "cut off"},
		{name: "a path that was not asked for is not taken", answer: "@stat\n/etc/shadow\tregular file\t600\troot\troot\t3\n@end",
			wrong: func(o Observed) bool { return len(o.Files) > 0 }},
		{name: "a content that does not fit its digest is not taken",
			answer: "@stat\n" + file + "\tregular file\t644\troot\troot\t3\n@sums\n" + Digest("x") + "  " + file + "\n@contents\n" + file + "\t" + b64("y") + "\n@end",
			wrong:  func(o Observed) bool { return o.Files[file].Known }},
		{name: "a mode that is not octal is an error", answer: "@stat\n" + file + "\tregular file\t99z\troot\troot\t3\n@end", fails: "not octal"},
		{name: "a stranger outside of our directories is not taken",
			answer: places("strangers", "/etc/passwd", "/etc/weir/kafka/../x") + "\n@end",
			wrong:  func(o Observed) bool { return len(o.Strangers) > 0 }},
		{name: "a unit that was not asked for is not taken", answer: "@services\nId=ssh.service\nActiveState=active\n@end",
			wrong: func(o Observed) bool { return len(o.Services) > 0 }},
		{name: "a process id that is not a number is an error", answer: "@services\nId=weir-kafka.service\nMainPID=-4\n@end", fails: "not a number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseObserved(s, []byte(c.answer))
			switch {
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("got error %v, want one that says %q", err, c.fails)
			case c.fails == "" && err != nil:
				t.Errorf("got error %v", err)
			case c.wrong != nil && c.wrong(o):
				t.Errorf("the answer was believed: %+v", o)
			}
		})
	}
}

func TestAManifestThatWeirDidNotWriteIsDamageAndNotBelieved(t *testing.T) {
	sound := broker().Manifest()
	edited := strings.Replace(sound.encode(), "/etc/weir/kafka/server.properties", "/etc/ssh/sshd_config", 1)
	for _, c := range []struct {
		name, text      string
		reason, cluster string
	}{
		{"cut off in the middle", sound.encode()[:40], "cannot be read: unexpected end of JSON input", ""},
		{"empty", "", "cannot be read", ""},
		{"with a file that somebody added", edited, "changed by hand", "test"},
		{"without its sum", `{"cluster":"test","component":"kafka"}`, "changed by hand", "test"},
		{"with a path outside", Manifest{Cluster: "test", Component: "kafka", Files: []string{"/etc/../etc/passwd"}}.encode(), "not absolute, clean", "test"},
		{"that owns a top directory", Manifest{Cluster: "test", Component: "kafka", Data: []string{"/etc"}}.encode(), "below a top directory", "test"},
		{"with a unit that is none", Manifest{Cluster: "test", Component: "kafka", Services: []string{"-.mount /"}}.encode(), "not a systemd unit's", "test"},
		{"of another component", Manifest{Cluster: "test", Component: "other"}.encode(), `names component "other"`, "test"},
		{"of nobody", Manifest{Component: "kafka"}.encode(), `of cluster ""`, ""},
		{"that says more than a person reads", `{"cluster":"` + strings.Repeat("x", 1<<16) + `","component":"kafka"}`, "changed by hand", strings.Repeat("x", clipped) + "..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, broker(), manifestOf("kafka", c.text))
			damage, damaged := o.Damaged["kafka"]
			if _, believed := o.Manifests["kafka"]; believed || !damaged {
				t.Fatalf("it was believed: %+v", o.Manifests)
			}
			if !strings.Contains(damage.Reason, c.reason) || damage.Cluster != c.cluster {
				t.Errorf("got %+v, want %q of cluster %q", damage, c.reason, c.cluster)
			}
		})
	}
	o := observed(t, broker(), manifestOf("kafka", sound.encode()))
	if o.Manifests["kafka"].encode() != sound.encode() {
		t.Errorf("a sound one: got %+v", o)
	}
}

// manifestOf is a section with a component's manifest.
func manifestOf(component, text string) string {
	path := ManifestDir + "/" + component + ".json"
	if text == "" {
		return "@manifests\n" + path
	}
	return "@manifests\n" + path + "\n" + path + "\n\t" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n\t")
}

// observed is what the parser makes of sections of an answer.
func observed(t *testing.T, s State, sections ...string) Observed {
	t.Helper()
	o, err := parseObserved(s, []byte(strings.Join(sections, "\n")+"\n@end\n"))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestASettingIsTheOneOfThoseThatAreListed(t *testing.T) {
	s := broker()
	s.Sysctls = []Sysctl{{Key: "vm.a.key", Value: "1"}}
	for line, want := range map[string]string{
		"always [madvise] never": "madvise", "1": "1", "  4096\t87380   6291456 ": "4096 87380 6291456", "[": "", "]x[": "",
	} {
		o, err := parseObserved(s, []byte("@sysctls\n/proc/sys/vm/a/key:"+line+"\n/proc/sys/vm/other:2\n@end"))
		if got := o.Sysctls["vm.a.key"]; err != nil || got != want {
			t.Errorf("%q: got %q, error %v; want %q", line, got, err, want)
		}
	}
}

func TestListenersNameTheProcessThatHoldsAPort(t *testing.T) {
	s := broker()
	for _, c := range []struct{ name, line, holder string }{
		{"from ss with its process", `LISTEN 0 50 *:9092 *:* users:(("nginx",pid=71,fd=5))`, "nginx (pid 71)"},
		{"from ss without a process", "LISTEN 0 50 0.0.0.0:9092 0.0.0.0:*", "another process"},
		{"from /proc/net/tcp", "00000000:2384", "another process"},
		{"another port", "LISTEN 0 50 *:9093 *:*", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseObserved(s, []byte("@services\nId=weir-kafka.service\nActiveState=inactive\n@listeners\n"+c.line+"\n@end"))
			if err != nil {
				t.Fatal(err)
			}
			if got := o.PortHolders[9092]; got != c.holder {
				t.Errorf("holder of 9092: got %q, want %q", got, c.holder)
			}
		})
	}
}

func FuzzParseObserved(f *testing.F) {
	f.Add("@facts\nID\tdebian\nmemory\t12\n@services\nId=weir-kafka.service\nMainPID=1\n@end\n")
	f.Add("@stat\n/etc/weir/kafka/server.properties\tregular file\t644\troot\troot\t3\t1700000000\n@end")
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	f.Add(manifestOf("kafka", broker().Manifest().encode()) + "\n" + ManifestDir + "/host.json\n\t{}\n@end")
	f.Add("@links\n/opt/weir/kafka/current\t/opt/weir/releases/a\n@named\n/etc/weir/kafka\n" +
		places("strangers", "/etc/weir/kafka/plain", "/etc/weir/kafka/it's $(x)\n", "/etc/shadow", "/opt/weir/releases/a", "/opt/weir/releases/a.tree") + "\n@end")
	f.Add("@facts\nclock\t1700000000\nuptime\t5000\n@services\nId=weir-kafka.service\nActiveState=active\nSubState=running\nMainPID=7\n" +
		"DropInPaths=/etc/systemd/system/weir-kafka.service.d/x.conf\n@processes\n7\tS 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 400000\n" +
		places("dropins", "/etc/systemd/system/weir-kafka.service.d/x.conf") + "\n@end")
	f.Add("@sums\n" + Digest("tree") + "  " + sums(broker().Releases[0].Dir()) + "\n@releases\n" + broker().Releases[0].Dir() + "\t" + b64("a\tf\t644\troot\troot\t1\t2\n\tb\tf\t644\troot\troot\t1\t2\n") + "\n@end")
	s := broker()
	s.Directories = append(s.Directories, Directory{Path: ReleaseDir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true})
	f.Fuzz(func(t *testing.T, answer string) {
		o, err := parseObserved(s, []byte(answer))
		if err != nil {
			return
		}
		// Whatever a machine says: comparing does not panic, what is shown is text,
		// and what would be moved or removed is in the places that were asked for.
		plan := Diff("weir-1", s, o)
		for _, d := range Drift(s, o) {
			if !utf8.ValidString(d.Target+d.Found+d.Expected+d.Diff) || strings.ContainsFunc(d.Target+d.Found, isControl) {
				t.Errorf("%+q cannot be shown", d)
			}
		}
		if drifts := len(Drift(s, o)) > 0; drifts == plan.Empty() {
			t.Errorf("drift %q, plan %q", Drift(s, o), lines(plan))
		}
		for _, p := range o.Strangers {
			if !directlyIn("/etc/weir/kafka", p) {
				t.Errorf("stranger %q was taken", p)
			}
		}
		for _, p := range o.Orphans {
			if !directlyIn(ReleaseDir, p) || checkPath(p) != nil {
				t.Errorf("orphan %q was taken", p)
			}
		}
		for _, p := range o.Services["weir-kafka.service"].DropIns {
			if !strings.HasSuffix(path.Dir(p), ".d") || !strings.Contains(path.Dir(p), "/systemd/") {
				t.Errorf("drop-in %q was taken", p)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add(broker().Manifest().encode())
	f.Add(`{"cluster":"test","component":"kafka","files":["/etc/passwd"],"sum":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, damage := parseManifest("kafka", []byte(text))
		if damage != nil {
			if damage.Reason == "" || len(damage.Reason) > clipped+3 || !utf8.ValidString(damage.Reason+damage.Cluster) {
				t.Errorf("damage %+q cannot be shown", damage)
			}
			return
		}
		for _, p := range slices.Concat(m.Files, m.Directories, m.Data, m.Links, m.Releases) {
			if checkPath(p) != nil {
				t.Errorf("path %q was believed", p)
			}
		}
		if again, damage := parseManifest("kafka", []byte(m.encode())); damage != nil || again.encode() != m.encode() {
			t.Errorf("%q does not come back: %+v", text, damage)
		}
	})
}
