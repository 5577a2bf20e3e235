package properties

import (
	"maps"
	"strings"
	"testing"
)

func TestParseReadsWhatJavaReads(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{"nothing", "", nil},
		{"comments and blank lines", "# a=1\n! b=2\n\n   \n", nil},
		{"the signs between key and value", "a=1\nb:2\nc 3\nd  =  4\ne\n", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": ""}},
		{"a value may hold the signs", "listeners=PLAINTEXT://:9092\n", map[string]string{"listeners": "PLAINTEXT://:9092"}},
		{"the last line of a key holds", "a=1\na=2", map[string]string{"a": "2"}},
		{"white space behind a value stays", "dataDir=/zk \n", map[string]string{"dataDir": "/zk "}},
		{"a line that goes on", "zookeeper.connect=a:2181,\\\n    b:2181\n", map[string]string{"zookeeper.connect": "a:2181,b:2181"}},
		{"two backslashes end a line", "a=1\\\\\nb=2\n", map[string]string{"a": `1\`, "b": "2"}},
		{"a file that ends while a line goes on", "a=1\\", map[string]string{"a": "1"}},
		{"lines of other systems", "a=1\r\nb=2\rc=3", map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"escapes", `a\ b\=\:c=\t\n\\\z\u00e9\ud83d\ude00`, map[string]string{"a b=:c": "\t\n\\zé😀"}},
		{"ISO 8859-1", "a=\xe9", map[string]string{"a": "é"}},
		{"UTF-8", "a=é", map[string]string{"a": "é"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := Parse(c.text); err != nil || !maps.Equal(got, c.want) {
				t.Errorf("Parse(%q) = %q, %v; want %q", c.text, got, err, c.want)
			}
		})
	}
}

func TestParseNamesTheLineThatIsNone(t *testing.T) {
	for _, text := range []string{"a=1\nb=\\u12", "a=1\nb=\\u12zz\n", "# x\n\\uzzzz=1"} {
		if got, err := Parse(text); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("Parse(%q) = %q, %v; want an error about line 2", text, got, err)
		}
	}
}

// What String writes, Parse reads; and whatever it is given, it ends.
func FuzzParse(f *testing.F) {
	f.Add("listeners=PLAINTEXT://:9092\nlog.dirs = /a,\\\n /b\n")
	f.Add("\\u00e9\\\n=\\\\\n#")
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := Parse(text)
		if err != nil {
			return
		}
		file := File{}.Override(settings)
		again, err := Parse(file.String())
		if err != nil || !maps.Equal(again, settings) {
			t.Errorf("%q was read as %q, written as\n%s\nand read as %q, %v", text, settings, file, again, err)
		}
	})
}
