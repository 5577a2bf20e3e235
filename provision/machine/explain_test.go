package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"weir/testenv/golden"
)

const serverProperties = "/etc/weir/kafka/server.properties"

// explained is the plan for a broker whose first file should hold now and holds was.
func explained(t *testing.T, was, now string, change func(f *File, is *ObservedFile)) Step {
	t.Helper()
	want := broker()
	is := settled(want)
	want.Files[0].Content = now
	f := is.Files[serverProperties]
	f.Content, f.SHA256, f.Size = was, Digest(was), int64(len(was))
	if change != nil {
		change(&want.Files[0], &f)
	}
	is.Files[serverProperties] = f
	for _, s := range Explain(Diff("m", want, is), is).Steps {
		if s.Kind == "file" && s.Target == serverProperties {
			return s
		}
	}
	t.Fatal("the plan does not write the file")
	return Step{}
}

func TestAFilesStepShowsItsLines(t *testing.T) {
	for _, c := range []struct {
		name     string
		was, now string
		change   func(*File, *ObservedFile)
		want     string
	}{
		{"a changed line, with what is around it", "a=1\nb=1\nc=1\n", "a=1\nb=2\nc=1\n", nil,
			"--- " + serverProperties + "\n+++ " + serverProperties + "\n@@ -1,3 +1,3 @@\n a=1\n-b=1\n+b=2\n c=1\n"},
		{"an owner alone changes no line", "a=1\n", "a=1\n", func(_ *File, is *ObservedFile) { is.Owner = "nobody" }, ""},
		{"a secret shows nothing", "a=1\n", "hush\n", func(f *File, _ *ObservedFile) { f.Secret = true }, ""},
		{"what is too large to bring back is told by its digest", "", "b\n",
			func(_ *File, is *ObservedFile) { is.Known, is.Size, is.SHA256 = false, 70000, Digest("x") },
			"70000 bytes, sha256 " + Digest("x") + ", are replaced by 2 bytes, sha256 " + Digest("b\n") + "\n"},
		{"what a terminal would obey is told by its digest", "\x1b[2J", "b\n", nil,
			"4 bytes, sha256 " + Digest("\x1b[2J") + ", are replaced by 2 bytes, sha256 " + Digest("b\n") + "\n"},
		{"a directory in the file's place gives way to all of it", "", "b\n", func(_ *File, is *ObservedFile) { is.Kind = "directory" },
			"--- /dev/null\n+++ " + serverProperties + "\n@@ -0,0 +1,1 @@\n+b\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := explained(t, c.was, c.now, c.change)
			if got.Diff != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got.Diff, c.want)
			}
			if text, err := json.Marshal(got); err != nil || bytes.Contains(text, []byte("hush")) {
				t.Errorf("as JSON: %s, %v", text, err)
			}
		})
	}
}

func TestAPlanIsTheSameReadBackFromJSON(t *testing.T) {
	p := Explain(changedLine(), settled(broker()))
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "plan.json", string(text)+"\n")
	var back Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.MarshalIndent(back, "", "  ")
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("read back and written again:\n%s\nerror %v, want:\n%s", again, err, text)
	}
	if err := json.Unmarshal([]byte(`{"phase":"later"}`), new(Step)); err == nil {
		t.Error("a phase that is none was read")
	}
}

func TestScriptsAreThoseOfARunWithSecretsMasked(t *testing.T) {
	want := broker()
	want.Files = append(want.Files, File{Path: "/etc/weir/kafka/password", Owner: "root", Group: "root", Mode: 0o600, Content: "hush\n", Secret: true})
	plan := Diff("m", want, Observed{Facts: Facts{Systemd: true}})
	packs := func(context.Context, Release) (Pack, error) {
		return Pack{Size: 4, Open: func() (io.ReadSeekCloser, error) { return memory{strings.NewReader("pack")}, nil }}, nil
	}
	scripts, err := Scripts(t.Context(), plan, "anna", packs)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if scripts[0].Step != "lock" || !strings.Contains(scripts[0].Text, "printf '%s\\n' anna >") || scripts[1].Text != ObserveScript(want) {
		t.Errorf("before the changes: got\n%s\n%s\nwant the lock that anna holds, and the look", scripts[0].Text, scripts[1].Text)
	}
	for _, s := range scripts[2:] {
		text.WriteString("== " + s.Step + "\n" + strings.TrimPrefix(s.Text, applyPrelude))
		for _, p := range s.Payloads {
			line, _ := json.Marshal(p)
			text.WriteString("-- " + string(line) + "\n")
		}
	}
	golden.Compare(t, "scripts", text.String())
	if strings.Contains(text.String(), Digest("hush\n")) || strings.Contains(text.String(), "hush") {
		t.Error("the scripts tell of the secret")
	}
	broken := func(context.Context, Release) (Pack, error) { return Pack{}, errors.New("no network") }
	if _, err := Scripts(t.Context(), plan, "anna", broken); err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("without the release: got %v, want why it cannot be had", err)
	}
}

// memory is a pack that is in no file.
type memory struct{ *strings.Reader }

func (memory) Close() error { return nil }
