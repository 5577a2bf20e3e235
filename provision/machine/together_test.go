package machine

import (
	"slices"
	"strings"
	"testing"
)

func TestOneScriptAsksWhatAllComponentsName(t *testing.T) {
	a, b := broker(), odd()
	script := ObserveScript(State{}.with(a).with(b).with(a))
	for _, s := range []State{a, b} {
		for _, f := range s.AllFiles() {
			if n := strings.Count(script, "body "+f.Path+" "); !f.Secret && !f.Once && !strings.ContainsAny(f.Path, "' ") && n != 1 {
				t.Errorf("the file %s is asked for %d times, want once", f.Path, n)
			}
		}
		for _, v := range s.Services {
			if !strings.Contains(script, v.Unit) {
				t.Errorf("the unit %s is not asked for", v.Unit)
			}
		}
	}
}

func TestAComponentTakesOnlyItsOwnPartOfASharedAnswer(t *testing.T) {
	o, err := parseObserved(broker(), []byte("@stat\n/etc/other/file\tregular file\t644\troot\troot\t3\n"+places("strangers", "/etc/other/stray")+"\n@end\n"))
	if err != nil || len(o.Files) > 0 || slices.Contains(o.Strangers, "/etc/other/stray") {
		t.Errorf("got %+v, %v; want nothing of what another component asked for", o, err)
	}
}
