package stack_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"weir/testenv/golden"
)

// The reference of the stack's config is what the Go types say of themselves:
// a key without a comment fails, and so does a page that lags behind.
func TestTheConfigReferenceIsUpToDate(t *testing.T) {
	s := schema{structs: map[string]*ast.StructType{}, docs: map[string]string{}, words: map[string]string{}, notes: notes()}
	for _, file := range []string{"config.go", "config_secret.go"} {
		s.read(t, file)
	}
	var b strings.Builder
	b.WriteString("<!-- Generated from infra/stack; go test ./infra/stack -run Reference -update rewrites it. -->\n\n" + head)
	for _, name := range s.order {
		if name != "Secrets" && s.structs[name] != nil {
			b.WriteString(s.section(t, name))
		}
	}
	b.WriteString(s.forms("Settings", "Tunable", "Duration", "Bytes"))
	b.WriteString(s.secrets(t))
	for name := range s.notes {
		t.Errorf("the note on %s is of no use: there is no such key", name)
	}
	golden.File(t, "../../docs/reference/config.md", b.String())
}

const head = `# The stack file

What stands under ` + "`weir:cluster`" + ` in ` + "`Pulumi.STACK.yaml`" + `. [Stacks](../stacks.md) has an
example of the whole. An unknown key, a wrong type and a contradiction are
errors, all of them in one list and each with its path, before anything is
touched. Paths on this computer are taken from the project's directory; ` + "`~/`" + `
is your home directory.
`

// notes are for people who write the file, beside what the source says.
func notes() map[string]string {
	return map[string]string{
		"Config.Kafka":              "Kafka needs `zookeeper`; write `{}` for all defaults.",
		"Config.Jobs":               "The programs that run on the machines.",
		"Machine.User":              "See `port`.",
		"SSH.User":                  "Any other user needs sudo.",
		"SSH.InsecureIgnoreHostKey": "Whoever answers at a machine's address is believed; every run warns of it.",
		"Jump.Address":              "An IP address or a DNS name; this computer is allowed, as a tunnel may end there.",
		"Jump.Port":                 "22 by default.",
		"Jump.User":                 "Who logs in there.",
		"Jump.PrivateKeyFile":       "The key to log in there with.",
		"Jump.HostKey":              "Its public keys, one authorized_keys line each.",
		"ZooKeeper.DataDir":         "That is /var/lib/weir/zookeeper.",
		"ZooKeeper.Config":          "Merged into zookeeper.properties. What has a key of its own here is refused.",
		"Kafka.Version":             "The other one that weir writes configuration for is 0.8.2.1, the article's.",
		"Kafka.DataDir":             "That is /var/lib/weir/kafka.",
		"Kafka.Config":              "Merged into server.properties. What has a key of its own here is refused.",
		"Kafka.DeleteData":          "It holds for the ensemble too.",
		"Topic.Name":                "Up to 249 letters, digits, and . _ -; two names that differ only by . and _ are refused.",
		"Topic.Partitions":          "It can be raised, never lowered.",
		"Topic.ReplicationFactor":   "A topic that has another is reported, not changed.",
		"Topic.Config":              "The topic's own settings, retention.ms for example; what is not listed goes back to the brokers' default.",
		"Topic.DeleteData":          "It must be applied by an up before the topic is taken out.",
		"Job.Name":                  "Up to 28 lower-case letters, digits and hyphens, a letter first.",
		"Job.Machine":               "The name of the machine that it runs on.",
		"Job.Topic":                 "It must be one of `topics`.",
		"Job.Args":                  "`bin/jobs/linux-amd64/weir-producer --help` lists them.",
	}
}

// schema is what the source says of the config's types.
type schema struct {
	order   []string
	structs map[string]*ast.StructType
	docs    map[string]string
	// words are the constants and what is written for them.
	words map[string]string
	// notes are left of notes().
	notes map[string]string
}

func (s *schema) read(t *testing.T, file string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tree.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range group.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				name := spec.Name.Name
				s.order, s.docs[name] = append(s.order, name), oneLine(group.Doc)
				if st, ok := spec.Type.(*ast.StructType); ok && name != "Secret" {
					s.structs[name] = st
				}
			case *ast.ValueSpec:
				if lit, ok := spec.Values[0].(*ast.BasicLit); ok && spec.Names[0].IsExported() {
					s.words[spec.Names[0].Name], _ = strconv.Unquote(lit.Value)
				}
			}
		}
	}
}

// section is the table of one type's keys.
func (s *schema) section(t *testing.T, name string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| Key | Type | |\n|---|---|---|\n", name, s.docs[name])
	keys := map[string]string{}
	for _, f := range s.structs[name].Fields.List {
		keys[f.Names[0].Name] = key(f)
	}
	for _, f := range s.structs[name].Fields.List {
		if key(f) == "-" {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key(f), s.kind(f.Type), s.written(s.text(t, name, f), keys))
	}
	return b.String()
}

// text is what is said of a field: its comments and our note; where there is
// neither, what is said of its type.
func (s *schema) text(t *testing.T, of string, f *ast.Field) string {
	t.Helper()
	name := of + "." + f.Names[0].Name
	said := strings.TrimSpace(oneLine(f.Doc) + " " + oneLine(f.Comment))
	if note, ok := s.notes[name]; ok {
		delete(s.notes, name)
		if said == "" {
			return note
		}
		return strings.TrimSuffix(said, ".") + ". " + note
	}
	if typed, ok := f.Type.(*ast.Ident); ok && said == "" {
		said = s.docs[typed.Name]
	}
	if said == "" {
		t.Errorf("%s has no comment: it is the reference's text", name)
	}
	return said
}

func key(f *ast.Field) string {
	tag, _ := strconv.Unquote(f.Tag.Value)
	return reflect.StructTag(tag).Get("yaml")
}

var (
	word = regexp.MustCompile(`\b([A-Z][A-Za-z0-9]*|nil)\b`)
	// products are names that are keys too, and mean the product in a sentence.
	products = map[string]bool{"ZooKeeper": true, "Kafka": true, "SSH": true, "Java": true}
)

// written puts the keys' and the constants' spelling where a comment has Go's.
func (s *schema) written(doc string, keys map[string]string) string {
	return word.ReplaceAllStringFunc(doc, func(w string) string {
		if to, ok := keys[w]; ok && !products[w] && to != "-" {
			return "`" + to + "`"
		}
		if to, ok := s.words[w]; ok {
			return "`" + to + "`"
		}
		if w == "nil" {
			return "left out"
		}
		return w
	})
}

// kind is a type in the words of someone who writes YAML.
func (s *schema) kind(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return s.kind(e.X)
	case *ast.ArrayType:
		return "list of " + s.kind(e.Elt)
	case *ast.MapType:
		return s.kind(e.Key) + ": " + s.kind(e.Value)
	case *ast.Ident:
		if s.docs[e.Name] != "" {
			return fmt.Sprintf("[%s](#%s)", e.Name, strings.ToLower(e.Name))
		}
		return map[string]string{
			"string": "text", "bool": "true or false", "int": "number", "int16": "number", "int32": "number",
		}[e.Name]
	}
	return ""
}

// forms says what the types that are no sections look like.
func (s *schema) forms(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, s.docs[name])
	}
	return b.String()
}

// inBrackets is the config key in the comment of a secret.
var inBrackets = regexp.MustCompile(`^\w+ \((weir:\w+)\) (.*)$`)

func (s *schema) secrets(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Secrets\n\nBeside `weir:cluster`, never in it. Each is set by `pulumi config set --secret KEY`\n"+
		"([Stacks](../stacks.md#secrets)); one that is not encrypted is refused.\n\n| Key | |\n|---|---|\n")
	for _, f := range s.structs["Secrets"].Fields.List {
		parts := inBrackets.FindStringSubmatch(oneLine(f.Doc))
		if parts == nil {
			t.Errorf("the comment of Secrets.%s does not begin with its name and (weir:key)", f.Names[0].Name)
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", parts[1], parts[2])
	}
	return b.String()
}

func oneLine(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(c.Text(), "|", `\|`)), " ")
}
