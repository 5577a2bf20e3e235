package machine

import (
	"encoding/base64"
	"strings"
	"testing"
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
		{name: "a manifest with a path outside is an error",
			answer: "@manifests\nkafka.json\t" + b64(`{"cluster":"c","component":"kafka","files":["/etc/../etc/passwd"]}`) + "\n@end", fails: "not absolute, clean"},
		{name: "a manifest that owns a top directory is an error",
			answer: "@manifests\nkafka.json\t" + b64(`{"cluster":"c","component":"kafka","data":["/etc"]}`) + "\n@end", fails: "below a top directory"},
		{name: "a manifest of another name is an error",
			answer: "@manifests\nkafka.json\t" + b64(`{"cluster":"c","component":"other"}`) + "\n@end", fails: "not written by weir"},
		{name: "a stranger outside of our directories is not taken",
			answer: "@strangers\n/etc/weir/kafka\t" + b64("/etc/passwd\x00/etc/weir/kafka/../x\x00") + "\n@end",
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

func TestASettingIsTheOneOfThoseThatAreListed(t *testing.T) {
	for line, want := range map[string]string{
		"always [madvise] never": "madvise", "1": "1", "  4096\t87380   6291456 ": "4096 87380 6291456", "[": "", "]x[": "",
	} {
		o, err := parseObserved(broker(), []byte("@sysctls\nkey\t"+line+"\n@end"))
		if got := o.Sysctls["key"]; err != nil || got != want {
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
	f.Add("@stat\n/etc/weir/kafka/server.properties\tregular file\t644\troot\troot\t3\n@end")
	s := broker()
	f.Fuzz(func(t *testing.T, answer string) {
		o, err := parseObserved(s, []byte(answer))
		if err != nil {
			return
		}
		_ = Diff("weir-1", s, o) // whatever a machine says, comparing must not panic
		for _, p := range o.Strangers {
			if checkPath(p) != nil {
				t.Errorf("stranger %q was taken", p)
			}
		}
	})
}
