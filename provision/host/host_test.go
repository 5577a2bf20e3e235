package host

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/provision/machine"
	"weir/provision/problem"
	"weir/testenv/golden"
)

// kept leaves every setting as the machine has it.
var kept = OS{OpenFiles: Keep, MaxMapCount: Keep, Swappiness: Keep, TransparentHugePages: Keep}

// set says what a state sets in the operating system.
func set(s machine.State) []string {
	var all []string
	for _, f := range s.AllFiles() {
		all = append(all, f.Path)
	}
	for _, c := range s.Sysctls {
		all = append(all, c.Key+"="+c.Value)
	}
	for _, v := range s.Services {
		all = append(all, v.Unit)
	}
	return all
}

func TestEachSettingCanBeKept(t *testing.T) {
	all := []string{
		"/etc/security/limits.d/60-weir.conf", "/etc/systemd/system/weir-hugepages.service", "/etc/sysctl.d/60-weir-host.conf",
		"/sys/kernel/mm/transparent_hugepage/enabled=madvise", "vm.max_map_count=262144", "vm.swappiness=1", "weir-hugepages.service",
	}
	without := func(parts ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool {
			return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
		})
	}
	for _, c := range []struct {
		name string
		os   OS
		want []string
	}{
		{"the defaults set everything", OS{}, all},
		{"open files", OS{OpenFiles: Keep}, without("limits.d")},
		{"memory maps", OS{MaxMapCount: Keep}, without("max_map_count")},
		{"swapping", OS{Swappiness: Keep}, without("swappiness")},
		{"huge pages, with the unit that sets them at boot", OS{TransparentHugePages: Keep}, without("hugepage")},
		{"both sysctls, and then no file is left empty", OS{MaxMapCount: Keep, Swappiness: Keep}, without("max_map_count", "swappiness", "sysctl.d")},
		{"everything", kept, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := State(Spec{Cluster: "test", OS: c.os})
			if got := set(s); !slices.Equal(got, c.want) {
				t.Errorf("got\n %q\nwant\n %q", got, c.want)
			}
			if err := s.Validate(); err != nil {
				t.Errorf("the state cannot be applied: %v", err)
			}
		})
	}
}

func TestFilesOfTheOperatingSystem(t *testing.T) {
	for _, f := range State(Spec{Cluster: "test", OS: OS{Swappiness: "10", TransparentHugePages: "never"}}).AllFiles() {
		golden.Compare(t, f.Path[strings.LastIndex(f.Path, "/")+1:], f.Content)
	}
}

func TestAJavaRuntimeIsInstalledWhereItIsWanted(t *testing.T) {
	for java, want := range map[bool]string{true: "[{" + JavaPackage + " java}]", false: "[]"} {
		if got := fmt.Sprint(State(Spec{Cluster: "test", Java: java}).Packages); got != want {
			t.Errorf("Java %v: got packages %s, want %s", java, got, want)
		}
	}
}

func TestValidateListsEverySettingThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name string
		os   OS
		want []string
	}{
		{"the defaults", OS{}, nil},
		{"keep everywhere", kept, nil},
		{"the bounds", OS{OpenFiles: "1024", MaxMapCount: "65530", Swappiness: "0", TransparentHugePages: "always"}, nil},
		{"a number in another form than the kernel's", OS{Swappiness: "01"}, []string{
			`os.swappiness: is "01"; write a number from 0 to 100, or keep to leave the machine's own`,
		}},
		{"words, and numbers out of range", OS{OpenFiles: "many", MaxMapCount: "65529", Swappiness: "101", TransparentHugePages: "on"}, []string{
			`os.openFiles: is "many"; write a number from 1024 to 1048576, or keep to leave the machine's own`,
			`os.maxMapCount: is "65529"; write a number from 65530 to 2147483647, or keep to leave the machine's own`,
			`os.swappiness: is "101"; write a number from 0 to 100, or keep to leave the machine's own`,
			`os.transparentHugePages: is "on"; write one of always, madvise, never, keep`,
		}},
		{"what a shell or a kernel would read as more", OS{Swappiness: "1\nkernel.panic = 1", TransparentHugePages: "never'; reboot"}, []string{
			`os.swappiness: is "1\nkernel.panic = 1"; write a number from 0 to 100, or keep to leave the machine's own`,
			`os.transparentHugePages: is "never'; reboot"; write one of always, madvise, never, keep`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var problems problem.List
			c.os.Validate("os", &problems)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n %q\nwant\n %q", got, c.want)
			}
		})
	}
}
