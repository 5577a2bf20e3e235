package systemd

import "testing"

func TestCommandLine(t *testing.T) {
	for _, test := range []struct{ name, arg, want string }{
		{"a plain word stays as it is", "--brokers=10.0.0.1:9092,10.0.0.2:9092", "--brokers=10.0.0.1:9092,10.0.0.2:9092"},
		{"an empty argument is kept", "", `""`},
		{"blanks do not split", "two words", `"two words"`},
		{"a double quote is escaped", `say "hi"`, `"say \"hi\""`},
		{"a single quote needs no escape", "it's", `"it's"`},
		{"a backslash is doubled", `C:\new`, `"C:\\new"`},
		{"a percent is no specifier", "100%n", `"100%%n"`},
		{"a dollar is no variable", "$HOME ${USER}", `"$$HOME $${USER}"`},
		{"a lone semicolon is no second command", ";", `";"`},
		{"a new line and a tab are written as codes", "a\nb\tc", `"a\x0ab\x09c"`},
		{"letters of any language stay", "größe 页", `"größe 页"`},
		{"a hash is no comment", "#", `"#"`},
		{"a leading at sign is only special in the program", "@x", "@x"},
	} {
		if got, want := CommandLine([]string{"/bin/x", test.arg}), "/bin/x "+test.want; got != want {
			t.Errorf("%s: CommandLine(%q)\n got %s\nwant %s", test.name, test.arg, got, want)
		}
	}
}

func TestADollarInTheProgramsPathStaysSingle(t *testing.T) {
	if got, want := CommandLine([]string{"/opt/a$b", "$"}), `"/opt/a$b" "$$"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRepresentable(t *testing.T) {
	for s, want := range map[string]bool{"": true, "größe\n": true, "a\x00b": false, "\xff": false} {
		if got := Representable(s); got != want {
			t.Errorf("Representable(%q) = %v, want %v", s, got, want)
		}
	}
}
