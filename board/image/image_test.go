package image

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// binaries names the folder that make image has filled.
func binaries(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("METERD_IMAGE")
	if dir == "" {
		t.Skip("METERD_IMAGE is not set; make test-image sets it")
	}
	return dir
}

// TestImageIsReproducible makes everything once more, and wants the same
// bytes.
func TestImageIsReproducible(t *testing.T) {
	bin, again := binaries(t), t.TempDir()
	cmd := exec.Command("./pack", bin, again, os.Getenv("PACKAGE"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pack: %v: %s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(bin, "image", "*"))
	if err != nil || len(made) != 9 {
		t.Fatalf("%d files are made, want three kinds for three boards: %v", len(made), made)
	}
	for _, path := range made {
		a, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, filepath.Base(path)))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same when it is made again (%v)", filepath.Base(path), err)
		}
	}
}

// TestImageFitsItsFlash: a program may have 10 MiB of it. What each part costs
// is printed by make cross.
func TestImageFitsItsFlash(t *testing.T) {
	bin := binaries(t)
	for _, arch := range []string{"armv5", "armv7", "arm64"} {
		info, err := os.Stat(filepath.Join(bin, "meterd-"+arch))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 10<<20 {
			t.Errorf("%s has %d bytes, %d more than it may have", info.Name(), info.Size(), info.Size()-(10<<20))
		}
		t.Logf("%s: %d bytes of %d", info.Name(), info.Size(), 10<<20)
	}
}

// TestImageHoldsWhatRuns looks into what is flashed: a static program for the
// right processor, that takes the configuration beside it, and modes that keep
// secrets.
func TestImageHoldsWhatRuns(t *testing.T) {
	bin := binaries(t)
	machines := map[string]elf.Machine{"armv5": elf.EM_ARM, "armv7": elf.EM_ARM, "arm64": elf.EM_AARCH64}
	emulators := map[string]string{"armv5": "qemu-arm-static", "armv7": "qemu-arm-static", "arm64": "qemu-aarch64-static"}
	debs := map[string]string{"armv5": "armel", "armv7": "armhf", "arm64": "arm64"}
	for arch, machine := range machines {
		overlay, deb, ipk := t.TempDir(), t.TempDir(), t.TempDir()
		tool(t, "tar", "-C", overlay, "-xf", filepath.Join(bin, "image", "meterd-overlay-"+arch+".tar.gz"))
		tool(t, "dpkg-deb", "-x", one(t, bin, "*_"+debs[arch]+".deb"), deb)
		tool(t, "tar", "-C", ipk, "-xf", one(t, bin, "*_"+arch+".ipk"))
		tool(t, "tar", "-C", ipk, "-xf", filepath.Join(ipk, "data.tar.gz"))
		for kind, root := range map[string]string{"overlay": overlay, "deb": deb, "ipk": ipk} {
			program := filepath.Join(root, "usr/bin/meterd")
			f, err := elf.Open(program)
			if err != nil {
				t.Fatal(err)
			}
			if f.Machine != machine || slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
				t.Errorf("%s for %s: the program is for %v, or not static", kind, arch, f.Machine)
			}
			f.Close()
			config := filepath.Join(root, "etc/meterd/meterd.toml")
			if told := checked(t, emulators[arch], program, config); len(told) != 1 || !strings.Contains(told[0], "nothing is read") {
				t.Errorf("%s for %s: the configuration of a new board is told as %q", kind, arch, told)
			}
			if info, err := os.Stat(config); err != nil {
				t.Error(err)
			} else if info.Mode().Perm() != 0o600 { // it will hold secrets
				t.Errorf("%s for %s: the configuration has mode %v", kind, arch, info.Mode())
			}
		}
	}
	control := tool(t, "dpkg-deb", "-f", one(t, bin, "*_armhf.deb"))
	if !strings.Contains(control, "\nArchitecture: armhf\n") {
		t.Errorf("control is\n%s", control)
	}
}

// checked gives what is told to be wrong with a configuration.
func checked(t *testing.T, emulator, program, config string) (told []string) {
	t.Helper()
	out, err := exec.Command(emulator, program, "check", "-json", config).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	var got struct {
		Problems []struct{ Text string }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for _, p := range got.Problems {
		told = append(told, p.Text)
	}
	return told
}

func one(t *testing.T, bin, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(bin, "image", pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v (%v)", pattern, found, err)
	}
	return found[0]
}
