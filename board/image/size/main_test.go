package main

import (
	"debug/elf"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each package of what is flashed belongs to a part.
func TestEachPackageHasAPart(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "meterd/cmd/meterd").Output()
	if err != nil {
		t.Fatal(err)
	}
	p := readParts(partsTable)
	for path := range strings.FieldsSeq(string(out)) {
		if p.of(path) == unnamed {
			t.Errorf("%s has no part in parts.tsv", path)
		}
	}
}

func TestThePackageOfASymbol(t *testing.T) {
	for symbol, want := range map[string]string{
		"meterd/meter.(*Bus).Run":                         "meterd/meter",
		"main.main":                                       "main",
		"github.com/x/y%2ez.F":                            "github.com/x/y.z",
		"aead.dev/minisign.Sign":                          "aead.dev/minisign",
		"slices.SortFunc[go.shape.[]meterd/meter.Bus]":    "slices",
		"type:.eq.net/netip.Addr":                         "net/netip",
		"vendor/golang.org/x/net/idna.(*Profile).ToASCII": "vendor/golang.org/x/net/idna",
		"memeqbody":                                       "runtime",
	} {
		if got := packageOf(symbol); got != want {
			t.Errorf("%s: got %s, want %s", symbol, got, want)
		}
	}
	p := readParts(partsTable)
	if got, want := p.of("meterd/uplink/das"), p.of("meterd/uplink/tuya"); got != want || got == p.of("meterd/uplink") {
		t.Errorf("das is in %q, tuya in %q, what they share in %q", got, want, p.of("meterd/uplink"))
	}
}

// All parts together are what is loaded from the program, to the byte.
func TestThePartsAddUp(t *testing.T) {
	dir := t.TempDir()
	build := func(name, flags string) string {
		path := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-ldflags", flags, "-o", path, ".")
		cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=arm", "GOARM=7", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return path
	}
	flashed, symbols := build("flashed", "-s -w"), build("symbols", "-w")
	if err := run(io.Discard, flashed, flashed); err == nil || !strings.Contains(err.Error(), "no symbols") {
		t.Errorf("a program without symbols: %v", err)
	}
	f, err := elf.Open(symbols)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := costs(f, readParts("ours\tmain\nruntime\truntime internal"))
	if err != nil {
		t.Fatal(err)
	}
	var loaded, sum int64
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS {
			loaded += int64(s.Size)
		}
	}
	bytes := map[string]int64{}
	for _, r := range rows {
		if r.code < 0 || r.tables < 0 || r.data < 0 {
			t.Errorf("%+v", r)
		}
		bytes[r.part] = r.bytes()
		sum += r.bytes()
	}
	if slack := loaded - sum; slack < 0 || slack >= int64(len(rows)) { // tables are shared out in whole bytes
		t.Errorf("%d bytes are loaded, the parts have %d", loaded, sum)
	}
	text := f.Section(".text").Size
	if bytes["ours"] < 1000 || bytes["runtime"] < int64(text/8) || bytes[unnamed] == 0 {
		t.Errorf("got %v", bytes)
	}
}
