package stack

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"weir/provision/problem"
)

// decoder fills a Go value from YAML and notes everything that does not fit,
// where yaml.v3's own strict mode stops at unknown keys, knows no paths and
// takes 22 for a string.
type decoder struct{ problems problem.List }

// maxNesting is deeper than anything that is meant: an alias may contain itself.
const maxNesting = 16

func (d *decoder) value(path string, n *yaml.Node, into reflect.Value) {
	if strings.Count(path, ".") > maxNesting {
		d.problems.Add(path, "is nested too deeply; does an alias contain itself?")
		return
	}
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok && n.Kind == yaml.ScalarNode {
		d.text(path, n, u)
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		d.pointer(path, n, into)
	case reflect.Struct:
		d.structure(path, n, into)
	case reflect.Slice:
		d.slice(path, n, into)
	case reflect.Map:
		d.mapping(path, n, into)
	default:
		d.scalar(path, n, into)
	}
}

// pointer makes a section that is there, even where it is empty: "kafka:"
// with nothing behind it asks for Kafka with all defaults.
func (d *decoder) pointer(path string, n *yaml.Node, into reflect.Value) {
	into.Set(reflect.New(into.Type().Elem()))
	d.value(path, n, into.Elem())
}

func (d *decoder) structure(path string, n *yaml.Node, into reflect.Value) {
	fields := map[string]int{}
	var names []string
	for i := range into.NumField() {
		if name := into.Type().Field(i).Tag.Get("yaml"); name != "-" {
			fields[name] = i
			names = append(names, name)
		}
	}
	d.pairs(path, n, func(key string, value *yaml.Node) {
		at := join(path, key)
		if i, ok := fields[key]; ok {
			d.value(at, value, into.Field(i))
			return
		}
		d.problems.Add(at, "is not a known key; %s", knownKeys(key, names))
	})
}

func (d *decoder) mapping(path string, n *yaml.Node, into reflect.Value) {
	m := reflect.MakeMap(into.Type())
	d.pairs(path, n, func(key string, value *yaml.Node) {
		v := reflect.New(into.Type().Elem()).Elem()
		if _, ok := into.Interface().(Settings); ok {
			d.setting(join(path, key), value, v)
		} else {
			d.value(join(path, key), value, v)
		}
		m.SetMapIndex(reflect.ValueOf(key), v)
	})
	if m.Len() > 0 {
		into.Set(m)
	}
}

// pairs calls visit for each key of a mapping; nothing at all is an empty one.
func (d *decoder) pairs(path string, n *yaml.Node, visit func(key string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			d.wrongType(path, n, "a mapping of keys to values")
		}
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] {
			d.problems.Add(join(path, key), "is given twice; keep one")
			continue
		}
		seen[key] = true
		visit(key, n.Content[i+1])
	}
}

func (d *decoder) slice(path string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		if !isNull(n) {
			d.wrongType(path, n, "a list")
		}
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, into.Index(i))
	}
}

func (d *decoder) scalar(path string, n *yaml.Node, into reflect.Value) {
	if into.Kind() == reflect.String && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!str" && !isNull(n) {
		d.problems.Add(path, "is %s, not a text; write it in quotes: %q", describe(n), n.Value)
		return
	}
	whole := !into.CanInt() || n.ShortTag() == "!!int" // yaml.v3 would cut 1.5 to 1
	if isNull(n) || !whole || n.Decode(into.Addr().Interface()) != nil {
		d.wrongType(path, n, describeKind(into.Kind()))
	}
}

// setting keeps a value as it is written: what it means is the program's to say.
func (d *decoder) setting(path string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.wrongType(path, n, "a text, a number or a boolean")
		return
	}
	into.SetString(n.Value)
}

func (d *decoder) text(path string, n *yaml.Node, into encoding.TextUnmarshaler) {
	if err := into.UnmarshalText([]byte(n.Value)); err != nil {
		d.problems.Add(path, "%v", err)
	}
}

func (d *decoder) wrongType(path string, n *yaml.Node, want string) {
	d.problems.Add(path, "is %s; write %s", describe(n), want)
}

func isNull(n *yaml.Node) bool {
	return n.Kind == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func describe(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "empty"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return "the boolean " + n.Value
	}
	return fmt.Sprintf("the text %q", n.Value)
}

func describeKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int16:
		return "a whole number up to 32767"
	}
	return "a whole number"
}

func join(path, key string) string {
	if strings.ContainsAny(key, ".[] ") {
		return fmt.Sprintf("%s[%q]", path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
