package release_test

import (
	"strings"
	"testing"

	"weir/provision/release"
)

const hash = "ae475120e9fcd99b4b00b38329bd61cdc5eb754eee03fe66c01f50e137724f99"

func TestParseNamesEveryMistake(t *testing.T) {
	tests := []struct {
		name, items string
		want        string // part of the error; "" is none
	}{
		{"a good lock is accepted", "- {place: libs/a.jar, maven: 'g:a:1', sha256: " + hash + "}", ""},
		{"a classifier and a type are accepted", "- {place: a.zip, maven: 'g:a:1:linux-x86_64@zip', sha256: " + hash + "}", ""},
		{"text needs no checksum", "- {place: bin/a.sh, text: hello, executable: true}", ""},
		{"an unknown key is refused", "- {place: a, text: hello, exectuable: true}", "field exectuable not found"},
		{"an absolute place is refused", "- {place: /etc/passwd, text: x}", `items[0] /etc/passwd: place "/etc/passwd" is not a clean path`},
		{"a place that leads out is refused", "- {place: libs/../../a, text: x}", "is not a clean path inside the tree"},
		{"a place with an empty part is refused", "- {place: libs//a, text: x}", "is not a clean path inside the tree"},
		{"a place with a line feed is refused", `- {place: "a\nb", text: x}`, "unprintable"},
		{"a place that sha256sum would escape is refused", `- {place: 'a\b', text: x}`, "backslash"},
		{"the place of the checksums is refused", "- {place: SHA256SUMS, text: x}", "where the tree's own checksums go"},
		{"a place that is taken is refused", "- {place: a, text: x}\n- {place: a, text: y}", "items[1] a: has the same place as items[0]"},
		{"a place below a file is refused", "- {place: a, text: x}\n- {place: a/b, text: y}", "is below a, which items[0] makes a file"},
		{"a checksum in capitals is refused", "- {place: a, url: 'https://h/a', sha256: " + strings.ToUpper(hash) + "}", "expected 64 hex digits in lower case"},
		{"a checksum that is cut off is refused", "- {place: a, url: 'https://h/a', sha256: ae47}", `sha256 "ae47"; expected 64 hex digits`},
		{"a missing checksum is refused", "- {place: a, url: 'https://h/a'}", "nothing is fetched without a checksum"},
		{"a sha512 for a file of the tree is refused", "- {place: a, url: 'https://h/a', sha512: " + hash + hash + "}", "a file of the tree needs sha256"},
		{"a text that is not its checksum's is refused", "- {place: a, text: x, sha256: " + hash + "}", "but its text has 2d711642"},
		{"no source is refused", "- {place: a, sha256: " + hash + "}", "has no source"},
		{"two sources are refused", "- {place: a, text: x, url: 'https://h/a'}", "has 2 sources (url, text)"},
		{"a coordinate without a version is refused", "- {place: a, maven: 'g:a', sha256: " + hash + "}", "expected group:artifact:version"},
		{"a version range of PyPI is refused", "- {place: a, pypi: 'a>=1', sha256: " + hash + "}", "expected name==version"},
		{"a URL that is a path is refused", "- {place: a, url: /tmp/a, sha256: " + hash + "}", "expected http:// or https://"},
		{"a URL that holds a password is refused", "- {place: a, url: 'https://u:p@h/a', sha256: " + hash + "}", "expected http:// or https://"},
		{"a relative file is refused", "- {place: a, file: a, sha256: " + hash + "}", "expected an absolute path"},
		{"a negative size is refused", "- {place: a, text: x, size: -1}", "has size -1"},
		{"a strip that is no count is refused", "- {place: ., url: 'https://h/a', sha256: " + hash + ", unpack: {strip: -1}}", "expected 0 to 8"},
		{"an archive at the root is accepted", "- {place: ., url: 'https://h/a', sha256: " + hash + ", unpack: {strip: 1}}", ""},
		{"a file at the root is refused", "- {place: ., text: x}", "is not a clean path inside the tree"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "name: n\nversion: '1'\nitems:\n" + tt.items + "\n"
			_, err := release.Parse("n.yaml", []byte(text))
			if tt.want == "" {
				if err != nil {
					t.Errorf("Parse(%q): %v", text, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "n.yaml") {
				t.Errorf("Parse(%q): got error %v, want one that names n.yaml and holds %q", text, err, tt.want)
			}
		})
	}
}

func TestParseTellsAllMistakesAtOnce(t *testing.T) {
	_, err := release.Parse("n.yaml", []byte("name: ../n\nversion: ''\nitems: []\n"))
	if err == nil || !strings.Contains(err.Error(), "3 problems") {
		t.Errorf("got %v, want name, version and items in one error", err)
	}
}

func TestParseRefusesASecondDocument(t *testing.T) {
	_, err := release.Parse("n.yaml", []byte("name: n\nversion: '1'\nitems: [{place: a, text: x}]\n---\nname: m\n"))
	if err == nil || !strings.Contains(err.Error(), "one YAML document") {
		t.Errorf("got %v, want an error about the second document", err)
	}
}

func TestEncodeIsReadBack(t *testing.T) {
	l := release.Lock{Name: "n", Version: "1", Items: []release.Item{
		{Place: "libs/b.jar", Maven: "g:b:1", SHA256: hash, Size: 3},
		{Place: "bin/a.sh", Text: "#!/bin/sh\necho 'hi'\n", Executable: true},
	}}
	data, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := release.Parse("n.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := digest(t, back), digest(t, l); got != want {
		t.Errorf("digest after reading back is %s, want %s; the file:\n%s", got, want, data)
	}
	if back.Items[0].Place != "bin/a.sh" {
		t.Errorf("items are not sorted: first is %s", back.Items[0].Place)
	}
}

func TestSumsAreWhatSha256sumReads(t *testing.T) {
	l := release.Lock{Name: "n", Version: "1", Items: []release.Item{
		{Place: "bin/a.sh", Text: "hello", Executable: true},
		{Place: "a.jar", Maven: "g:a:1", SHA256: hash},
	}}
	want := "# release: n 1\n# executable: bin/a.sh\n" + hash + "  a.jar\n" +
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  bin/a.sh\n"
	if got, err := l.Sums(); got != want || err != nil {
		t.Errorf("got %v\n%s\nwant:\n%s", err, got, want)
	}
}

func TestTheDigestStandsForAllOfATree(t *testing.T) {
	base := release.Lock{Name: "n", Version: "1", Items: []release.Item{{Place: "a", Text: "x"}, {Place: "b", Text: "y"}}}
	reordered := base
	reordered.Items = []release.Item{base.Items[1], base.Items[0]}
	if digest(t, base) != digest(t, reordered) {
		t.Error("the order of items changes the digest")
	}
	for name, other := range map[string]release.Lock{
		"version": {Name: "n", Version: "2", Items: base.Items},
		"content": base.With(release.Item{Place: "a", Text: "z"}),
		"mode":    base.With(release.Item{Place: "a", Text: "x", Executable: true}),
		"place":   {Name: "n", Version: "1", Items: []release.Item{{Place: "a", Text: "x"}, {Place: "c", Text: "y"}}},
		"more":    base.With(release.Item{Place: "c", Text: "z"}),
	} {
		if digest(t, base) == digest(t, other) {
			t.Errorf("another %s does not change the digest", name)
		}
	}
}

func TestCommittedLocksAreValid(t *testing.T) {
	for version, jars := range map[string]int{"3.9.2": 105, "0.8.2.1": 15} {
		l, err := release.Named("kafka", version)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Items) != jars {
			t.Errorf("kafka %s has %d items, want %d", version, len(l.Items), jars)
		}
	}
	_, err := release.Named("kafka", "9.9")
	if err == nil || !strings.Contains(err.Error(), "kafka 3.9.2") {
		t.Errorf("an unknown version: got %v, want an error that lists what there is", err)
	}
}

func digest(t *testing.T, l release.Lock) string {
	t.Helper()
	d, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}
